package commission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lockerd/daemon/commission"
	"lockerd/daemon/locker"
	"lockerd/hal/rs485/probe"
)

// Finder finds boards.
type Finder interface {
	Look(ctx context.Context, port Port) (commission.Bus, error)
	Speak(bus string, voice int) error
}

// Mover moves locks and reads switches.
type Mover interface {
	Read(ctx context.Context, bus string, address, channels int) (probe.Reading, error)
	Fire(ctx context.Context, at commission.Place) (time.Time, error)
}

// Cabinet is what the walk needs of the hardware.
type Cabinet interface {
	Finder
	Mover
}

var _ Cabinet = (*Ports)(nil)

// Person stands before the cabinet, or stands for somebody who does.
type Person interface {
	// Doors says which doors hang on a board; a proposal is given.
	Doors(ctx context.Context, b probe.Board, proposal commission.Span) (commission.Span, error)
	// Moved says which door moved, and whether that was seen.
	Moved(ctx context.Context, q Question) (door locker.DoorID, seen bool, err error)
	// Do asks for something to be done; false: it won't be.
	Do(ctx context.Context, t Task) (bool, error)
}

// Question is asked after a pulse.
type Question struct {
	Place    commission.Place
	Expected locker.DoorID
	Switched bool // a feedback moved
	UnlockMS int64
}

// TaskKind says what is to be done.
type TaskKind int

// Tasks.
const (
	ShutAll TaskKind = iota // all doors, before the walk
	ShutOne                 // the door that was opened
	Mend                    // a fault; then boards are looked for again
)

// Task is something only a person can do.
type Task struct {
	Kind  TaskKind
	Door  locker.DoorID
	Fault commission.Fault
}

// Times of a walk.
type Times struct {
	Prove time.Duration // from a pulse until a switch must have moved
	Shut  time.Duration // for a door to be shut, before it is asked for
}

// DefaultTimes are for people: contract 2 gives a door 3 s.
func DefaultTimes() Times { return Times{Prove: 3 * time.Second, Shut: time.Minute} }

// Walk is one commissioning.
type Walk struct {
	State   *commission.State
	Cabinet Cabinet
	Person  Person
	Ports   []Port
	Times   Times
	Keep    func(*commission.State) error // to disk
	Say     func(format string, args ...any)
	// Check refuses a plan that no configuration can hold, before a door moves.
	Check func(*commission.State) error

	shut map[board]probe.Reading // of boards whose doors are shut
}

// board names one.
type board struct {
	bus     string
	address int
}

// Run looks for the boards, agrees on the plan and tries every door that was not
// tried yet.
func (w *Walk) Run(ctx context.Context) error {
	if err := w.find(ctx); err != nil {
		return err
	}
	if err := w.plan(ctx); err != nil {
		return err
	}
	places := slices.DeleteFunc(w.State.Places(), func(p commission.Place) bool { return w.State.Trial(p) != nil })
	return w.doors(ctx, places)
}

// Again tries the places of one door once more.
func (w *Walk) Again(ctx context.Context, d locker.DoorID) error {
	places := w.State.PlacesOf(d)
	if len(places) == 0 {
		return fmt.Errorf("cannot prove door %s again: it is not in the state of the walk: commission the whole bank first", d)
	}
	if err := w.find(ctx); err != nil {
		return err
	}
	for _, p := range places {
		if w.State.Span(p.Bus, p.Address) == nil {
			return fmt.Errorf("cannot prove door %s again: board %d of bus %s does not answer cleanly: %s", d, p.Address, p.Bus, "look at its power and its address")
		}
	}
	return w.doors(ctx, places)
}

// find looks at every port until nothing is left to be mended there, or the
// person goes on without.
func (w *Walk) find(ctx context.Context) error {
	seen := w.State.Seen
	w.State.Seen = nil
	for _, port := range w.Ports {
		if err := w.look(ctx, port, seen); err != nil {
			return err
		}
	}
	return w.Keep(w.State)
}

// looks bounds how often one port is looked at: what is not mended by then is
// left open.
const looks = 20

func (w *Walk) look(ctx context.Context, port Port, before []commission.Fault) error {
	var all []commission.Fault
	for range looks {
		b, err := w.Cabinet.Look(ctx, port)
		if err != nil {
			return err
		}
		w.tell(&b)
		now := commission.ScanFaults(&b)
		all = merge(all, now)
		again, err := w.mend(ctx, now)
		if err != nil {
			return err
		}
		if again {
			continue
		}
		w.State.Rescanned(b)
		if voice := w.State.Bus(b.Name).Voice; voice > 0 {
			if err := w.Cabinet.Speak(b.Name, voice); err != nil {
				return err
			}
		}
		break
	}
	for _, f := range before { // what earlier calls saw, and is gone
		if f.Place.Bus == port.Bus && !slices.ContainsFunc(all, same(f)) {
			if f.Status == commission.Open {
				f.Status = commission.Mended
			}
			all = append(all, f)
		}
	}
	w.State.Seen = append(w.State.Seen, all...)
	return nil
}

func same(f commission.Fault) func(commission.Fault) bool {
	return func(o commission.Fault) bool { return o.Kind == f.Kind && o.Place == f.Place }
}

// merge adds what is seen now; what was open and is gone is mended.
func merge(all, now []commission.Fault) []commission.Fault {
	for i := range all {
		if all[i].Status == commission.Open && !slices.ContainsFunc(now, same(all[i])) {
			all[i].Status = commission.Mended
		}
	}
	for _, f := range now {
		if i := slices.IndexFunc(all, same(f)); i >= 0 {
			all[i] = f
		} else {
			all = append(all, f)
		}
	}
	return all
}

// mend shows what is wrong; true: something was done about it.
func (w *Walk) mend(ctx context.Context, faults []commission.Fault) (bool, error) {
	done := false
	for _, f := range faults {
		if f.Status != commission.Open {
			w.Say("note: %s", f.Text)
			continue
		}
		did, err := w.Person.Do(ctx, Task{Kind: Mend, Fault: f})
		if err != nil {
			return false, err
		}
		done = done || did
	}
	return done, nil
}

func (w *Walk) tell(b *commission.Bus) {
	if b.Found.Family == "" || len(b.Found.Boards) == 0 {
		return
	}
	w.Say("bus %s: %s boards at %d baud", b.Name, b.Found.Family, b.Found.Baud)
	for _, d := range b.Found.Boards {
		if d.Answers == probe.Once {
			w.Say("  board %d: up to %d channels", d.Address, d.Channels)
		}
	}
}

// plan asks which doors hang on each board that is not planned yet.
func (w *Walk) plan(ctx context.Context) error {
	for i := range w.State.Buses {
		b := &w.State.Buses[i]
		for _, d := range b.Found.Boards {
			if d.Answers != probe.Once || w.State.Span(b.Name, d.Address) != nil {
				continue
			}
			sp, err := w.span(ctx, b.Name, d)
			if err != nil {
				return err
			}
			w.State.Plan = append(w.State.Plan, sp)
		}
	}
	if len(w.State.Places()) == 0 {
		return errors.New("cannot commission: there is no board that answers and carries doors: look at the boards' power, at A and B, at --baud, then call again")
	}
	if err := w.Check(w.State); err != nil {
		w.State.Plan = nil // to be asked again
		return errors.Join(fmt.Errorf("cannot plan the bank so: %w", err), w.Keep(w.State))
	}
	return w.Keep(w.State)
}

func (w *Walk) span(ctx context.Context, bus string, d probe.Board) (commission.Span, error) {
	for {
		sp, err := w.Person.Doors(ctx, d, w.State.Propose(bus, d))
		if err != nil {
			return sp, err
		}
		sp.Bus, sp.Address, sp.Channels = bus, d.Address, sp.Doors
		if err := w.State.Fits(sp, d); err != nil {
			w.Say("that can't be: %v", err)
			if err := ctx.Err(); err != nil {
				return sp, err
			}
			continue
		}
		if sp.Doors > 0 {
			if _, err := w.Cabinet.Read(ctx, bus, d.Address, sp.Doors); err != nil {
				sp.Channels = d.Channels // it tells of all of them or not at all
			}
		}
		return sp, ctx.Err()
	}
}
