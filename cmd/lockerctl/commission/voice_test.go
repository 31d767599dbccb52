package commission

import (
	"context"
	"testing"
	"time"

	"lockerd/daemon/commission"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/hal/rs485/probe"
)

// twoVoices is a board that answers to both voices and moves by the second.
type twoVoices struct {
	voice  int
	open   int // channel; 0: none
	pulsed []commission.Place
}

func (*twoVoices) Look(_ context.Context, p Port) (commission.Bus, error) {
	return commission.Bus{
		Name: p.Bus, Port: p.Path,
		Found:    probe.Found{Family: "cu48", Baud: 19200, Boards: []probe.Board{{Address: 0, Channels: 2, Answers: probe.Once}}},
		Voices:   []map[string]string{{"lock_byte": "2"}, {"lock_byte": "1"}},
		Views:    []map[string]string{{}},
		Polarity: []string{"1", "0"},
	}, nil
}

func (c *twoVoices) Speak(_ string, voice int) error {
	c.voice = voice
	return nil
}

func (c *twoVoices) Read(context.Context, string, int, int) (probe.Reading, error) {
	states := []hal.State{hal.Closed, hal.Closed}
	if c.open > 0 {
		states[c.open-1] = hal.Open
	}
	return probe.Reading{Begun: time.Now(), Views: [][]hal.State{states}}, nil
}

func (c *twoVoices) Fire(_ context.Context, at commission.Place) (time.Time, error) {
	c.pulsed = append(c.pulsed, at)
	if at.Channel == 1 || c.voice == 1 {
		c.open = at.Channel
	}
	return time.Now(), nil
}

// someone shuts whatever stands open.
type someone struct{ *twoVoices }

func (someone) Doors(_ context.Context, _ probe.Board, p commission.Span) (commission.Span, error) {
	return p, nil
}

func (s someone) Moved(_ context.Context, q Question) (locker.DoorID, bool, error) {
	if s.open == 0 {
		return locker.DoorID{}, true, nil
	}
	s.open = 0
	return q.Expected, true, nil
}

func (someone) Do(context.Context, Task) (bool, error) { return true, nil }

// TestOtherVoiceIsTried has a lock stay still until it is spoken to in the other
// form, and the form kept for the rest of the walk and after it.
func TestOtherVoiceIsTried(t *testing.T) {
	c := &twoVoices{}
	s := &commission.State{Version: commission.Version, Bank: "b"}
	w := &Walk{
		State: s, Cabinet: c, Person: someone{c}, Ports: []Port{{Bus: "a", Path: "/dev/x"}}, Times: Times{Prove: time.Millisecond, Shut: time.Second},
		Keep: func(*commission.State) error { return nil }, Say: func(string, ...any) {}, Check: func(*commission.State) error { return nil },
	}
	if err := w.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(c.pulsed); n != 4 { // channel 1 once, channel 2 twice in the first voice, once in the second
		t.Errorf("%d pulses: %v", n, c.pulsed)
	}
	if f := commission.Learn(s).Faults; len(f) > 0 || s.Buses[0].Voice != 1 {
		t.Errorf("voice %d, faults %+v", s.Buses[0].Voice, f)
	}
	c.voice = 0
	if err := w.Again(t.Context(), locker.DoorID{Locker: 1, Door: 2}); err != nil || c.voice != 1 {
		t.Errorf("again: %v, in voice %d", err, c.voice)
	}
}
