package rewire

import (
	"errors"
	"slices"
	"testing"
	"time"

	"lockerd/hal"
)

// fake is a bus and a sink that keep what reaches them.
type fake struct {
	unlocked []hal.Lock
	pulsed   []hal.Lock
	states   []hal.State
}

func (f *fake) Unlock(u hal.Unlock)                 { f.unlocked = append(f.unlocked, u.Lock) }
func (*fake) Focus(int, time.Time)                  {}
func (*fake) Stats() hal.Stats                      { return hal.Stats{} }
func (*fake) Close() error                          { return nil }
func (f *fake) Pulsed(_ string, p hal.Pulsed)       { f.pulsed = append(f.pulsed, p.Lock) }
func (f *fake) Observed(_ string, o hal.Observed)   { f.states = o.States }
func (*fake) Board(string, hal.Board)               {}
func (f *fake) open(s hal.Sink) (hal.Bus, hal.Sink) { return f, s }

func TestDoorsLookAsPlanned(t *testing.T) {
	f := &fake{}
	var inner hal.Sink
	b, err := Open([]Wire{
		{Address: 1, Channel: 1, Lock: 2, Feedback: 1},
		{Address: 1, Channel: 2, Lock: 1, Feedback: 2},
		{Address: 1, Channel: 3, Lock: 3, Feedback: 4, Inverted: true},
		{Address: 1, Channel: 4, Lock: 4, Feedback: 9},
	}, f, func(s hal.Sink) (hal.Bus, error) {
		bus, sink := f.open(s)
		inner = sink
		return bus, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []hal.Lock{{Address: 1, Channel: 1}, {Address: 1, Channel: 3}, {Address: 2, Channel: 1}} {
		b.Unlock(hal.Unlock{Lock: l})
		inner.Pulsed("a", hal.Pulsed{Lock: f.unlocked[len(f.unlocked)-1]})
	}
	if want := []hal.Lock{{Address: 1, Channel: 2}, {Address: 1, Channel: 3}, {Address: 2, Channel: 1}}; !slices.Equal(f.unlocked, want) {
		t.Errorf("unlocked %v, want %v", f.unlocked, want)
	}
	if want := []hal.Lock{{Address: 1, Channel: 1}, {Address: 1, Channel: 3}, {Address: 2, Channel: 1}}; !slices.Equal(f.pulsed, want) {
		t.Errorf("told of %v, want %v", f.pulsed, want)
	}
	wired := []hal.State{hal.Open, hal.Closed, hal.Closed, hal.Closed, hal.Open}
	inner.Observed("a", hal.Observed{Address: 1, States: wired})
	if want := []hal.State{hal.Open, hal.Closed, hal.Open, hal.Unknown, hal.Open}; !slices.Equal(f.states, want) {
		t.Errorf("saw %v, want %v", f.states, want)
	}
	if wired[3] != hal.Closed {
		t.Error("the driver's slice was changed")
	}
	inner.Observed("a", hal.Observed{Address: 2, States: wired})
	if !slices.Equal(f.states, wired) {
		t.Errorf("a board without exceptions: saw %v", f.states)
	}
}

func TestPlainBusIsNotTouched(t *testing.T) {
	f := &fake{}
	b, err := Open(nil, f, func(s hal.Sink) (hal.Bus, error) { return f, nil })
	if err != nil || b != hal.Bus(f) {
		t.Errorf("opened %v, %v", b, err)
	}
	broken := errors.New("no port")
	if _, err := Open([]Wire{{}}, f, func(hal.Sink) (hal.Bus, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
