package sim

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestLogWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		begun := time.Now()
		b.later(time.Second, func() { b.boards[0].unlock(1, time.Second/10) })
		b.later(2*time.Second, func() { b.boards[0].unlock(1, time.Second/10) })
		e, err := b.log.WaitPulse(t.Context(), at(1, 1))
		if err != nil || e.At.Sub(begun) != time.Second || e.Length != time.Second/10 {
			t.Errorf("first pulse: %+v, %v", e, err)
		}
		if e, err = b.log.Wait(t.Context(), Pulse, at(1, 1), 2); err != nil || e.At.Sub(begun) != 2*time.Second {
			t.Errorf("second pulse: %+v, %v", e, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.log.Wait(ctx, Pulse, at(1, 1), 3); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a third pulse: %v", err)
		}
	})
}

func TestLogIsBounded(t *testing.T) {
	var l Log
	for range maxEntries + 10 {
		l.add(Pulse, at(1, 1), 0)
	}
	if n := len(l.Entries()); n > maxEntries || n < maxEntries/2 {
		t.Errorf("%d entries are kept, want %d at most", n, maxEntries)
	}
	if n := l.Count(Pulse, at(1, 1)); n != maxEntries+10 {
		t.Errorf("counted %d, want %d", n, maxEntries+10)
	}
	if e, err := l.Wait(t.Context(), Pulse, at(1, 1), maxEntries+10); err != nil || e.Seq != maxEntries+10 {
		t.Errorf("the last is %+v, %v", e, err)
	}
}

func TestOverlap(t *testing.T) {
	const ms = time.Millisecond
	type pulse struct{ at, length time.Duration }
	tests := []struct {
		name   string
		pulses []pulse
		slack  time.Duration
		want   int
	}{
		{"none", nil, 0, 0},
		{"one", []pulse{{0, 300 * ms}}, 0, 1},
		{"in turn", []pulse{{0, 300 * ms}, {300 * ms, 300 * ms}}, 0, 1},
		{"by a hair", []pulse{{0, 300 * ms}, {290 * ms, 300 * ms}}, 20 * ms, 1},
		{"two", []pulse{{0, 300 * ms}, {200 * ms, 300 * ms}, {600 * ms, 300 * ms}}, 20 * ms, 2},
		{"held", []pulse{{0, 0}, {time.Minute, 300 * ms}}, 0, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l Log
				begun := time.Now()
				for i, p := range tt.pulses {
					time.Sleep(time.Until(begun.Add(p.at)))
					l.add(Pulse, at(1, i), p.length)
				}
				time.Sleep(time.Second)
				if got := l.Overlap(tt.slack); got != tt.want {
					t.Errorf("overlap is %d, want %d", got, tt.want)
				}
			})
		})
	}
}

func TestCloseStopsTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		b.tell(open11)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		wantWhats(t, &b.log, Pulse)
		b.tell("8A 01 02 11 98")
		time.Sleep(time.Second)
		if b.Door(at(1, 2)).IsOpen() {
			t.Error("a closed line moves doors")
		}
		if err := b.Plug(); !errors.Is(err, errClosed) {
			t.Errorf("plugging a closed line in: %v", err)
		}
	})
}
