package commission

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/commission"
	"lockerd/daemon/locker"
	"lockerd/hal/rs485/probe"
)

// Terminal is a person at a terminal.
type Terminal struct {
	out io.Writer
	in  *ui.Input
}

var (
	_ Person = (*Terminal)(nil)
	_ Person = Unattended{}
)

// NewTerminal reads answers from in, a line each.
func NewTerminal(in io.Reader, out io.Writer) *Terminal {
	return &Terminal{out: out, in: ui.NewInput(in)}
}

// ask prompts and returns the answer.
func (t *Terminal) ask(ctx context.Context, format string, args ...any) (string, error) {
	t.in.Forget()
	ui.Emit(t.out, format+" > ", args...)
	line, err := t.in.Line(ctx)
	switch {
	case ctx.Err() != nil:
		ui.Emit(t.out, "\n")
		return "", ctx.Err()
	case err != nil:
		return "", errors.New("cannot go on: there are no more answers; the same call goes on here, or use --unattended")
	}
	return strings.TrimSpace(line), nil
}

// Doors implements Person.
func (t *Terminal) Doors(ctx context.Context, b probe.Board, p commission.Span) (commission.Span, error) {
	for {
		a, err := t.ask(ctx, "which doors hang on board %d of bus %s? [Enter = %s, or first..last, or none]", b.Address, p.Bus, p)
		if err != nil || a == "" {
			return p, err
		}
		if p.First, p.Doors, err = commission.ParseDoors(a); err == nil {
			return p, nil
		}
		ui.Emit(t.out, "%v\n", err)
	}
}

// Moved implements Person. Where a switch has moved Enter means the door that is
// expected; where none has, that nothing moved.
func (t *Terminal) Moved(ctx context.Context, q Question) (locker.DoorID, bool, error) {
	seen, offer, enter := "no switch moved", q.Expected.String()+" or another, Enter = none", locker.DoorID{}
	if q.Switched {
		seen = fmt.Sprintf("a switch moved after %d ms", q.UnlockMS)
		offer, enter = "Enter = "+q.Expected.String()+", or another, or none", q.Expected
	}
	ui.Emit(t.out, "%s: pulsed, %s\n", q.Place, seen)
	for {
		a, err := t.ask(ctx, "which door opened? [%s]", offer)
		switch {
		case err != nil:
			return locker.DoorID{}, false, err
		case a == "":
			return enter, true, nil
		case a == "none":
			return locker.DoorID{}, true, nil
		}
		d, err := readDoor(a, q.Expected.Locker)
		if err == nil {
			return d, true, nil
		}
		ui.Emit(t.out, "%v\n", err)
	}
}

// readDoor takes 1-07, and 7 for a door of the same locker.
func readDoor(text string, of uint8) (locker.DoorID, error) {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil && n >= 1 && n <= locker.MaxDoors {
		return locker.DoorID{Locker: of, Door: uint8(n)}, nil
	}
	return locker.ParseDoorID(text)
}

// Do implements Person.
func (t *Terminal) Do(ctx context.Context, k Task) (bool, error) {
	var a string
	var err error
	switch k.Kind {
	case ShutAll:
		a, err = t.ask(ctx, "shut all doors; one after another will open [Enter = they are shut]")
	case ShutOne:
		a, err = t.ask(ctx, "shut door %s [Enter = it is shut]", k.Door)
	case Mend:
		ui.Emit(t.out, "FAULT: %s\n  what to do: %s\n", k.Fault.Text, k.Fault.Cure)
		a, err = t.ask(ctx, "[Enter = it is done, look again; skip = go on without]")
	}
	return a != "skip", err
}

// Unattended stands for a person who isn't there: what was planned is assumed,
// and nothing is mended.
type Unattended struct{}

// Doors implements Person.
func (Unattended) Doors(_ context.Context, _ probe.Board, p commission.Span) (commission.Span, error) {
	return p, nil
}

// Moved implements Person.
func (Unattended) Moved(_ context.Context, q Question) (locker.DoorID, bool, error) {
	if !q.Switched {
		return locker.DoorID{}, false, nil
	}
	return q.Expected, false, nil
}

// Do implements Person.
func (Unattended) Do(_ context.Context, k Task) (bool, error) { return k.Kind != Mend, nil }

// Planned is a person whose boards were planned on the command line.
type Planned struct {
	Person

	Spans []commission.Span
}

// Doors implements Person.
func (p Planned) Doors(ctx context.Context, b probe.Board, s commission.Span) (commission.Span, error) {
	for _, sp := range p.Spans {
		if sp.Bus == s.Bus && sp.Address == b.Address {
			return sp, nil
		}
	}
	return p.Person.Doors(ctx, b, s)
}
