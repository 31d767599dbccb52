package update

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/daemon/slots"
	"lockerd/store/durable"
)

// fakeBank is at rest or not.
type fakeBank struct {
	mu    sync.Mutex
	busy  bool
	left  int
	notes []string
}

func (b *fakeBank) Leave(ctx context.Context, do func() error) error {
	for {
		b.mu.Lock()
		busy := b.busy
		b.mu.Unlock()
		if !busy {
			err := do()
			b.mu.Lock()
			b.left++
			b.mu.Unlock()
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

func (b *fakeBank) Note(_ context.Context, e locker.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notes = append(b.notes, e.Type)
	return nil
}

func (b *fakeBank) set(busy bool) {
	b.mu.Lock()
	b.busy = busy
	b.mu.Unlock()
}

// site is a bank that runs 1.0.0 from slot a.
type site struct {
	*rig
	m     *Manager
	bank  *fakeBank
	slots *slots.Dir
	clock bool
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{rig: one(t), bank: &fakeBank{}, clock: true}
	s.slots = &slots.Dir{Path: filepath.Join(t.TempDir(), "update")}
	body := programText("1.0.0")
	path := filepath.Join(t.TempDir(), "lockerd")
	s.must(durable.WriteFile(path, body, 0o600))
	size, sum, err := slots.Measure(path)
	s.must(err)
	s.must(s.slots.Put(slots.Program{Version: "1.0.0", SHA256: sum, Size: size}, bytes.NewReader(body), s.now))
	s.change(func(st slots.State) (slots.State, error) { return st.Arm(nil) })
	s.m = New(Options{
		Client: s.client, Slots: s.slots, Slot: slots.A, Running: "v1.0.0", Zone: time.UTC, Bank: s.bank,
		Clock:  func() (time.Time, bool) { return s.now, s.clock },
		Health: func(context.Context) (*slots.Health, error) { return &slots.Health{Ready: true, Doors: 8}, nil },
		Log:    slog.New(slog.DiscardHandler), Look: 20 * time.Millisecond,
	})
	return s
}

func (s *site) change(f func(slots.State) (slots.State, error)) {
	s.t.Helper()
	_, err := s.slots.Change(f)
	s.must(err)
}

func (s *site) order(o bank.UpdateOrder) error {
	o.From = s.repo.Dir
	_, err := s.m.Order(context.Background(), o, "ada")
	return err
}

func (s *site) trial() *slots.Trial {
	s.t.Helper()
	st, _, err := s.slots.Load()
	s.must(err)
	return st.Trial
}

func refusesOrder(t *testing.T, err error, want, cure string) {
	t.Helper()
	e, ok := errors.AsType[*bank.Error](err)
	if !ok || !strings.Contains(e.Text, want) || !strings.Contains(e.Cure, cure) {
		t.Fatalf("got %v; want %q and to do %q", err, want, cure)
	}
}

func TestOrder(t *testing.T) {
	s := newSite(t)
	s.must(s.add("1.1.0"))
	s.must(s.order(bank.UpdateOrder{}))
	if got := s.trial(); got.Phase != slots.Verified || !got.Ordered || got.Program.Version != "1.1.0" {
		t.Fatalf("%+v", got)
	}
	s.m.try(t.Context())
	st, _, err := s.slots.Load()
	if err != nil || st.Trial.Phase != slots.Trying || st.Good.Doors != 8 || s.bank.left != 1 {
		t.Fatalf("%+v, good %+v, %v", st.Trial, st.Good, err)
	}
	if got := strings.Join(s.bank.notes, " "); got != "update.staged update.tried" {
		t.Fatal(got)
	}
	refusesOrder(t, s.order(bank.UpdateOrder{}), "is being tried", "update status")
}

func TestOrderRefuses(t *testing.T) {
	for _, tc := range []struct {
		name       string
		release    string
		o          bank.UpdateOrder
		change     func(s *site)
		want, cure string
	}{
		{"downgrade", "0.9.0", bank.UpdateOrder{}, nil, "0.9.0 is not newer than v1.0.0", "under a new version"},
		{"the same", "1.0.0", bank.UpdateOrder{}, nil, "1.0.0 is not newer", "nothing is to be done"},
		{"another version", "1.1.0", bank.UpdateOrder{Version: "1.2.0"}, nil, "1.2.0 was ordered", "order 1.1.0"},
		{"another channel", "1.1.0", bank.UpdateOrder{Channel: "beta"}, nil, `"beta" has none for this board`, "check the channel"},
		{"no channel", "1.1.0", bank.UpdateOrder{Channel: "../x"}, nil, "for a channel", "as stable"},
		{"no window", "1.1.0", bank.UpdateOrder{Window: "soon"}, nil, "for a window", "02:00-04:00"},
		{"no launcher", "1.1.0", bank.UpdateOrder{}, func(s *site) { s.m.o.Slots = nil }, "does not run from a slot", "install the package"},
		{"full disk", "1.1.0", bank.UpdateOrder{}, func(s *site) { s.slots.Free = func() (int64, error) { return 1 << 20, nil } }, "1 are free: free space on the card", "update status"},
		{"rolled back before", "1.1.0", bank.UpdateOrder{}, func(s *site) {
			s.must(s.order(bank.UpdateOrder{}))
			s.change(func(st slots.State) (slots.State, error) { return st.Arm(nil) })
			s.change(func(st slots.State) (slots.State, error) { return st.Fail("lost: scanner front") })
			s.change(func(st slots.State) (slots.State, error) { st, _ = st.Start(s.now); return st, nil })
		}, "was tried here and rolled back (lost: scanner front)", "--again"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			s.must(s.add(tc.release))
			if tc.change != nil {
				tc.change(s)
			}
			err := s.order(tc.o)
			refusesOrder(t, err, tc.want, tc.cure)
			if got := s.bank.notes[len(s.bank.notes)-1]; got != "update.refused" {
				t.Fatalf("noted %s", got)
			}
			if tr := s.trial(); tr != nil {
				t.Fatalf("something is under way: %+v", tr)
			}
			if tc.name == "rolled back before" {
				s.must(s.order(bank.UpdateOrder{Again: true}))
			}
		})
	}
}

// TestOrderWhileAnother holds that a second order at the same time is told from a refusal:
// whoever gave it may give it again.
func TestOrderWhileAnother(t *testing.T) {
	s := newSite(t)
	s.must(s.add("1.1.0"))
	s.m.one.Lock()
	err := s.order(bank.UpdateOrder{})
	s.m.one.Unlock()
	refusesOrder(t, err, "another order is being carried out", "wait for it")
	if e, _ := errors.AsType[*bank.Error](err); e.Reason != "busy" {
		t.Errorf("reason %q", e.Reason)
	}
	s.must(s.order(bank.UpdateOrder{}))
}

// TestTriedAtRest holds that a trial waits for its window, its clock and shut doors, and
// that an order outlives a restart of the process.
func TestTriedAtRest(t *testing.T) {
	s := newSite(t)
	s.must(s.add("1.1.0"))
	s.must(s.order(bank.UpdateOrder{Window: "02:00-04:00"})) // it is noon
	s.m = New(s.m.o)
	s.m.try(t.Context())
	s.now = time.Date(2026, 11, 27, 2, 30, 0, 0, time.UTC)
	s.clock = false
	s.m.try(t.Context())
	s.clock = true
	s.bank.set(true)
	s.m.try(t.Context())
	if got := s.trial(); got.Phase != slots.Verified || s.bank.left != 0 {
		t.Fatalf("tried too early: %+v", got)
	}
	s.bank.set(false)
	s.m.try(t.Context())
	if got := s.trial(); got.Phase != slots.Trying {
		t.Fatalf("not tried: %+v", got)
	}
}
