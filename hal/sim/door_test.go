package sim

import (
	"testing"
	"testing/synctest"
	"time"
)

const open11 = "8A 01 01 11 9B"

func TestDoor(t *testing.T) {
	tests := []struct {
		name  string
		setup func(d *Door)
		after time.Duration // from the first pulse
		again bool          // a second pulse a second after the first
		open  bool
	}{
		{name: "springs open", after: 61 * time.Millisecond, open: true},
		{name: "not at once", after: 59 * time.Millisecond},
		{name: "jammed", setup: func(d *Door) { d.Jam(-1) }, after: 2 * time.Second, again: true},
		{name: "jammed once", setup: func(d *Door) { d.Jam(1) }, after: 900 * time.Millisecond},
		{name: "jammed once, pulsed twice", setup: func(d *Door) { d.Jam(1) }, after: 2 * time.Second, again: true, open: true},
		{name: "late", setup: func(d *Door) { d.SpringAfter(5 * time.Second) }, after: 4900 * time.Millisecond},
		{name: "late at last", setup: func(d *Door) { d.SpringAfter(5 * time.Second) }, after: 5100 * time.Millisecond, again: true, open: true},
		{name: "no spring", setup: func(d *Door) { d.SpringAfter(-1) }, after: time.Minute},
		{name: "shut before it sprang", setup: func(d *Door) {
			d.line.later(30*time.Millisecond, d.shut)
		}, after: time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, one("xor8a", 8))
				d := b.Door(at(1, 1))
				if tt.setup != nil {
					tt.setup(d)
				}
				b.tell(open11)
				if tt.again {
					time.Sleep(time.Second)
					b.tell(open11)
					tt.after -= time.Second
				}
				time.Sleep(tt.after)
				synctest.Wait()
				if d.IsOpen() != tt.open {
					t.Errorf("open is %v, want %v; log %v", d.IsOpen(), tt.open, whats(&b.log))
				}
				if n := b.log.Count(Burn, at(1, 1)); n != 0 {
					t.Errorf("%d burns", n)
				}
			})
		})
	}
}

func TestDoorByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		d := b.Door(at(1, 1))
		if d.Pull() {
			t.Error("a latched door was pulled open")
		}
		d.SpringAfter(-1)
		b.tell(open11)
		if !d.Pull() {
			t.Error("an unlatched door could not be pulled open")
		}
		d.Shut()
		if d.Pull() {
			t.Error("a shut door was pulled open")
		}
		d.Force()
		time.Sleep(time.Second)
		synctest.Wait()
		wantWhats(t, &b.log, Pulse, Opened, Shut, Opened, Released)
	})
}

func TestSwitch(t *testing.T) {
	read := func(b *bench) string { return b.ask("80 01 01 33 B3", 0) }
	const made, free = "80 01 01 11 91", "80 01 01 00 80"
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		d := b.Door(at(1, 1))
		d.Bounce(20 * time.Millisecond)
		d.Force()
		seen := map[string]int{}
		for range 20 {
			seen[read(b)]++
			time.Sleep(time.Millisecond)
		}
		if seen[made] < 5 || seen[free] < 5 {
			t.Errorf("a bouncing contact read %v", seen)
		}
		if got := read(b); got != free {
			t.Errorf("after the bounce the open door reads %s", got)
		}
		d.Shut()
		time.Sleep(time.Second)
		if got := read(b); got != made {
			t.Errorf("the shut door reads %s", got)
		}
		d.NoSensor()
		if got := read(b); got != free {
			t.Errorf("without a sensor the contact reads %s", got)
		}
	})
}

func TestSwap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		b.Swap(at(1, 1), at(1, 2))
		b.ask(open11, time.Second)
		if b.Door(at(1, 1)).IsOpen() || !b.Door(at(1, 2)).IsOpen() {
			t.Error("the crossed coil did not open the other door")
		}
		if n := b.log.Count(Pulse, at(1, 1)); n != 1 {
			t.Errorf("%d pulses are booked on the coil, want 1", n)
		}
	})
}

func TestPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		b.Attend(Person{Pull: time.Second, Shut: 3 * time.Second})
		b.ask(open11, 3050*time.Millisecond)
		if !b.Door(at(1, 1)).IsOpen() {
			t.Error("the person was too fast")
		}
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		if b.Door(at(1, 1)).IsOpen() {
			t.Error("the person left the door open")
		}
		b.Door(at(1, 1)).SpringAfter(-1)
		b.ask(open11, time.Minute)
		wantWhats(t, &b.log, Pulse, Opened, Released, Shut, Pulse, Released, Opened, Shut)
	})
}
