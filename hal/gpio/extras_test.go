package gpio

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/hal"
)

// TestPower holds that an outlet is live behind a closed door only.
func TestPower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doors := wired(2)
		doors[0].Power = Line{Name: "power1"}
		doors[1].Power = Line{Name: "power2", Low: true}
		doors[1].Feedback = Line{}
		c := newCabinet(t, doors...)
		r := start(t, c, Config{}, Options{})
		live := func(a int) (on bool) {
			c.with(func() { on = c.line(doors[a-1].Power.Name).level == doors[a-1].Power.level(true) })
			return on
		}
		time.Sleep(time.Second)
		if !live(1) || !live(2) {
			t.Error("an outlet is dead behind a closed door")
		}
		r.unlock(1, pulse, time.Second)
		time.Sleep(time.Second)
		if live(1) || !live(2) {
			t.Error("an outlet is live behind an open door, or the one without feedback is dead")
		}
		c.move(c.doors[0], false)
		time.Sleep(time.Second)
		if !live(1) {
			t.Error("the outlet stays dead")
		}
		c.with(func() { c.line("feedback1").fails = errors.New("gone") })
		time.Sleep(time.Second)
		if live(1) {
			t.Error("an outlet is live behind a door of which nothing is known")
		}
		c.with(func() { c.line("feedback1").fails = nil })
		r.close()
		for a := range 2 {
			if l := c.line(doors[a].Power.Name); l.level != doors[a].Power.level(false) || l.sets[0].level != doors[a].Power.level(false) {
				t.Errorf("outlet %d began as %s and was left as %s", a+1, l.sets[0].level, l.level)
			}
		}
	})
}

// TestNoFeedback holds that a door without feedback is there, is pulsed, and
// nothing is said of it.
func TestNoFeedback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doors := wired(1)
		doors[0].Feedback = Line{}
		r := start(t, newCabinet(t, doors...), Config{}, Options{})
		id := r.unlock(1, pulse, time.Second)
		time.Sleep(time.Minute)
		if p := r.result(id); p == nil || p.Err != nil || r.boards(1) != "+" || r.last(1) != hal.Unknown {
			t.Errorf("pulsed %+v, told %q, is %s", p, r.boards(1), r.last(1))
		}
		r.close()
	})
}

func TestLampAndBuzzer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, wired(1)...)
		x := Extras{LED: Line{Name: "led"}, Buzzer: Line{Name: "buzzer", Low: true}}
		r := start(t, c, Config{Extras: x}, Options{})
		time.Sleep(10*blinkEvery + time.Millisecond)
		blinks := c.pulses(x.LED)
		if len(blinks) != 11 || blinks[0] != blinkOn {
			t.Errorf("the lamp was lit for %v in 20 s", blinks)
		}
		if p := c.pulses(x.Buzzer); len(p) != 0 {
			t.Errorf("the buzzer sounded for %v", p)
		}
		time.Sleep(blinkEvery / 2)
		r.unlock(1, pulse, time.Second)
		time.Sleep(blinkEvery / 4)
		if p := c.pulses(x.Buzzer); len(p) != 1 || p[0] != pulse {
			t.Errorf("the buzzer sounded for %v", p)
		}
		if p := c.pulses(x.LED); p[len(p)-1] != pulse {
			t.Errorf("the lamp was lit for %v, at last with the relay", p)
		}
		r.close()
		if c.line("led").level != x.LED.level(false) || c.line("buzzer").level != x.Buzzer.level(false) {
			t.Error("a lamp or buzzer was left on")
		}
	})
}

// TestLampMissing holds that doors do without a lamp, and that it is found.
func TestLampMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t, wired(1)...)
		c.line("led").missing = true
		r := start(t, c, Config{Extras: Extras{LED: Line{Name: "led"}, Tamper: Line{Name: "tamper"}}}, Options{})
		time.Sleep(time.Minute)
		if r.boards(1) != "+" || r.last(1) != hal.Closed {
			t.Errorf("told %q, is %s", r.boards(1), r.last(1))
		}
		c.with(func() { c.line("led").missing = false })
		time.Sleep(time.Minute)
		if p := c.pulses(Line{Name: "led"}); len(p) < 20 {
			t.Errorf("the lamp was lit %d times", len(p))
		}
		r.close()
	})
}

func TestTamper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t)
		c.line("tamper").level = true
		var told []bool
		r := start(t, c, Config{Extras: Extras{Tamper: Line{Name: "tamper"}}}, Options{Tamper: func(open bool) { told = append(told, open) }})
		flip := func(level bool) {
			c.with(func() {
				l := c.line("tamper")
				l.level = levelOf(level)
				l.changed()
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(told) != 0 {
			t.Errorf("told %v of a whole cabinet", told)
		}
		flip(false)
		time.Sleep(Debounce / 2)
		flip(true) // a knock
		time.Sleep(time.Second)
		synctest.Wait()
		if len(told) != 0 {
			t.Errorf("told %v of a knock", told)
		}
		flip(false)
		time.Sleep(time.Minute)
		flip(true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(told, []bool{true, false}) {
			t.Errorf("told %v", told)
		}
		r.close()
	})
}

// TestTamperedFromTheStart holds that a cabinet found open is told.
func TestTamperedFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCabinet(t)
		var told []bool
		r := start(t, c, Config{Extras: Extras{Tamper: Line{Name: "tamper"}}}, Options{Tamper: func(open bool) { told = append(told, open) }})
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(told, []bool{true}) {
			t.Errorf("told %v", told)
		}
		r.close()
	})
}
