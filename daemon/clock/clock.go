// Package clock keeps bank time, the time that windows of codes are judged by,
// and says how far it can be trusted.
//
//	bank time = max(system, floor + monotonic time since the floor was loaded or raised)
//
// The floor is a time that has certainly been reached: the last one saved, a
// time read while the system clock was synchronised, a time that was signed. It
// never falls but by Reset. So bank time, too, never goes back, with one
// exception that the formula wants: a system clock that ran ahead without ever
// being synchronised stops counting as soon as it is set right.
//
// A Clock is safe for concurrent use and starts no goroutine. It writes nothing:
// whoever commits saves Floor with the commit, and hourly. Waiting is not its
// business: that is monotonic, by timers and Mono.
package clock

import (
	"sync"
	"time"

	"lockerd/daemon/locker"
)

// Source is a system clock. It is read for every answer of a Clock, possibly
// by many goroutines at a time.
type Source interface {
	// Read returns the time, and whether it is known to be synchronised. A
	// source without any idea of the time returns the zero time.
	Read() (now time.Time, synced bool)
	// String names the source: "system", or the file.
	String() string
}

// Clock is the clock of one bank during one run of lockerd.
type Clock struct {
	source Source
	mono   func() time.Duration // since New

	mu     sync.Mutex
	floor  locker.Time
	since  time.Duration // Mono when floor was loaded or raised
	synced bool          // was synchronised at some time in this run
	signed bool          // a signed time came in this connection
}

// Reading is all that a clock says at one moment.
type Reading struct {
	Now    locker.Time  // bank time
	System locker.Time  // the source's time; zero if it has none
	Floor  locker.Time  // what to save
	Status locker.Clock // how far Now can be trusted
	Mono   time.Duration
}

// New returns a clock on a source, with the floor that was saved last, or zero.
func New(source Source, floor locker.Time) *Clock {
	start := time.Now()
	return &Clock{source: source, floor: floor, mono: func() time.Duration { return time.Since(start) }}
}

// Mono returns the monotonic time since New. It goes on whatever becomes of the
// system clock.
func (c *Clock) Mono() time.Duration { return c.mono() }

// Read returns one consistent reading.
func (c *Clock) Read() Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

func (c *Clock) read() Reading {
	now, synced := c.source.Read()
	mono := c.Mono()
	r := Reading{Floor: c.reached(mono), Mono: mono, Status: c.status(synced)}
	if !now.IsZero() {
		r.System = locker.TimeOf(now)
	}
	if synced {
		c.synced = true
		c.raise(r.System, mono)
		r.Floor = c.reached(mono)
	}
	r.Now = max(r.System, r.Floor)
	return r
}

// status is called before c.synced takes note of this very reading.
func (c *Clock) status(synced bool) locker.Clock {
	switch {
	case synced:
		return locker.ClockSynced
	case c.synced || c.signed:
		return locker.ClockHeld
	}
	return locker.ClockUnset
}

// reached returns how far the floor has come. No floor stays none: it is no
// time at all, and must not creep up from 1970.
func (c *Clock) reached(mono time.Duration) locker.Time {
	if c.floor.IsZero() {
		return 0
	}
	return c.floor.Add(mono - c.since)
}

// raise lifts the floor to t, if it isn't there yet.
func (c *Clock) raise(t locker.Time, mono time.Duration) {
	if t > c.reached(mono) {
		c.floor, c.since = t, mono
	}
}

// Now returns bank time.
func (c *Clock) Now() locker.Time { return c.Read().Now }

// Status returns how far bank time can be trusted.
func (c *Clock) Status() locker.Clock { return c.Read().Status }

// Floor returns the floor as it stands now: what to save.
func (c *Clock) Floor() locker.Time { return c.Read().Floor }

// Source names the system clock.
func (c *Clock) Source() string { return c.source.String() }

// Raise lifts the floor to a time that has certainly been reached. An earlier
// one changes nothing.
func (c *Clock) Raise(t locker.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raise(t, c.Mono())
}

// Signed takes note of a time that a `*` key has signed and that came in the
// present connection: it raises the floor, and the clock counts as held until
// ConnectionLost.
func (c *Clock) Signed(t locker.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signed = true
	c.raise(t, c.Mono())
}

// ConnectionLost ends the trust that signed times of a connection gave. The
// floor they raised stays.
func (c *Clock) ConnectionLost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.signed = false
}

// Reset sets the floor, lower too, and returns the reading after it. It is for
// `lockerctl clock reset` alone, which journals it. A time signed earlier no
// longer vouches for the clock; a system clock that is synchronised raises the
// floor again at once.
func (c *Clock) Reset(to locker.Time) Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.floor, c.since, c.signed = to, c.Mono(), false
	return c.read()
}
