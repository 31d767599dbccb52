package update

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/daemon/slots"
)

const (
	// lookEvery is how often it is looked whether an ordered update may be tried.
	lookEvery = 30 * time.Second
	// DefaultChannel is where updates come from when an order names none.
	DefaultChannel = "stable"
)

var channelForm = locker.NewForm(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Bank is what an update needs of the bank.
type Bank interface {
	// Leave calls do when no door is open and no visit runs, and ends the bank then.
	Leave(ctx context.Context, do func() error) error
	Note(ctx context.Context, e locker.Event) error
}

// Options are what a Manager stands on.
type Options struct {
	Client  *Client
	Slots   *slots.Dir // nil: no launcher, no updates
	Slot    slots.Slot // this program's
	Running string     // version of this program
	Source  string     // where updates come from when an order does not say
	Zone    *time.Location
	Clock   func() (now time.Time, set bool) // bank time
	Health  func(ctx context.Context) (*slots.Health, error)
	Bank    Bank
	Log     *slog.Logger
	Look    time.Duration // 0: lookEvery
}

// Manager takes orders, one at a time.
type Manager struct {
	o    Options
	one  sync.Mutex
	poke chan struct{}
}

// New returns a manager; Run must run for ordered updates to be tried.
func New(o Options) *Manager {
	if o.Look == 0 {
		o.Look = lookEvery
	}
	return &Manager{o: o, poke: make(chan struct{}, 1)}
}

// Order stages what a source offers and has it tried in its window. It returns when
// the program is verified on disk, or why it was refused.
func (m *Manager) Order(ctx context.Context, o bank.UpdateOrder, by string) (bank.UpdateStatus, error) {
	if !m.one.TryLock() {
		return bank.UpdateStatus{}, &bank.Error{Code: CodeRefused, Reason: string(locker.Busy), Text: "cannot take the update: another order is being carried out", Cure: "wait for it: lockerctl update status"}
	}
	defer m.one.Unlock()
	version, err := m.order(ctx, &o, by)
	if err != nil {
		return bank.UpdateStatus{}, m.tellRefused(ctx, err, &o, by)
	}
	m.note(ctx, locker.Event{Type: locker.EvUpdatePrefix + "staged", Version: locker.Text(version), By: by})
	select {
	case m.poke <- struct{}{}:
	default:
	}
	return m.Status(ctx)
}

func (m *Manager) order(ctx context.Context, o *bank.UpdateOrder, by string) (version string, err error) {
	if o.From == "" {
		o.From = m.o.Source
	}
	if o.Channel == "" {
		o.Channel = DefaultChannel
	}
	switch {
	case m.o.Slots == nil || m.o.Slot == slots.Base:
		return "", refused("install the package, which starts lockerd by lockerd-launch", "this lockerd does not run from a slot")
	case o.From == "":
		return "", refused("give one: lockerctl update --from DIR|URL, or set [update] source", "no source is known")
	case !channelForm.MatchString(o.Channel):
		return "", &Error{Code: CodeInvalid, Text: fmt.Sprintf("cannot take %.40q for a channel", o.Channel), Cure: "use up to 32 of a-z, 0-9 and -, as stable"}
	}
	if _, err := ParseWindow(o.Window); err != nil {
		return "", err
	}
	src, err := NewSource(o.From)
	if err != nil {
		return "", err
	}
	f, err := m.o.Client.Find(ctx, src, o.Channel)
	if err != nil {
		return "", err
	}
	if err := m.wanted(f, o); err != nil {
		return "", err
	}
	return f.Program.Version, m.stage(ctx, src, f, o, by)
}

// wanted refuses downgrades, another version than the one ordered, and one that
// failed here.
func (m *Manager) wanted(f *Found, o *bank.UpdateOrder) error {
	v := f.Program.Version
	s, _, err := m.o.Slots.Load()
	switch {
	case err != nil:
		return err
	case o.Version != "" && parseVersion(o.Version) != parseVersion(v):
		return refused("order "+v+", or have the other released", "version %s was ordered and channel %q offers %s", o.Version, o.Channel, v)
	case parseVersion(v).compare(parseVersion(m.o.Running)) <= 0:
		return refused("nothing is to be done; to go back, release the old program under a new version", "version %s is not newer than %s, which runs", v, m.o.Running)
	case s.Trial != nil && s.Trial.Phase != slots.Staging && s.Trial.Phase != slots.Verified:
		return refused("wait until it has ended: lockerctl update status", "version %s is being tried", s.Trial.Program.Version)
	case !o.Again && s.Last != nil && s.Last.Result == slots.RolledBack && s.Last.SHA256 == f.Program.SHA256:
		return refused("release a mended version, or order it with --again", "version %s was tried here and rolled back (%s)", v, s.Last.Why)
	}
	return nil
}

func (m *Manager) stage(ctx context.Context, src Source, f *Found, o *bank.UpdateOrder, by string) error {
	s, _, err := m.o.Slots.Load()
	if err != nil {
		return err
	}
	if s.Trial == nil || s.Trial.Phase != slots.Verified || s.Trial.Program != f.Program { // else only its window changes
		r, err := m.o.Client.Open(ctx, src, f)
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		if err := m.o.Slots.Put(f.Program, r, time.Now()); err != nil {
			return err
		}
	}
	_, err = m.o.Slots.Change(func(s slots.State) (slots.State, error) { return s.Order(o.Window, by) })
	return err
}

// tellRefused journals and words an error.
func (m *Manager) tellRefused(ctx context.Context, err error, o *bank.UpdateOrder, by string) error {
	out := &bank.Error{Code: CodeFailed, Text: err.Error(), Cure: "lockerctl update status; journalctl -u lockerd says more"}
	if e, ok := errors.AsType[*Error](err); ok {
		out = &bank.Error{Code: e.Code, Text: e.Text, Cure: e.Cure, Reason: "update_" + e.Code}
	}
	m.note(ctx, locker.Event{Type: locker.EvUpdatePrefix + "refused", Why: clip(out.Text), By: by, Cause: o.Channel})
	return out
}

// clip bounds what goes into an event.
func clip(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	return s[:most]
}

func (m *Manager) note(ctx context.Context, e locker.Event) {
	if err := m.o.Bank.Note(context.WithoutCancel(ctx), e); err != nil {
		m.o.Log.Warn("cannot journal the update", slog.String("type", e.Type), slog.Any("error", err))
	}
}

// Run has ordered updates tried, until ctx ends: also those ordered before a restart.
func (m *Manager) Run(ctx context.Context) {
	if m.o.Slots == nil {
		return
	}
	look := time.NewTicker(m.o.Look)
	defer look.Stop()
	for {
		m.try(ctx)
		select {
		case <-look.C:
		case <-m.poke:
		case <-ctx.Done():
			return
		}
	}
}

// try begins the trial of an ordered update, if its window is open and the bank is well and
// at rest. It waits for that only shortly: windows close.
func (m *Manager) try(ctx context.Context) {
	s, _, err := m.o.Slots.Load()
	if err != nil || s.Trial == nil || s.Trial.Phase != slots.Verified || !s.Trial.Ordered {
		return
	}
	w, err := ParseWindow(s.Trial.Window)
	now, set := m.o.Clock()
	if err != nil || s.Trial.Window != "" && !set || !w.Open(now.In(m.o.Zone)) {
		return
	}
	h, err := m.o.Health(ctx)
	if err != nil || !h.Ready {
		return
	}
	m.note(ctx, locker.Event{Type: locker.EvUpdatePrefix + "tried", Version: locker.Text(s.Trial.Program.Version), By: s.Trial.By})
	ctx, cancel := context.WithTimeout(ctx, m.o.Look)
	defer cancel()
	err = m.o.Bank.Leave(ctx, func() error {
		_, err := m.o.Slots.Change(func(s slots.State) (slots.State, error) { return s.Arm(h) })
		return err
	})
	if err != nil && ctx.Err() == nil {
		m.o.Log.Error("cannot begin the trial of an update", slog.Any("error", err))
	}
}

// Status tells how the slots stand.
func (m *Manager) Status(context.Context) (bank.UpdateStatus, error) {
	out := bank.UpdateStatus{Running: m.o.Running, Slot: string(m.o.Slot), Source: m.o.Source}
	if m.o.Slots == nil {
		return out, nil
	}
	s, _, err := m.o.Slots.Load()
	if err != nil {
		return out, &bank.Error{Code: CodeFailed, Text: err.Error(), Cure: "look at the card: dmesg"}
	}
	out.Slots = map[string]string{}
	for slot, p := range s.Slots {
		out.Slots[string(slot)] = p.Version
	}
	out.Active = string(s.Active)
	if t := s.Trial; t != nil {
		out.Update = &bank.UpdateTrial{
			Version: t.Program.Version, Phase: string(t.Phase), Ordered: t.Ordered, Window: t.Window, By: t.By,
			Starts: t.Starts, Why: t.Why,
		}
	}
	if l := s.Last; l != nil {
		out.Last = &bank.UpdateOutcome{Version: l.Version, Result: l.Result, Why: l.Why, At: locker.Time(l.At.UnixMilli())}
	}
	return out, nil
}
