package gpio

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/hal"
)

const pulse = 300 * time.Millisecond

// TestStartsAtRest holds that no relay moves before it is asked to, whatever its
// active level, and that everything is known soon. That the first level of every
// output is off is judged at the end of every test.
func TestStartsAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(4)...), Config{}, Options{})
		time.Sleep(time.Minute)
		for a := 1; a <= 4; a++ {
			if got := r.last(a); got != hal.Closed || r.boards(a) != "+" {
				t.Errorf("door %d is %s, told %q", a, got, r.boards(a))
			}
			if p := r.c.pulses(r.cfg.Doors[a-1].Relay); len(p) != 0 {
				t.Errorf("relay %d was on for %v", a, p)
			}
		}
		if s := r.bus.Stats(); !s.Up || s.LastError != "" {
			t.Errorf("%+v", s)
		}
		r.close()
	})
}

func TestUnlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, wired(2)...)
		for _, d := range c.doors {
			d.bounce = 12 * time.Millisecond
		}
		r := start(t, c, Config{}, Options{})
		time.Sleep(time.Second)
		for a := 1; a <= 2; a++ {
			asked := time.Now()
			id := r.unlock(a, pulse, time.Second)
			time.Sleep(springTime + 12*time.Millisecond + Debounce + 10*time.Millisecond)
			p := r.result(id)
			if p == nil || p.Err != nil || !p.At.Equal(asked) {
				t.Fatalf("pulsed %+v", p)
			}
			if r.last(a) != hal.Open {
				t.Errorf("door %d is %s within a debouncing of its opening", a, r.last(a))
			}
			time.Sleep(time.Second)
			if p := c.pulses(r.cfg.Doors[a-1].Relay); len(p) != 1 || p[0] != pulse {
				t.Errorf("relay %d was on for %v", a, p)
			}
			c.move(c.doors[a-1], false)
			time.Sleep(time.Second)
			if r.last(a) != hal.Closed {
				t.Errorf("door %d is %s", a, r.last(a))
			}
		}
		r.close()
	})
}

// TestJammed holds that a pulse on a door that stays shut is a pulse all the
// same, and that readings begun after it say closed.
func TestJammed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, wired(1)...)
		c.doors[0].jammed = true
		r := start(t, c, Config{}, Options{})
		time.Sleep(time.Second)
		from := r.sink.Len()
		id := r.unlock(1, pulse, time.Second)
		r.bus.Focus(1, time.Now().Add(time.Second))
		time.Sleep(time.Second)
		if p := r.result(id); p == nil || p.Err != nil {
			t.Fatalf("pulsed %+v", p)
		}
		reads := 0
		for _, e := range r.sink.Events()[from:] {
			if e.Observed != nil && e.Observed.Begun.After(r.result(id).At) && e.Observed.States[0] == hal.Closed {
				reads++
			}
		}
		if reads < 10 {
			t.Errorf("%d readings in a second of focus", reads)
		}
		r.close()
	})
}

// TestPulseLengths holds the ceiling and the floor.
func TestPulseLengths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(1)...), Config{}, Options{})
		want := []time.Duration{pulseMin, 200 * time.Millisecond, PulseMax}
		for i, ask := range []time.Duration{0, 200 * time.Millisecond, time.Hour} {
			r.unlock(1, ask, time.Minute)
			time.Sleep(10 * time.Second)
			if p := r.c.pulses(r.cfg.Doors[0].Relay); len(p) != i+1 || p[i] != want[i] {
				t.Errorf("asked for %s: on for %v, want %s", ask, p, want[i])
			}
		}
		r.close()
	})
}

// stuckSink is a sink that does not return while it is told not to.
type stuckSink struct {
	hal.Sink
	hold chan struct{}
}

func (s stuckSink) Pulsed(bus string, p hal.Pulsed) { <-s.hold; s.Sink.Pulsed(bus, p) }

// TestPulseEndsWhileSinkBlocks holds that the end of a pulse needs nobody.
func TestPulseEndsWhileSinkBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, wired(1)...)
		s := stuckSink{&nobody{}, make(chan struct{})}
		b, err := Open(Config{Name: "g", Doors: wired(1)}, s, Options{Lines: c})
		if err != nil {
			t.Fatal(err)
		}
		b.Unlock(hal.Unlock{ID: 1, Lock: hal.Lock{Address: 1, Channel: 1}, Pulse: pulse, Expires: time.Now().Add(time.Second)})
		time.Sleep(time.Hour)
		if p := c.pulses(wired(1)[0].Relay); len(p) != 1 || p[0] != pulse {
			t.Errorf("the relay was on for %v", p)
		}
		began := time.Now()
		if err := b.Close(); err == nil || time.Since(began) != closeMax {
			t.Errorf("closed after %s: %v", time.Since(began), err)
		}
		close(s.hold)
	})
}

// nobody is a sink that does not listen.
type nobody struct{}

func (nobody) Pulsed(string, hal.Pulsed)     {}
func (nobody) Observed(string, hal.Observed) {}
func (nobody) Board(string, hal.Board)       {}

// TestStuckOn fails the line in the middle of a pulse: it is told to be off until
// it obeys, the door is lost meanwhile, and comes back.
func TestStuckOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(2)...), Config{}, Options{})
		time.Sleep(time.Second)
		r.unlock(1, pulse, time.Second)
		time.Sleep(pulse / 2)
		relay := r.c.line("relay1")
		r.c.with(func() { relay.fails = errors.New("no ack from the expander") })
		time.Sleep(pulse)
		if r.boards(1) != "+-" || r.boards(2) != "+" {
			t.Errorf("told %q and %q", r.boards(1), r.boards(2))
		}
		r.c.with(func() { relay.fails = nil })
		time.Sleep(retryMax)
		if p := r.c.pulses(r.cfg.Doors[0].Relay); len(p) != 1 || p[0] > pulse+2*retryMin+pulse {
			t.Errorf("the relay was on for %v", p)
		}
		if r.boards(1) != "+-+" {
			t.Errorf("told %q", r.boards(1))
		}
		r.close()
	})
}

// TestPulseFails holds that a relay that can't be set may have moved, and is told
// to be off.
func TestPulseFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(1)...), Config{}, Options{})
		time.Sleep(time.Second)
		r.c.with(func() { r.c.line("relay1").fails = errors.New("bus error") })
		id := r.unlock(1, pulse, time.Second)
		time.Sleep(50 * time.Millisecond)
		if p := r.result(id); p == nil || !errors.Is(p.Err, hal.ErrNoReply) || p.At.IsZero() {
			t.Errorf("pulsed %+v", p)
		}
		r.c.with(func() { r.c.line("relay1").fails = nil })
		time.Sleep(10 * time.Second)
		if r.boards(1) != "+-+" {
			t.Errorf("told %q", r.boards(1))
		}
		r.close()
	})
}

func TestExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(2)...), Config{}, Options{})
		time.Sleep(time.Second)
		stale := r.unlock(1, pulse, 0)
		first := r.unlock(1, pulse, time.Second)
		queued := r.unlock(2, pulse, pulse/2) // one coil at a time: it can't be on before
		time.Sleep(time.Second)
		for id, want := range map[uint64]error{stale: hal.ErrNotSent, first: nil, queued: hal.ErrNotSent} {
			if p := r.result(id); p == nil || !errors.Is(p.Err, want) || (want != nil) != p.At.IsZero() {
				t.Errorf("unlock %d: %+v", id, p)
			}
		}
		if p := r.c.pulses(r.cfg.Doors[1].Relay); len(p) != 0 {
			t.Errorf("the second relay was on for %v", p)
		}
		r.close()
	})
}

// TestCoils holds how many relays are on at one time.
func TestCoils(t *testing.T) {
	for _, coils := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, newCabinet(t, wired(8)...), Config{Coils: coils}, Options{})
			time.Sleep(time.Second)
			for a := 1; a <= 8; a++ {
				r.unlock(a, pulse, time.Minute)
			}
			most, all := 0, 0
			for range 400 {
				time.Sleep(10 * time.Millisecond)
				on := 0
				r.c.with(func() {
					for _, d := range r.cfg.Doors {
						if r.c.line(d.Relay.Name).level == d.Relay.level(true) {
							on++
						}
					}
				})
				most = max(most, on)
			}
			for _, d := range r.cfg.Doors {
				all += len(r.c.pulses(d.Relay))
			}
			if most != coils || all != 8 {
				t.Errorf("%d on at one time, %d pulses; want %d and 8", most, all, coils)
			}
			r.close()
		})
	}
}

// TestCoilRests holds that a coil is on for a fifth of the time at most.
func TestCoilRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(1)...), Config{}, Options{})
		time.Sleep(time.Second)
		first, second := r.unlock(1, pulse, time.Minute), r.unlock(1, pulse, time.Minute)
		time.Sleep(10 * time.Second)
		if gap := r.result(second).At.Sub(r.result(first).At); gap != pulse*(1+restFactor) {
			t.Errorf("pulsed again after %s, want %s", gap, pulse*(1+restFactor))
		}
		r.close()
	})
}

func TestNoSuchLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(2)...), Config{}, Options{})
		for _, l := range []hal.Lock{{Address: 0, Channel: 1}, {Address: 3, Channel: 1}, {Address: 1}, {Address: 1, Channel: 2}, {Address: -1, Channel: 1}} {
			r.ids++
			r.bus.Unlock(hal.Unlock{ID: r.ids, Lock: l, Pulse: pulse, Expires: time.Now().Add(time.Minute)})
			synctest.Wait()
			if p := r.result(r.ids); p == nil || !errors.Is(p.Err, hal.ErrNotSent) || p.Lock != l {
				t.Errorf("lock %+v: %+v", l, p)
			}
		}
		r.bus.Focus(0, time.Now().Add(time.Second)) // nothing to break
		r.bus.Focus(9, time.Now().Add(time.Second))
		r.close()
	})
}

// TestBounce holds that a switch that bounces is not believed before it is
// still. That no report is untrue of its moment is judged at the end.
func TestBounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, wired(1)...)
		c.doors[0].bounce = 120 * time.Millisecond
		r := start(t, c, Config{}, Options{})
		time.Sleep(time.Second)
		r.bus.Focus(1, time.Now().Add(time.Minute))
		for i := range 20 {
			from := r.sink.Len()
			moved := time.Now()
			c.move(c.doors[0], i%2 == 0)
			time.Sleep(time.Second)
			for _, e := range r.sink.Events()[from:] {
				if e.Observed != nil && e.Observed.Begun.Sub(moved) < 120*time.Millisecond+Debounce {
					t.Fatalf("reported %s after the door had moved", e.Observed.Begun.Sub(moved))
				}
			}
			if open := r.last(1) == hal.Open; open != (i%2 == 0) {
				t.Errorf("round %d: the door is %s", i, r.last(1))
			}
		}
		r.close()
	})
}

// TestNeverStill holds that a switch that never rests is reported now and then:
// the bank puts its door out of service.
func TestNeverStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, wired(1)...)
		r := start(t, c, Config{}, Options{})
		time.Sleep(time.Second)
		from := r.sink.Len()
		for i := range 500 {
			c.move(c.doors[0], i%2 == 0)
			time.Sleep(20 * time.Millisecond)
		}
		if n := r.sink.Len() - from; n < 10 || n > 30 {
			t.Errorf("%d reports of ten seconds of flapping", n)
		}
		c.move(c.doors[0], false)
		time.Sleep(time.Second)
		r.close()
	})
}

// TestMissingLine holds that a line that is not there hides its own door only,
// and that it is found when it comes.
func TestMissingLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, wired(3)...)
		c.line("relay1").missing, c.line("feedback2").missing = true, true
		r := start(t, c, Config{}, Options{})
		id := r.unlock(1, pulse, time.Minute)
		time.Sleep(10 * time.Second)
		if r.boards(1)+r.boards(2)+r.boards(3) != "--+" {
			t.Errorf("told %q, %q, %q", r.boards(1), r.boards(2), r.boards(3))
		}
		if p := r.result(id); p == nil || !errors.Is(p.Err, hal.ErrNotSent) {
			t.Errorf("pulsed %+v", p)
		}
		if s := r.bus.Stats(); s.Up || !strings.Contains(s.LastError, "no such line") {
			t.Errorf("%+v", s)
		}
		third := r.unlock(3, pulse, time.Minute)
		time.Sleep(time.Second)
		if p := r.result(third); p == nil || p.Err != nil || r.last(3) != hal.Open {
			t.Errorf("pulsed %+v, door %s", p, r.last(3))
		}
		c.with(func() { c.line("relay1").missing, c.line("feedback2").missing = false, false })
		time.Sleep(2 * retryMax)
		if r.boards(1)+r.boards(2) != "-+-+" || r.bus.Stats().Reopened != 1 {
			t.Errorf("told %q, %q, %+v", r.boards(1), r.boards(2), r.bus.Stats())
		}
		r.close()
	})
}

func TestReadFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(1)...), Config{}, Options{})
		time.Sleep(time.Second)
		r.c.with(func() { r.c.line("feedback1").fails = errors.New("gone") })
		time.Sleep(time.Second)
		r.c.with(func() { r.c.line("feedback1").fails = nil })
		time.Sleep(2 * retryMax)
		if r.boards(1) != "+-+" {
			t.Errorf("told %q", r.boards(1))
		}
		r.close()
	})
}

// TestClose closes in the middle of a pulse with one waiting: the relay is off
// at once, both are answered, and nothing is said afterwards.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newCabinet(t, wired(2)...), Config{}, Options{})
		time.Sleep(time.Second)
		under, waits := r.unlock(1, PulseMax, time.Minute), r.unlock(2, PulseMax, time.Minute)
		time.Sleep(100 * time.Millisecond)
		r.close()
		if p := r.c.pulses(r.cfg.Doors[0].Relay); len(p) != 1 || p[0] != 100*time.Millisecond {
			t.Errorf("the relay was on for %v", p)
		}
		if p := r.result(under); p == nil || p.Err != nil {
			t.Errorf("pulsed %+v", p)
		}
		if p := r.result(waits); p == nil || !errors.Is(p.Err, hal.ErrNotSent) {
			t.Errorf("pulsed %+v", p)
		}
		said := r.sink.Len()
		time.Sleep(time.Hour)
		if n := r.sink.Len(); n != said {
			t.Errorf("a closed bus said %d things more", n-said)
		}
		if err := r.bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTooManyDoors(t *testing.T) {
	if _, err := Open(Config{Doors: wired(DoorsMax + 1)}, nobody{}, Options{}); err == nil {
		t.Error("taken")
	}
}
