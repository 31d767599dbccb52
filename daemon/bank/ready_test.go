package bank

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal"
)

// TestReady: lockerd is ready when doors can be opened. A board that has
// answered is no such thing before its doors have been read: whoever scanned in
// between was told that it is silent.
func TestReady(t *testing.T) {
	answers, lost := hal.Board{Address: 1}, hal.Board{Address: 1, Lost: true, Err: errors.New("no reply")}
	read := hal.Observed{Address: 1, States: []hal.State{hal.Closed}}
	for name, c := range map[string]struct {
		blind bool // the door has no sensor: there is nothing to read
		said  []any
		ready bool
	}{
		"nothing":               {},
		"answers":               {said: []any{answers}},
		"answers, read":         {said: []any{answers, read}, ready: true},
		"read":                  {said: []any{read}, ready: true},
		"lost":                  {said: []any{lost}, ready: true},
		"answers, lost":         {said: []any{answers, lost}, ready: true},
		"answers, no sensor":    {blind: true, said: []any{answers}, ready: true},
		"answers, answers":      {said: []any{answers, answers}},
		"another board is lost": {said: []any{hal.Board{Address: 2, Lost: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, err := New(Config{
					Bank: "lon-042", Version: "test", Open: testTimes, Log: slog.New(slog.DiscardHandler),
					Buses: []BusSpec{{Name: "a", Boards: []int{1}}},
					Doors: []DoorSpec{{ID: at(1), Sensor: !c.blind, Bus: "a", Lock: hal.Lock{Address: 1, Channel: 1}}},
				}, newMemStore(), &fakeClock{status: locker.ClockSynced})
				if err != nil {
					t.Fatal(err)
				}
				b.Attach("a", newFakeBus(1))
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- b.Run(ctx) }()
				for _, s := range c.said {
					switch s := s.(type) {
					case hal.Board:
						b.Board("a", s)
					case hal.Observed:
						s.Begun = time.Now()
						b.Observed("a", s)
					}
				}
				synctest.Wait()
				if b.isReady() != c.ready {
					t.Errorf("ready: %t, want %t", b.isReady(), c.ready)
				}
				time.Sleep(readyLimit)
				synctest.Wait()
				if !b.isReady() {
					t.Errorf("not ready after %v", readyLimit)
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
