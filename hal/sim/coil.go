package sim

import (
	"time"

	"lockerd/hal"
)

// MaxOn is how long a coil may be on: cabinet locks are made for pulses, and
// what holds one longer burns it (PROTOCOLS.md 15).
const MaxOn = time.Second

// coil is one relay output. Its line's mu guards it.
type coil struct {
	line    *Line
	lock    hal.Lock
	door    *Door // the lock it drives; nil: not wired
	since   time.Time
	until   time.Time // zero: held
	on      bool
	delayed bool // eletechsup: runs a delay, which an off does not end
	gen     int  // counts commands, so that a timer knows whether it is still meant
}

// fire energises the coil for d, or until released if d is 0.
func (c *coil) fire(d time.Duration) {
	c.line.log.add(Pulse, c.lock, d)
	c.gen++
	now := time.Now()
	if !c.on {
		c.on, c.since = true, now
		c.watch(c.since)
	}
	c.until = time.Time{}
	if d > 0 {
		c.until = now.Add(d)
		c.later(d, c.release)
	}
	if c.door != nil {
		c.door.pulled()
	}
}

// release lets the coil go.
func (c *coil) release() {
	c.gen++
	c.delayed = false
	if !c.on {
		return
	}
	c.on = false
	c.line.log.add(Released, c.lock, 0)
}

// pause lets the coil go and energises it for good after d: a flash-off.
func (c *coil) pause(d time.Duration) {
	c.release()
	c.later(d, func() { c.fire(0) })
}

// later runs fn after d unless another command came first.
func (c *coil) later(d time.Duration, fn func()) {
	gen := c.gen
	c.line.later(d, func() {
		if c.gen == gen {
			fn()
		}
	})
}

// watch records a burn if the coil, on since the given time, is still on after
// MaxOn and meant to be: a late timer of ours is no burn.
func (c *coil) watch(since time.Time) {
	c.line.later(MaxOn, func() {
		meant := c.until.IsZero() || c.until.After(since.Add(MaxOn))
		if c.on && c.since.Equal(since) && meant {
			c.line.log.add(Burn, c.lock, 0)
		}
	})
}
