package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/daemon/slots"
	"lockerd/store"
)

// Times of the judgement on a program on trial.
const (
	judgeLook     = time.Second
	judgeHold     = time.Minute     // all that worked before must have worked so long without a break
	judgeDeadline = 5 * time.Minute // by then; the launcher's guard comes later
)

// Slots is the slot that this process runs from.
type Slots struct {
	Dir   *slots.Dir
	Slot  slots.Slot
	Guard int // pid of the launcher's guard; 0: none
	// Hold and Deadline of the judgement; 0: the package's own.
	Hold, Deadline time.Duration
}

// onTrial tells whether a state has this program on trial.
func (s *Slots) onTrial(st *slots.State) bool {
	return st.Trial != nil && st.Trial.Phase == slots.Trying && st.Trial.Slot == s.Slot
}

// mayOpen refuses to open a store of which this program on trial would make something
// that its predecessor can't read (store/FORMAT.md). The next start goes back to it.
func (s *Slots) mayOpen(writes int) error {
	if s == nil {
		return nil
	}
	st, _, err := s.Dir.Load()
	if err != nil || !s.onTrial(&st) {
		return err
	}
	reads := 1 // all there ever were read that
	if st.Good != nil {
		reads = max(reads, st.Good.StoreReads)
	}
	if writes <= reads {
		return nil
	}
	why := fmt.Sprintf("it writes format %d of the store and the version before reads up to %d: install a version in between first", writes, reads)
	if _, err := s.Dir.Change(func(st slots.State) (slots.State, error) { return st.Fail(why) }); err != nil {
		return err
	}
	return fmt.Errorf("cannot run on trial: %s", why)
}

// endInterrupted abandons an update whose order the last process has not carried out. It
// comes before this one takes orders.
func (s *Slots) endInterrupted() error {
	if s == nil || s.Slot == slots.Base {
		return nil
	}
	return s.Dir.EndInterrupted(time.Now())
}

// watchSlot tells the journal how the last update ended, and judges this start: of a
// program on trial whether it may stay, of the active one when it is well.
func (d *Daemon) watchSlot(ctx context.Context) {
	s := d.opt.Slots
	if s == nil || s.Slot == slots.Base {
		return
	}
	st, _, err := s.Dir.Load()
	if err != nil {
		d.opt.Log.Error("cannot judge this start", slog.Any("error", err))
		return
	}
	d.tellOutcome(ctx, &st)
	trial := s.onTrial(&st)
	j := slots.Judge{Hold: orElse(s.Hold, judgeHold), Deadline: orElse(s.Deadline, judgeDeadline)}
	if trial {
		j.Before = st.Good
		d.opt.Log.Info("on trial", slog.String("version", st.Trial.Program.Version), slog.Duration("hold", j.Hold))
	}
	verdict, h, why := d.judge(ctx, &j)
	switch {
	case verdict == slots.Wait, verdict == slots.Bad && !trial:
	case verdict == slots.Bad:
		d.goBack(ctx, strings.Join(why, "; "))
	case trial:
		d.confirm(ctx, h)
	default:
		d.note(func(st slots.State) (slots.State, error) { return st.Healthy(*h), nil })
	}
}

func orElse(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}

// judge looks at the bank until there is a verdict; Wait if ctx ended before.
func (d *Daemon) judge(ctx context.Context, j *slots.Judge) (slots.Verdict, *slots.Health, []string) {
	begun := time.Now()
	look := time.NewTicker(judgeLook)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return slots.Wait, nil, nil
		}
		h, err := d.health(ctx)
		if err != nil {
			h = &slots.Health{}
		}
		if v, why := j.Look(time.Since(begun), h); v != slots.Wait {
			return v, h, why
		}
	}
}

func (d *Daemon) confirm(ctx context.Context, h *slots.Health) {
	if st := d.note(func(st slots.State) (slots.State, error) { return st.Confirm(*h, time.Now()) }); st != nil {
		d.tellOutcome(ctx, st)
	}
	if p, err := os.FindProcess(d.opt.Slots.Guard); err == nil && d.opt.Slots.Guard > 0 {
		_, _ = p.Wait() // it sees that it is no longer needed
	}
}

// goBack has the next start be of the program before. The verdict is on disk at
// once; the end waits for shut doors.
func (d *Daemon) goBack(ctx context.Context, why string) {
	d.opt.Log.Error("this version is not well: going back to the one before", slog.String("why", why))
	d.note(func(st slots.State) (slots.State, error) { return st.Fail(why) })
	if err := d.bank.Leave(ctx, func() error { return nil }); err != nil && ctx.Err() == nil {
		d.opt.Log.Error("cannot leave", slog.Any("error", err))
	}
}

// note changes the state of the slots; nil: it could not.
func (d *Daemon) note(f func(slots.State) (slots.State, error)) *slots.State {
	st, err := d.opt.Slots.Dir.Change(f)
	if err != nil {
		d.opt.Log.Error("cannot note how this start goes", slog.Any("error", err))
		return nil
	}
	return &st
}

// tellOutcome journals how the last update ended, once.
func (d *Daemon) tellOutcome(ctx context.Context, st *slots.State) {
	o := st.Last
	if o == nil || o.Told {
		return
	}
	e := locker.Event{Type: locker.EvUpdatePrefix + o.Result, Version: locker.Text(o.Version), Why: o.Why}
	if err := d.bank.Note(ctx, e); err != nil {
		return // the next start tells it
	}
	d.note(func(st slots.State) (slots.State, error) { return st.Told(), nil })
}

// leaveSlot gives the start back after an orderly end, and notes how the bank was.
func (d *Daemon) leaveSlot(err error) {
	s := d.opt.Slots
	if s == nil || err != nil || s.Slot == slots.Base {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), judgeLook)
	defer cancel()
	h, herr := d.health(ctx) // not after a Leave: the bank has ended
	d.note(func(st slots.State) (slots.State, error) {
		if herr == nil && h.Ready && st.Trial == nil {
			st = st.Healthy(*h)
		}
		return st.Stopped(), nil
	})
}

// health is what of the bank works.
func (d *Daemon) health(ctx context.Context) (*slots.Health, error) {
	s, err := d.bank.Status(ctx)
	if err != nil {
		return nil, err
	}
	return healthOf(&s), nil
}

func healthOf(s *bank.Status) *slots.Health {
	h := &slots.Health{
		Ready: s.Ready, Doors: s.Doors, Uplink: s.Link != nil && s.Link.Connected,
		Journal: s.Journal.ID, Next: s.Journal.Next, StoreReads: store.FormatReads,
	}
	for _, b := range s.Buses {
		for _, x := range b.Boards {
			if x.State == "ok" {
				h.Boards = append(h.Boards, fmt.Sprintf("bus %s board %d", b.Name, x.Address))
			}
		}
	}
	for _, x := range s.Scanners {
		if x.State == "ok" {
			h.Scanners = append(h.Scanners, x.Name)
		}
	}
	for name, set := range s.Codes {
		if name != locker.SetLocal && set.Epoch > 0 {
			h.Sets = append(h.Sets, name)
		}
	}
	return h
}
