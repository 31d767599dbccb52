package ledger_test

import (
	"slices"
	"strings"
	"testing"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
	"lockerd/daemon/report/reporttest"
)

func replay(events []locker.Event) *ledger.Ledger {
	l := ledger.New()
	for i := range events {
		l.Apply(&events[i])
	}
	return l
}

// bankOf is a bank that holds exactly what a journal tells.
func bankOf(events []locker.Event) *ledger.State {
	l := replay(events)
	s := &ledger.State{Counts: map[ledger.Key]int{}}
	for n := uint8(1); n <= 12; n++ {
		id := locker.DoorID{Locker: 1, Door: n}
		d, _ := l.Door(id)
		s.Doors = append(s.Doors, ledger.DoorState{ID: id, Item: d.Item, Since: d.Since, Out: d.Out})
		if it := d.Item; it != nil && it.Condition == locker.Ready && len(d.Out) == 0 {
			s.Counts[ledger.Key{Tenant: it.Tenant, SKU: it.SKU}]++
		}
	}
	return s
}

func TestAMonthReplays(t *testing.T) {
	events := reporttest.Journal()
	l := replay(events)
	if l.Wrong() != nil {
		t.Fatalf("a sound journal contradicts itself: %v", l.Wrong())
	}
	v := l.Compare(bankOf(events))
	if !v.OK || v.Doors != 12 || v.Counts != 1 || v.Unjudged != 0 {
		t.Errorf("%+v", v)
	}
}

// stateful are the types of events that change items, service or counts.
func stateful() []string {
	return []string{
		locker.EvItemDelivered, locker.EvItemReturned, locker.EvItemCollected, locker.EvItemCleared, locker.EvItemUncertain,
		locker.EvDoorOut, locker.EvDoorIn, locker.EvStockChanged,
	}
}

// TestEveryDroppedEventShows drops each event that changes state, closes the row,
// and wants the replay to tell.
func TestEveryDroppedEventShows(t *testing.T) {
	events := reporttest.Journal()
	bank, dropped := bankOf(events), 0
	for i := range events {
		if !slices.Contains(stateful(), events[i].Type) {
			continue
		}
		dropped++
		less := slices.Delete(slices.Clone(events), i, i+1)
		for k := i; k < len(less); k++ {
			less[k].Seq--
		}
		if v := replay(less).Compare(bank); v.OK || v.First == nil {
			t.Errorf("event %d %s %s is gone and nobody tells: %+v", i+1, events[i].Type, events[i].Door, v)
		}
	}
	if dropped < 100 {
		t.Errorf("only %d events were dropped", dropped)
	}
}

// TestMissingNumbers: an event that is gone without closing the row is named.
func TestMissingNumbers(t *testing.T) {
	events := slices.Delete(reporttest.Journal(), 41, 43)
	v := replay(events).Compare(bankOf(events))
	if v.OK || v.First.What != ledger.WhatEvents || !strings.Contains(v.Text, "event 44: event 42 was to come") {
		t.Errorf("%+v", v)
	}
}

// TestPruned: what the kept events do not tell is no difference, and is counted.
func TestPruned(t *testing.T) {
	all := reporttest.Journal()
	bank := bankOf(all)
	for _, cut := range []int{1, 10, 100, 300, len(all) - 1} {
		v := replay(all[cut:]).Compare(bank)
		if !v.OK {
			t.Errorf("cut at %d: %s", cut, v.Text)
		}
		if cut == len(all)-1 && (v.Unjudged == 0 || !strings.Contains(v.Text, "cannot be judged")) {
			t.Errorf("cut at %d: %+v", cut, v)
		}
	}
	gap := locker.Event{Seq: all[299].Seq, Type: locker.EvJournalGap, From: locker.Number(1), To: locker.Number(300), N: 300}
	if v := replay(slices.Concat([]locker.Event{gap}, all[300:])).Compare(bank); !v.OK {
		t.Errorf("gap: %s", v.Text)
	}
}

// TestPrunedStillJudges: what the kept events do tell is held against the bank.
func TestPrunedStillJudges(t *testing.T) {
	all := reporttest.Journal()
	bank := bankOf(all)
	i := slices.IndexFunc(bank.Doors, func(d ledger.DoorState) bool { return d.Item != nil })
	other := *bank.Doors[i].Item
	other.Serial = "SN-FALSE"
	bank.Doors[i].Item = &other
	v := replay(all[1:]).Compare(bank)
	if v.OK || v.First.Door != bank.Doors[i].ID || v.First.What != ledger.WhatItem || !strings.Contains(v.Text, "the bank says acme/laptop-14 SN-FALSE") {
		t.Errorf("%+v", v)
	}
}

func event(seq uint64, kind, cause, op string) locker.Event {
	return locker.Event{Seq: seq, Type: kind, Door: locker.DoorID{Locker: 1, Door: 1}, Cause: cause, Op: op}
}

// TestCauses: what ends which causes (contract 5.4).
func TestCauses(t *testing.T) {
	for _, test := range []struct {
		name   string
		events []locker.Event
		want   string
		wrong  bool
	}{
		{"two, one ends", []locker.Event{event(1, locker.EvDoorOut, "jammed", ""), event(2, locker.EvDoorOut, "desired", ""), event(3, locker.EvDoorOut, "jammed", "left")}, "jammed", false},
		{"in service leaves desired", []locker.Event{event(1, locker.EvDoorOut, "jammed", ""), event(2, locker.EvDoorOut, "desired", ""), event(3, locker.EvDoorIn, "jammed,desired", "")}, "desired", false},
		{"desired ends alone", []locker.Event{event(1, locker.EvDoorOut, "desired", ""), event(2, locker.EvDoorIn, "desired", "")}, "", false},
		{"twice", []locker.Event{event(1, locker.EvDoorOut, "jammed", ""), event(2, locker.EvDoorOut, "jammed", "")}, "jammed", true},
		{"never out", []locker.Event{event(1, locker.EvDoorIn, "jammed", "")}, "", true},
		{"unseen before", []locker.Event{event(5, locker.EvDoorIn, "jammed", "")}, "", false},
	} {
		l := replay(test.events)
		d, _ := l.Door(locker.DoorID{Locker: 1, Door: 1})
		var got []string
		for _, c := range d.Out {
			got = append(got, string(c))
		}
		if strings.Join(got, ",") != test.want || (l.Wrong() != nil) != test.wrong {
			t.Errorf("%s: out %v, contradiction %v", test.name, got, l.Wrong())
		}
	}
}
