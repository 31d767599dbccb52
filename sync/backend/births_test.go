package backend

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/wire"
)

// stranger adds a bank beside the one of the connection. It is heard over each topic that
// hears lets through, and nothing of it is retained.
func (f *forgetful) stranger(hears func(topic string) bool) *banktest.Bank {
	b := banktest.New("par-001", "j-p", f.bank.Keys)
	b.Say = func(topic string, payload []byte, _ bool) {
		if hears(topic) {
			f.be.Receive(context.Background(), Message{Topic: "lockers/v1/par-001/" + topic, Payload: payload})
		}
	}
	return b
}

func allButBirths(topic string) bool { return topic != wire.TopicState }

func everything(string) bool { return true }

// TestBirthsAskedFor: all banks' births are not asked for again without need, and for one
// bank not often.
func TestBirthsAskedFor(t *testing.T) {
	at := func() locker.Time { return locker.TimeOf(time.Now()) }
	day := func(f *forgetful) { f.beats(24*time.Hour, func() {}) }
	for name, c := range map[string]struct {
		do   func(f *forgetful)
		most int // beyond the first time
	}{
		"for a bank that was switched off": {func(f *forgetful) {
			birth := true
			b := f.stranger(func(topic string) bool { return birth || topic != wire.TopicState })
			b.Connect(at())
			birth = false
			b.Connect(at())
			birth = true
			b.Say(wire.TopicState, b.Will(), true)
			day(f)
		}, 3},
		"for a bank that has fallen silent": {func(f *forgetful) {
			f.stranger(allButBirths).Connect(at())
			day(f)
		}, 3},
		"for a bank that is barred since": {func(f *forgetful) {
			b := f.stranger(allButBirths)
			b.Connect(at())
			synctest.Wait()
			f.barred.Store(true)
			f.beats(24*time.Hour, func() { b.Health(at()) })
		}, 0},
		"for a bank that speaks a moment ahead of its birth": {func(f *forgetful) {
			time.Sleep(retryFirst - 2*time.Millisecond)
			b := f.stranger(everything)
			b.Conn++
			b.Health(at())
			time.Sleep(3 * time.Millisecond)
			b.Conn--
			b.Connect(at())
			day(f)
		}, 0},
		"for a bank that hides every second birth": {func(f *forgetful) {
			birth := true
			b := f.stranger(func(topic string) bool { return birth || topic != wire.TopicState })
			f.beats(24*time.Hour, func() {
				b.Connect(at())
				birth = !birth
			})
		}, 24 * 15},
		"for a board that is replaced and speaks on, beside the new one": {func(f *forgetful) {
			old := f.stranger(everything)
			old.Connect(at())
			b := f.stranger(everything)
			b.Journal = "j-q"
			b.Connect(at())
			f.beats(24*time.Hour, func() {
				b.Health(at())
				old.Health(at())
			})
		}, 0},
		"while they come": {func(f *forgetful) {
			b := f.stranger(allButBirths)
			b.Connect(at())
			for i := range 300 {
				time.Sleep(time.Second)
				b.Health(at())
				f.be.Receive(context.Background(), Message{Topic: fmt.Sprintf("lockers/v1/ber-%03d/state", i), Payload: []byte("{}"), Retained: true})
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newForgetful(t)
				f.be.cfg.Barred = func(bank string) bool { return bank == "par-001" && f.barred.Load() }
				serve(t, f.be, f)
				synctest.Wait()
				c.do(f)
				f.do(func(*banktest.Bank, locker.Time) {
					if n := f.asked[ofState] - 1; n > c.most {
						t.Errorf("births were asked for %d times more, want at most %d", n, c.most)
					}
				})
			})
		})
	}
}

// beats lets time go by, with something each minute and a word of a third bank's over each
// filter.
func (f *forgetful) beats(d time.Duration, each func()) {
	for range d / time.Minute {
		time.Sleep(time.Minute)
		each()
		f.be.Receive(context.Background(), Message{Topic: "lockers/v1/rom-001/state"})
	}
	synctest.Wait()
}
