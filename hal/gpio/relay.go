package gpio

import (
	"errors"
	"sync"
	"time"
)

// Bounds of a pulse.
const (
	// PulseMax is the longest a relay is on, whatever is asked for: a lock's coil
	// is made for a second.
	PulseMax = time.Second
	pulseMin = 10 * time.Millisecond
	// offAgain is the pause before a relay that could not be switched off is told
	// again.
	offAgain = 50 * time.Millisecond
)

// errHalted is returned when a relay's line has been given back.
var errHalted = errors.New("its line is closed")

// relay is an output that is on for a pulse at a time and off else. Its pulses
// end by timers of the runtime, not by the bus's goroutine: they end on time
// while that waits for its sink.
type relay struct {
	line Line
	rest func() // called, from a timer, when a pulse has ended

	mu      sync.Mutex
	out     Output // nil: not requested, or given back
	on      bool   // told to be on, or not known to be off
	started time.Time
	ended   time.Time
	last    time.Duration // how long the last pulse was
	timer   *time.Timer
	fault   error // why it could not be switched off
}

// open requests the line, off.
func (r *relay) open(lines Lines) error {
	out, err := lines.Output(r.line.Name, r.line.level(false))
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out, r.fault = out, nil
	r.endedNow()
	return nil
}

// pulse switches the relay on and sees to it that it goes off. An error means
// that it may have been on for a moment.
func (r *relay) pulse(length time.Duration) error {
	length = min(max(length, pulseMin), PulseMax)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out == nil {
		return errHalted
	}
	// The end is set up before the beginning: there is no on without an off.
	r.on, r.started = true, time.Now()
	r.timer = time.AfterFunc(length, r.off)
	if err := r.out.Out(r.line.level(true)); err != nil {
		r.timer.Stop()
		r.silence()
		return err
	}
	return nil
}

// off ends a pulse. It is called by timers.
func (r *relay) off() {
	r.mu.Lock()
	r.silence()
	r.mu.Unlock()
	r.rest()
}

// silence tells the line to be off, and sets a timer to do so again if it does
// not obey. The caller holds mu.
func (r *relay) silence() {
	if r.out == nil {
		return // closed meanwhile
	}
	if r.fault = r.out.Out(r.line.level(false)); r.fault != nil {
		r.timer = time.AfterFunc(offAgain, r.off)
		return
	}
	r.endedNow()
}

// endedNow notes the end of a pulse, if there was one. The caller holds mu.
func (r *relay) endedNow() {
	if r.on {
		r.on, r.ended = false, time.Now()
		r.last = r.ended.Sub(r.started)
	}
}

// busy tells whether a pulse is under way.
func (r *relay) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.on
}

// restFactor makes a coil rest for that many times its last pulse: it is made to
// be on for a fifth of the time (PROTOCOLS 15).
const restFactor = 4

// cool returns when the coil has rested.
func (r *relay) cool() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended.Add(restFactor * r.last)
}

// stuck returns why the relay could not be switched off; nil: it could.
func (r *relay) stuck() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// close switches the relay off and gives its line back. If it can't be switched
// off the line is given back all the same: the next request carries the level.
func (r *relay) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out == nil {
		return nil
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	off := r.out.Out(r.line.level(false))
	if off == nil {
		r.endedNow()
	}
	err := errors.Join(off, r.out.Halt())
	r.out = nil
	return err
}
