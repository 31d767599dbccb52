package bank

import (
	"log/slog"
	"testing"
	"time"

	"lockerd/daemon/clock"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/scanner"
	"lockerd/store"
)

// countingBus notes how many data syncs the store had made at each unlock.
type countingBus struct {
	*fakeBus
	st  *store.Store
	got chan int64
}

func (c *countingBus) Unlock(u hal.Unlock) {
	c.got <- c.st.Stats().Syncs
	c.fakeBus.Unlock(u)
}

// TestOneSyncBetweenScanAndPulse counts on the real store: the whole step of a
// scan costs one data sync, and the pulse comes after it.
func TestOneSyncBetweenScanAndPulse(t *testing.T) {
	st, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	bus := &countingBus{fakeBus: newFakeBus(1), st: st, got: make(chan int64, 8)}
	b, err := New(Config{
		Bank: "lon-042", Version: "test", Open: testTimes, Log: slog.New(slog.DiscardHandler),
		Buses: []BusSpec{{Name: "a", Boards: []int{1}}},
		Doors: []DoorSpec{{ID: at(1), Sensor: true, Bus: "a", Lock: hal.Lock{Address: 1, Channel: 1}}},
	}, st, clock.New(clock.System(), 0))
	if err != nil {
		t.Fatal(err)
	}
	b.Attach("a", bus)
	bus.begin(b)
	ended := make(chan error, 1)
	go func() { ended <- b.Run(t.Context()) }()
	<-b.Ready()
	c, err := b.NewCode(t.Context(), NewCode{Kind: locker.Collect, Door: at(1), TTL: time.Hour}, "test")
	if err != nil {
		t.Fatal(err)
	}
	before, next := st.Stats().Syncs, st.Next()
	b.Expect(c.Text)
	if st.Stats().Syncs != before || st.Next() != next || len(bus.got) > 0 {
		t.Error("what is expected has left a trace")
	}
	b.Scanned(scanner.Scan{Scanner: "front", Text: c.Text, At: time.Now()})
	if n := <-bus.got - before; n != 1 {
		t.Errorf("%d data syncs between scan and pulse, want 1", n)
	}
	bus.end()
	b.post(func() { b.fail(errStopped) }) // the door would be proven for seconds
	if err := <-ended; err == nil {
		t.Error("the bank did not end")
	}
}
