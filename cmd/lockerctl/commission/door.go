package commission

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"lockerd/daemon/commission"
	"lockerd/hal"
	"lockerd/hal/rs485/probe"
)

const (
	pulses   = 2                     // a door that nobody sees move gets
	lookGap  = 50 * time.Millisecond // between two readings while a door is awaited
	equals   = 3                     // readings in a row that must agree: some families have no checksum
	readings = 20                    // until they do
)

// doors walks along places with all doors shut.
func (w *Walk) doors(ctx context.Context, places []commission.Place) error {
	if len(places) == 0 {
		return nil
	}
	if _, err := w.Person.Do(ctx, Task{Kind: ShutAll}); err != nil {
		return err
	}
	w.shut = map[board]probe.Reading{}
	for _, sp := range w.State.Plan {
		if sp.Doors == 0 {
			continue
		}
		if _, err := w.baseline(ctx, sp.Bus, sp.Address); err != nil {
			return err
		}
	}
	for _, p := range places {
		t, err := w.try(ctx, p)
		if err != nil {
			return err
		}
		w.State.Put(t)
		if err := w.Keep(w.State); err != nil {
			return err
		}
	}
	return nil
}

// baseline reads a board until its readings agree, and keeps what they say.
func (w *Walk) baseline(ctx context.Context, bus string, address int) (probe.Reading, error) {
	r, err := w.steady(ctx, bus, address)
	w.shut[board{bus, address}] = r
	return r, err
}

func (w *Walk) steady(ctx context.Context, bus string, address int) (probe.Reading, error) {
	var last probe.Reading
	same := 0
	for range readings {
		r, err := w.read(ctx, bus, address)
		if err != nil {
			return r, err
		}
		if same > 0 && !reflect.DeepEqual(r.Views, last.Views) {
			same = 0
		}
		same++
		if same == equals {
			return r, nil
		}
		last = r
	}
	return last, nil // a switch that flutters: whatever it says, it will be seen to change
}

func (w *Walk) read(ctx context.Context, bus string, address int) (probe.Reading, error) {
	channels := w.channels(bus, address)
	r, err := w.Cabinet.Read(ctx, bus, address, channels)
	if err != nil {
		return r, fmt.Errorf("cannot go on at bus %s: %w; the same call goes on here", bus, err)
	}
	return r, nil
}

// channels is what a board is read with: all it has, since a wire may hang on
// any of them.
func (w *Walk) channels(bus string, address int) int {
	for _, d := range w.State.Bus(bus).Found.Boards {
		if d.Address == address {
			return d.Channels
		}
	}
	return 1
}

// try pulses one place until something moves, twice at most, and asks what did.
func (w *Walk) try(ctx context.Context, p commission.Place) (commission.Trial, error) {
	t, err := w.tryVoice(ctx, p)
	b := w.State.Bus(p.Bus)
	for err == nil && silent(&t) && b.Voice+1 < len(b.Voices) && !w.spoken(p.Bus) {
		b.Voice++
		w.Say("nothing moved: the boards may take their orders in the other form; trying that")
		if err := w.Cabinet.Speak(p.Bus, b.Voice); err != nil {
			return t, err
		}
		t, err = w.tryVoice(ctx, p)
	}
	return t, err
}

func silent(t *commission.Trial) bool { return t.Moved.IsZero() && !commission.Changed(t.Views) }

// spoken tells whether a lock of the bus has moved, which proves the voice;
// channel 1 of board 0 moves by either of cu48's.
func (w *Walk) spoken(bus string) bool {
	for i := range w.State.Trials {
		if t := &w.State.Trials[i]; t.Place.Bus == bus && t.Place.Channel > 1 && !silent(t) {
			return true
		}
	}
	return false
}

func (w *Walk) tryVoice(ctx context.Context, p commission.Place) (commission.Trial, error) {
	t := commission.Trial{Place: p, At: time.Now().UTC()}
	before, err := w.baseline(ctx, p.Bus, p.Address)
	for err == nil && t.Tries < pulses && silent(&t) {
		err = w.once(ctx, &t, before)
	}
	if err != nil || silent(&t) {
		return t, err
	}
	return t, w.close(ctx, &t, before)
}

// once pulses once and asks.
func (w *Walk) once(ctx context.Context, t *commission.Trial, before probe.Reading) error {
	begun, err := w.Cabinet.Fire(ctx, t.Place)
	switch {
	case errors.Is(err, hal.ErrNoReply), errors.Is(err, hal.ErrRefused):
		t.Error = err.Error()
	case err != nil:
		return fmt.Errorf("cannot try %s: %w", t.Place, err)
	}
	t.Tries++
	if err := w.watch(ctx, t, before, begun); err != nil {
		return err
	}
	q := Question{Place: t.Place, Expected: w.State.Door(t.Place), Switched: commission.Changed(t.Views), UnlockMS: t.UnlockMS}
	if t.Moved, t.Confirmed, err = w.Person.Moved(ctx, q); err != nil {
		return err
	}
	if !q.Switched {
		t.Elsewhere, err = w.elsewhere(ctx, t.Place)
	}
	return err
}

// watch reads the board until two readings in a row tell the same change, or a
// door has had its time; twice that where the board has to come back first.
func (w *Walk) watch(ctx context.Context, t *commission.Trial, before probe.Reading, begun time.Time) error {
	var last [][]commission.Change
	var first time.Time
	for {
		r, err := w.read(ctx, t.Place.Bus, t.Place.Address)
		switch {
		case errors.Is(err, hal.ErrNoReply): // the pulse has pulled the supply down, or a second board speaks now
			t.Lost = true
			if time.Since(begun) > 2*w.Times.Prove {
				return nil
			}
			continue
		case err != nil:
			return err
		}
		diff := commission.Diff(before, r)
		if commission.Changed(diff) && reflect.DeepEqual(diff, last) {
			t.Views, t.UnlockMS = diff, first.Sub(begun).Milliseconds()
			return nil
		}
		last, first = diff, r.Begun
		limit := w.Times.Prove
		if t.Lost {
			limit *= 2
		}
		if time.Since(begun) > limit {
			return nil
		}
	}
}

// elsewhere looks for a switch on another board that moved.
func (w *Walk) elsewhere(ctx context.Context, p commission.Place) ([]commission.Place, error) {
	var out []commission.Place
	for _, sp := range w.State.Plan {
		if sp.Doors == 0 || sp.Bus == p.Bus && sp.Address == p.Address {
			continue
		}
		r, err := w.read(ctx, sp.Bus, sp.Address)
		if err != nil {
			return nil, err
		}
		diff := commission.Diff(w.shut[board{sp.Bus, sp.Address}], r)
		if len(diff) == 0 {
			continue
		}
		for _, c := range diff[0] {
			out = append(out, commission.Place{Bus: sp.Bus, Address: sp.Address, Channel: c.Channel})
		}
	}
	return out, nil
}

// close has the door shut, and looks whether its switch comes back.
func (w *Walk) close(ctx context.Context, t *commission.Trial, before probe.Reading) error {
	door := t.Moved
	if door.IsZero() {
		door = w.State.Door(t.Place)
	}
	if !commission.Changed(t.Views) {
		_, err := w.Person.Do(ctx, Task{Kind: ShutOne, Door: door})
		return err
	}
	w.Say("shut door %s", door)
	back, err := w.back(ctx, t.Place, before)
	if err != nil || back {
		return err
	}
	if _, err := w.Person.Do(ctx, Task{Kind: ShutOne, Door: door}); err != nil {
		return err
	}
	r, err := w.steady(ctx, t.Place.Bus, t.Place.Address)
	t.Stuck = err == nil && !reflect.DeepEqual(r.Views, before.Views)
	return err
}

// back waits until the board says again what it said before.
func (w *Walk) back(ctx context.Context, p commission.Place, before probe.Reading) (bool, error) {
	begun := time.Now()
	for time.Since(begun) < w.Times.Shut {
		r, err := w.read(ctx, p.Bus, p.Address)
		if err != nil {
			return false, err
		}
		if reflect.DeepEqual(r.Views, before.Views) {
			return true, nil
		}
		if err := pass(ctx, lookGap); err != nil {
			return false, err
		}
	}
	return false, nil
}
