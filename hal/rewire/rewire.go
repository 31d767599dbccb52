// Package rewire lets a bus look as if it were wired as its plan says. Where a
// lock or a feedback switch hangs on another channel of its board, or a switch
// is of the other kind, commissioning writes that down, and this decorator
// puts it right between the driver and the bank: the bank pulses and sees doors
// at their planned channels only.
//
// It keeps nothing, starts nothing and decides nothing: calls go straight
// through, in the goroutine that makes them. A bus without exceptions is not
// decorated at all.
package rewire

import (
	"slices"
	"time"

	"lockerd/hal"
)

// Wire is one door that is not wired as planned. Channels count from 1.
type Wire struct {
	Address  int
	Channel  int  // planned, and the only one the bank knows
	Lock     int  // channel whose coil drives the door's lock
	Feedback int  // channel whose input the door's switch is on
	Inverted bool // the switch says open for closed
}

// Open opens a bus whose wires are put right. No two wires of a board may share
// a lock, or a feedback.
func Open(wires []Wire, sink hal.Sink, open func(hal.Sink) (hal.Bus, error)) (hal.Bus, error) {
	if len(wires) == 0 {
		return open(sink)
	}
	b := newBoards(wires)
	inner, err := open(&seen{Sink: sink, boards: b})
	if err != nil {
		return nil, err
	}
	return &bus{Bus: inner, boards: b}, nil
}

// boards are the exceptions by address and channel.
type boards struct {
	out  map[hal.Lock]hal.Lock // planned → wired, of locks
	back map[hal.Lock]hal.Lock
	in   map[int][]Wire // of feedbacks
}

func newBoards(wires []Wire) *boards {
	b := &boards{out: map[hal.Lock]hal.Lock{}, back: map[hal.Lock]hal.Lock{}, in: map[int][]Wire{}}
	for _, w := range wires {
		plan, wired := hal.Lock{Address: w.Address, Channel: w.Channel}, hal.Lock{Address: w.Address, Channel: w.Lock}
		b.out[plan], b.back[wired] = wired, plan
		b.in[w.Address] = append(b.in[w.Address], w)
	}
	return b
}

func through(m map[hal.Lock]hal.Lock, l hal.Lock) hal.Lock {
	if to, ok := m[l]; ok {
		return to
	}
	return l
}

// bus turns what goes out.
type bus struct {
	hal.Bus

	boards *boards
}

var (
	_ hal.Bus  = (*bus)(nil)
	_ hal.Sink = (*seen)(nil)
)

// Unlock implements hal.Bus.
func (b *bus) Unlock(u hal.Unlock) {
	u.Lock = through(b.boards.out, u.Lock)
	b.Bus.Unlock(u)
}

// Focus implements hal.Bus: a door's switch is on its own board.
func (b *bus) Focus(address int, until time.Time) { b.Bus.Focus(address, until) }

// seen turns what comes in.
type seen struct {
	hal.Sink

	boards *boards
}

// Pulsed implements hal.Sink.
func (s *seen) Pulsed(name string, p hal.Pulsed) {
	p.Lock = through(s.boards.back, p.Lock)
	s.Sink.Pulsed(name, p)
}

// Observed implements hal.Sink.
func (s *seen) Observed(name string, o hal.Observed) {
	wires := s.boards.in[o.Address]
	if len(wires) > 0 {
		o.States = turned(o.States, wires)
	}
	s.Sink.Observed(name, o)
}

// turned puts every switch where its door is planned. The driver may use its
// slice again, and others may hold it: it is copied.
func turned(wired []hal.State, wires []Wire) []hal.State {
	out := slices.Clone(wired)
	for _, w := range wires {
		if w.Channel > len(out) {
			continue
		}
		out[w.Channel-1] = hal.Unknown
		if w.Feedback <= len(wired) {
			out[w.Channel-1] = flip(wired[w.Feedback-1], w.Inverted)
		}
	}
	return out
}

func flip(s hal.State, inverted bool) hal.State {
	switch {
	case !inverted || s == hal.Unknown:
		return s
	case s == hal.Open:
		return hal.Closed
	}
	return hal.Open
}
