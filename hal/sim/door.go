package sim

import (
	"time"

	"lockerd/hal"
)

const (
	// defaultSpring is how long a door takes from the pulse until its switch
	// has moved.
	defaultSpring = 60 * time.Millisecond
	// bouncePeriod is how long a bouncing contact stays on one side.
	bouncePeriod = 3 * time.Millisecond
)

// Door is one door with its latch, its spring and its feedback switch. It
// begins shut and latched.
type Door struct {
	line  *Line
	board *Board
	lock  hal.Lock

	open    bool
	latched bool
	moved   time.Time
	gen     int // counts movements of door and latch

	spring time.Duration // negative: it must be pulled
	jams   int           // pulses that will not unlatch it; negative: none ever will
	bounce time.Duration
	sensor bool

	inverted bool // wired by the switch's other contact
}

func newDoor(b *Board, lock hal.Lock) *Door {
	return &Door{line: b.line, board: b, lock: lock, latched: true, spring: defaultSpring, sensor: true}
}

// Lock returns where the door's own coil and switch are meant to be wired.
func (d *Door) Lock() hal.Lock { return d.lock }

// IsOpen tells whether the door stands open.
func (d *Door) IsOpen() bool {
	d.line.mu.Lock()
	defer d.line.mu.Unlock()
	return d.open
}

// Jam makes the next n pulses fail to unlatch; negative: all of them.
func (d *Door) Jam(n int) { d.set(func() { d.jams = n }) }

// SpringAfter sets how long the door takes to spring open once unlatched;
// negative: it has no spring and waits to be pulled.
func (d *Door) SpringAfter(t time.Duration) { d.set(func() { d.spring = t }) }

// Bounce makes the switch chatter for t after each movement.
func (d *Door) Bounce(t time.Duration) { d.set(func() { d.bounce = t }) }

// NoSensor takes the switch away: its contact is never made.
func (d *Door) NoSensor() { d.set(func() { d.sensor = false }) }

// Pull opens an unlatched door and tells whether it is open.
func (d *Door) Pull() (open bool) {
	d.set(func() {
		if !d.latched {
			d.swing()
		}
		open = d.open
	})
	return open
}

// Force breaks the door open, latched or not.
func (d *Door) Force() {
	d.set(func() {
		d.latched = false
		d.swing()
	})
}

// Shut closes the door and latches it.
func (d *Door) Shut() { d.set(d.shut) }

func (d *Door) shut() {
	d.latched = true
	d.gen++
	if !d.open {
		return
	}
	d.open, d.moved = false, time.Now()
	d.line.log.add(Shut, d.lock, 0)
	d.board.follow(d.lock.Channel)
}

func (d *Door) set(fn func()) {
	d.line.mu.Lock()
	defer d.line.mu.Unlock()
	fn()
}

// pulled is what the energised coil does to the latch.
func (d *Door) pulled() {
	if !d.latched {
		return
	}
	if d.jams != 0 {
		d.jams = max(d.jams-1, -1)
		return
	}
	d.latched = false
	d.gen++
	if d.spring < 0 {
		d.line.unlatched(d)
		return
	}
	gen := d.gen
	d.line.later(d.spring, func() {
		if d.gen == gen {
			d.swing()
		}
	})
}

// swing moves the door to open.
func (d *Door) swing() {
	if d.open {
		return
	}
	d.gen++
	d.open, d.moved = true, time.Now()
	d.line.log.add(Opened, d.lock, 0)
	d.board.follow(d.lock.Channel)
	d.line.visit(d)
}

// contact tells whether the switch's contact is made, which it is at a shut
// door unless the board is wired inverted.
func (d *Door) contact(inverted bool) bool {
	if !d.sensor {
		return false
	}
	shut := !d.open
	if t := time.Since(d.moved); t < d.bounce && (t/bouncePeriod)%2 == 0 {
		shut = !shut
	}
	return shut != (inverted != d.inverted)
}
