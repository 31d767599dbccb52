package commission

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"lockerd/daemon/commission"
	"lockerd/daemon/config"
	"lockerd/daemon/locker"
	"lockerd/hal/rs485/probe"
)

// Options of a commissioning.
type Options struct {
	Config  string // file to be written
	Bank    string // "": that of the file, or of the seed
	DataDir string
	Seed    string // file of the board's seed; "": DefaultSeed, if it is one; NoSeed: none
	Size    locker.Size
	Ports   []Port // none: those of the file, or all that the system names
	Spans   []commission.Span
	Scan    probe.Options
	Pulse   time.Duration
	Times   Times
	Door    locker.DoorID // to be proven again; zero: all
	Force   bool
	Fresh   bool
	By      string
	Now     func() time.Time
	Dial    probe.Dial
	Turn    probe.Dial // for ports with RS485
}

// Run commissions a bank, or proves one door of it again, and returns the
// report that it has written.
func Run(ctx context.Context, o Options, person Person, say func(format string, args ...any)) (_ *commission.Report, err error) {
	r := &run{Options: o, files: Files{o.Config}, say: say}
	if err := r.base(); err != nil {
		return nil, err
	}
	if err := r.ports(); err != nil {
		return nil, err
	}
	if err := r.resume(); err != nil {
		return nil, err
	}
	hw := &Ports{Dial: o.Dial, Turn: o.Turn, Scan: o.Scan, Pulse: o.Pulse, Say: say}
	w := &Walk{
		State: r.state, Cabinet: hw, Person: Planned{person, o.Spans}, Ports: r.Ports, Times: o.Times,
		Keep: r.files.Keep, Say: say, Check: r.check,
	}
	if o.Door.IsZero() {
		err = w.Run(ctx)
	} else {
		err = w.Again(ctx, o.Door)
	}
	if err = errors.Join(err, hw.Close()); err != nil {
		return nil, err
	}
	return r.finish()
}

type run struct {
	Options

	files Files
	say   func(format string, args ...any)
	bank  *config.Config
	state *commission.State
}

// base takes over what a file that is there says of other things than wires.
func (r *run) base() error {
	text, err := os.ReadFile(r.Config)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && config.Blank(text):
		r.bank, err = r.fresh()
		return err
	case err != nil:
		return fmt.Errorf("cannot look at %s: %w", r.Config, err)
	case !r.Force && r.Door.IsZero():
		return fmt.Errorf("cannot commission into %s: it is there already; --force takes over all but the wiring and keeps the old one as %s.bak, --door proves one door again", r.Config, filepath.Base(r.Config))
	}
	r.bank, err = config.Load(r.Config)
	return err
}

// ports finds out which lines to look at.
func (r *run) ports() error {
	if len(r.Ports) == 0 {
		for _, b := range r.bank.Buses {
			if b.Port != "" {
				r.Ports = append(r.Ports, Port{b.Name, b.Port, b.RS485})
			}
		}
	}
	if len(r.Ports) == 0 {
		there, _ := filepath.Glob("/dev/serial/by-id/*") // the pattern is good
		return fmt.Errorf("cannot look for boards: no port is named: give --port; stable names here: %v", there)
	}
	return nil
}

// resume takes up a walk that was kept, or begins one.
func (r *run) resume() error {
	s, err := r.files.Load()
	if r.Fresh {
		s, err = nil, nil
	}
	if err != nil {
		return err
	}
	switch {
	case s != nil && s.Bank != r.bank.Bank:
		return fmt.Errorf("cannot go on: the walk in %s is that of bank %q: begin again with --fresh", r.files.State(), s.Bank)
	case s == nil && !r.Door.IsZero():
		return fmt.Errorf("cannot prove door %s again: there is no walk in %s: commission the whole bank first", r.Door, r.files.State())
	case s != nil && len(s.Trials) > 0 && r.Door.IsZero():
		r.say("going on with the walk begun %s: %d places are done", s.Begun.Format(time.RFC3339), len(s.Trials))
	}
	if s == nil {
		s = &commission.State{Version: commission.Version, Bank: r.bank.Bank, Begun: r.Now().UTC()}
	}
	s.By = r.By
	named := func(b commission.Bus) bool {
		return slices.ContainsFunc(r.Ports, func(p Port) bool { return p.Bus == b.Name })
	}
	s.Buses = slices.DeleteFunc(s.Buses, func(b commission.Bus) bool { return !named(b) })
	r.state = s
	return nil
}

// check refuses what no file can hold, before a door moves.
func (r *run) check(s *commission.State) error {
	_, _, err := commission.Configure(r.bank, s, commission.Learn(s), r.Size)
	return err
}

// finish writes report and configuration.
func (r *run) finish() (*commission.Report, error) {
	l := commission.Learn(r.state)
	rep := commission.NewReport(r.state, l, r.Config, r.Now().UTC())
	if err := r.files.KeepReport(rep); err != nil {
		return nil, err
	}
	_, text, err := commission.Configure(r.bank, r.state, l, r.Size)
	if err == nil {
		err = r.files.Write(text, r.Force)
	}
	return rep, err
}
