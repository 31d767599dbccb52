package slots

import (
	"fmt"
	"maps"
	"time"
)

// clone makes a copy that shares nothing with s.
func (s State) clone() State {
	s.Slots = maps.Clone(s.Slots)
	if s.Slots == nil {
		s.Slots = make(map[Slot]Program)
	}
	if s.Trial != nil {
		t := *s.Trial
		s.Trial = &t
	}
	return s
}

// wrong is an order that does not fit the phase of the update.
func wrong(what string, s State) error {
	if s.Trial == nil {
		return fmt.Errorf("cannot %s: no update is under way", what)
	}
	return fmt.Errorf("cannot %s: the update to %s is %s: lockerctl update status", what, s.Trial.Program.Version, s.Trial.Phase)
}

// Begin empties the free slot for a program. An update that is not being tried
// yet is abandoned for it.
func (s State) Begin(p Program, now time.Time) (State, error) {
	if s.Trial != nil && s.Trial.Phase != Staging && s.Trial.Phase != Verified {
		return s, wrong("stage another update", s)
	}
	s = s.Abandon("another update took its place", now)
	slot := A
	if s.Active != "" {
		slot = s.Active.Other()
	}
	delete(s.Slots, slot)
	s.Trial = &Trial{Slot: slot, Program: p, Phase: Staging}
	return s, nil
}

// Verify notes that the slot is written, synced and read back.
func (s State) Verify() (State, error) {
	if s.Trial == nil || s.Trial.Phase != Staging {
		return s, wrong("verify the staged program", s)
	}
	s = s.clone()
	s.Trial.Phase = Verified
	return s, nil
}

// Order has a verified program tried as soon as its window and the doors let it.
func (s State) Order(window, by string) (State, error) {
	if s.Trial == nil || s.Trial.Phase != Verified {
		return s, wrong("order the update", s)
	}
	s = s.clone()
	s.Trial.Ordered, s.Trial.Window, s.Trial.By = true, window, by
	return s, nil
}

// Arm begins the trial: the next start is of the new program. good is the health of
// the active one, against which it will be judged. Without an active one there is
// nothing to go back to, and the program simply becomes it.
func (s State) Arm(good *Health) (State, error) {
	if s.Trial == nil || s.Trial.Phase != Verified {
		return s, wrong("try the update", s)
	}
	s = s.clone()
	s.Slots[s.Trial.Slot] = s.Trial.Program
	if s.Active == "" {
		s.Active, s.Starts, s.Trial = s.Trial.Slot, 0, nil
		return s, nil
	}
	s.Trial.Phase = Trying
	if good != nil {
		s.Good = good
	}
	return s, nil
}

// Start counts the next start and tells what it is of. It is on disk before the
// start is made.
func (s State) Start(now time.Time) (State, Slot) {
	s = s.clone()
	t := s.Trial
	switch {
	case t == nil, t.Phase == Staging, t.Phase == Verified:
		s.Starts++
		return s, s.Active
	case t.Phase == Trying && t.Attempts < Tries && t.Starts < MaxStarts:
		t.Attempts++
		t.Starts++
		return s, t.Slot
	case t.Phase == Trying:
		t.Why = fmt.Sprintf("%d starts ended without a verdict: crash, hang or a passed deadline (journalctl -u lockerd)", t.Starts)
	}
	s = s.rollBack(now)
	s.Starts++
	return s, s.Active
}

// Fail notes why the program on trial is no good; the next start rolls back.
func (s State) Fail(why string) (State, error) {
	if s.Trial == nil || s.Trial.Phase != Trying {
		return s, wrong("fail the update", s)
	}
	s = s.clone()
	s.Trial.Phase, s.Trial.Why = Failed, why
	return s, nil
}

func (s State) rollBack(now time.Time) State {
	t := s.Trial
	s.Last = &Outcome{Version: t.Program.Version, SHA256: t.Program.SHA256, Result: RolledBack, Why: t.Why, At: now}
	delete(s.Slots, t.Slot)
	s.Trial = nil
	return s
}

// Confirm makes the slot on trial the active one; the one before stays whole to
// fall back on.
func (s State) Confirm(h Health, now time.Time) (State, error) {
	if s.Trial == nil || s.Trial.Phase != Trying {
		return s, wrong("confirm the update", s)
	}
	s = s.clone()
	s.Last = &Outcome{Version: s.Trial.Program.Version, Result: Confirmed, At: now}
	s.Active, s.Good, s.Starts, s.Trial = s.Trial.Slot, &h, 0, nil
	return s, nil
}

// Abandon ends an update that is not being tried yet.
func (s State) Abandon(why string, now time.Time) State {
	s = s.clone()
	if t := s.Trial; t != nil && (t.Phase == Staging || t.Phase == Verified) {
		s.Last = &Outcome{Version: t.Program.Version, Result: Abandoned, Why: why, At: now}
		delete(s.Slots, t.Slot)
		s.Trial = nil
	}
	return s
}

// interrupted tells that the order of an update was cut short: its program is not on
// disk, or it is and nobody has said when it may be tried.
func (s State) interrupted() bool {
	t := s.Trial
	return t != nil && (t.Phase == Staging || t.Phase == Verified && !t.Ordered)
}

// Healthy notes how the active program is when it is well.
func (s State) Healthy(h Health) State {
	s = s.clone()
	s.Good, s.Starts = &h, 0
	return s
}

// Stopped gives the start of an orderly end back.
func (s State) Stopped() State {
	s = s.clone()
	switch t := s.Trial; {
	case t != nil && t.Phase == Trying:
		t.Attempts = max(0, t.Attempts-1)
	case t == nil || t.Phase != Failed:
		s.Starts = max(0, s.Starts-1)
	}
	return s
}

// Lost notes that the active slot can't be run, and makes the other one active if it
// is whole.
func (s State) Lost(why string, now time.Time) State {
	s = s.clone()
	s.Last = &Outcome{Version: s.Slots[s.Active].Version, Result: RolledBack, Why: why, At: now}
	delete(s.Slots, s.Active)
	other := s.Active.Other()
	s.Active, s.Starts = "", 0
	if _, ok := s.Slots[other]; ok && (s.Trial == nil || s.Trial.Slot != other) {
		s.Active = other
	}
	return s
}

// Told notes that the journal has the last outcome.
func (s State) Told() State {
	if s.Last != nil {
		o := *s.Last
		o.Told = true
		s.Last = &o
	}
	return s
}

// Adopt notes which base program has had its turn.
func (s State) Adopt(id FileID, sum string) State {
	s = s.clone()
	s.Base, s.Adopted = id, sum
	return s
}
