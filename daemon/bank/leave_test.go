package bank

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// TestLeaveWaits holds that nothing is left for an update while a door is open, being
// opened, or a visit runs, and that no scan is taken behind it.
func TestLeaveWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		one := r.code(NewCode{Kind: locker.Collect, Door: locker.DoorID{Locker: 1, Door: 1}, TTL: time.Hour})
		two := r.code(NewCode{Kind: locker.Collect, Door: locker.DoorID{Locker: 1, Door: 2}, TTL: time.Hour})
		r.scan(one)
		calls := 0
		left := make(chan error, 1)
		go func() { left <- r.b.Leave(context.Background(), func() error { calls++; return nil }) }()
		time.Sleep(20 * time.Second) // it stands open
		r.bus.takePulses()
		if calls != 0 {
			t.Fatal("left while a door was open")
		}
		r.bus.set(1, false)
		time.Sleep(2 * time.Second)
		if err := <-left; err != nil || calls != 1 {
			t.Fatalf("did not leave: %v, %d", err, calls)
		}
		r.scan(two)
		time.Sleep(5 * time.Second)
		if got := r.bus.takePulses(); len(got) != 0 {
			t.Fatalf("pulsed %v behind its end", got)
		}
	})
}

func TestLeaveThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		full := errors.New("disk full")
		if err := r.b.Leave(t.Context(), func() error { return full }); !errors.Is(err, full) {
			t.Fatal(err)
		}
		r.scan(r.code(NewCode{Kind: locker.Collect, Door: locker.DoorID{Locker: 1, Door: 1}, TTL: time.Hour}))
		time.Sleep(time.Second)
		if got := r.bus.takePulses(); len(got) != 1 {
			t.Fatalf("pulses %v: the bank does not go on", got)
		}
	})
}

// TestLeaveGivenUp holds that an order whose time is over is forgotten.
func TestLeaveGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, nil)
		r.bus.set(1, true)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := r.b.Leave(ctx, func() error { t.Error("left"); return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		r.bus.set(1, false)
		time.Sleep(time.Minute)
	})
}
