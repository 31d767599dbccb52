package gpio

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// TestRelayIsToldAgain holds that a relay goes off as soon as its line obeys,
// with nobody there but its own timer.
func TestRelayIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t)
		var rested atomic.Int32
		r := &relay{line: Line{Name: "relay"}, rest: func() { rested.Add(1) }}
		if err := r.open(c); err != nil {
			t.Fatal(err)
		}
		if err := r.pulse(pulse); err != nil {
			t.Fatal(err)
		}
		time.Sleep(pulse / 2)
		c.with(func() { c.line("relay").fails = errors.New("no ack") })
		time.Sleep(pulse/2 + 2*offAgain + offAgain/2)
		if r.stuck() == nil || !r.busy() {
			t.Error("a relay that does not go off is not known to be on")
		}
		c.with(func() { c.line("relay").fails = nil })
		time.Sleep(time.Minute)
		synctest.Wait()
		if p := c.pulses(r.line); len(p) != 1 || p[0] != pulse+3*offAgain || r.stuck() != nil || rested.Load() != 4 {
			t.Errorf("the relay was on for %v, told off %d times", p, rested.Load())
		}
		if err := r.close(); err != nil {
			t.Error(err)
		}
		if err := r.pulse(pulse); !errors.Is(err, errHalted) {
			t.Errorf("a closed relay was pulsed: %v", err)
		}
	})
}

// still is an input that always reads the same.
type still struct{}

func (still) Read() (gpio.Level, error) { return gpio.High, nil }
func (still) Halt() error               { return nil }

// TestEdgesBetweenReadings holds that a contact that has moved and come back
// between two readings has not been still.
func TestEdgesBetweenReadings(t *testing.T) {
	c := contact{in: still{}}
	at := time.Unix(1000, 0)
	look := func(after time.Duration, edges, want bool) {
		t.Helper()
		at = at.Add(after)
		if _, counts, err := c.look(at, edges); err != nil || counts != want {
			t.Errorf("counts: %v, want %v; %v", counts, want, err)
		}
	}
	look(0, false, false)
	look(Debounce, false, true)
	look(time.Second, false, true)
	look(time.Second, true, false)
	look(Debounce-1, false, false)
	look(1, false, true)
}
