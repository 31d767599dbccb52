package bank

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
)

// droppedPerMonth is how many events of each month are left out, one at a time.
const droppedPerMonth = 40

// replays holds the bank that a month has left against a replay of its journal, and
// the replay against a journal from which one event is missing.
func (m *month) replays() {
	if !m.up {
		m.boot()
		m.settle()
	}
	var held *ledger.State
	events := m.events()
	if err := m.bank.call(context.Background(), func() { held = m.bank.holds() }); err != nil {
		m.model.fail("the bank can't be asked: %v", err)
		return
	}
	if v := replayed(events, -1).Compare(held); !v.OK || v.Unjudged > 0 {
		m.model.fail("replaying %d events: %s", len(events), v.Text)
	}
	m.dropping(events, held)
}

func (m *month) events() []locker.Event {
	lines, err := m.st.Events(1, 1<<20)
	if err != nil {
		m.model.fail("the journal can't be read: %v", err)
	}
	events := make([]locker.Event, len(lines))
	for i, line := range lines {
		if err := json.Unmarshal(line, &events[i]); err != nil {
			m.model.fail("event %d can't be read: %v", i+1, err)
		}
	}
	return events
}

// dropping leaves out some of the events that move something, one at a time.
func (m *month) dropping(events []locker.Event, held *ledger.State) {
	var moves []int
	for i := range events {
		switch events[i].Type {
		case locker.EvItemDelivered, locker.EvItemReturned, locker.EvItemCollected, locker.EvItemCleared, locker.EvItemUncertain,
			locker.EvDoorOut, locker.EvDoorIn, locker.EvStockChanged:
			moves = append(moves, i)
		}
	}
	for range min(droppedPerMonth, len(moves)) {
		i := moves[m.rng.IntN(len(moves))]
		if v := replayed(events, i).Compare(held); v.OK {
			m.model.fail("event %d %s is left out, and the replay does not tell", events[i].Seq, short(&events[i]))
		}
		m.seen["left out"]++
	}
}

// replays holds the bank that a transcript has left against a replay of its journal.
func (r *rig) replays() {
	r.t.Helper()
	v, err := r.b.replay(r.t.Context())
	if err != nil || !v.OK || v.Unjudged > 0 {
		r.t.Errorf("%s (%v)", v.Text, err)
	}
}

// replays holds the bank that a story has left against a replay of its journal. Its
// bank has no goroutine of its own.
func (s *sequence) replays() error {
	l := ledger.New()
	for i, e := range s.st.log {
		e.Seq = uint64(i) + 1
		l.Apply(&e)
	}
	if v := l.Compare(s.b.holds()); !v.OK || v.Unjudged > 0 {
		return errors.New(v.Text)
	}
	return nil
}

// replayed replays events, one left out and the row closed behind it.
func replayed(events []locker.Event, without int) *ledger.Ledger {
	l := ledger.New()
	for i := range events {
		e := events[i]
		switch {
		case i == without:
			continue
		case without >= 0 && i > without:
			e.Seq--
		}
		l.Apply(&e)
	}
	return l
}

// restart stops the bank in order and starts it anew.
func (r *rig) restart(change func(*Config)) {
	r.t.Helper()
	r.halt()
	r.start(len(r.bus.doors), func(c *Config) { c.Clean = true; change(c) })
}

// forget begins a new journal, as a store does that has lost its own.
func (s *memStore) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = nil
	for id, d := range s.doors {
		if d.Item != nil {
			it := *d.Item
			it.Condition = locker.Uncertain
			d.Item = &it
		}
		d.Last = nil
		s.doors[id] = d
	}
}

// replayOf is what the bank itself says of its journal.
func replayOf(r *rig) VerifyResult {
	r.t.Helper()
	v, err := r.b.Verify(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	if v.Replay == nil {
		r.t.Fatal("nothing was replayed")
	}
	return v
}

// chained is a rig whose journal's chain is taken as sound.
func chained(c *Config) {
	c.Verify = func(context.Context) (VerifyResult, error) { return VerifyResult{OK: true, Text: "sound"}, nil }
}

// TestVerifyReplays: items, arrivals, causes and counts, through hands, codes and
// service.
func TestVerifyReplays(t *testing.T) {
	in(t, 3, func(r *rig) {
		r.restart(chained)
		r.load(1, "SN-1")
		r.load(2, "SN-2")
		text := r.code(collect(1))
		r.scan(text)
		time.Sleep(time.Second)
		if err := r.b.SetService(r.t.Context(), at(2), false, "jo"); err != nil {
			r.t.Fatal(err)
		}
		v := replayOf(r)
		if !v.OK || v.Text != "sound" || v.Replay.Doors != 3 || v.Replay.Counts != 1 || v.Replay.Unjudged != 0 {
			r.t.Errorf("%+v %+v", v, v.Replay)
		}
	})
}

// TestVerifyTells: what the bank holds and no event tells is named.
func TestVerifyTells(t *testing.T) {
	for _, test := range []struct {
		name, want string
		spoil      func(b *Bank)
	}{
		{"item", "event 3, door 1-01: the journal makes it laptop-14 SN-1 ready, the bank says empty", func(b *Bank) { b.slots[0].rec.Item = nil }},
		{"since", "event 3, door 1-01, since when: the journal makes it", func(b *Bank) { b.slots[0].rec.Since++ }},
		{"service", "no event, door 1-02: the journal makes it in service, the bank says out of service: jammed", func(b *Bank) { b.slots[1].rec.Out = []locker.Cause{locker.CauseJammed} }},
		{"count", "event 4, count of laptop-14: the journal makes it 1, the bank says 2", func(b *Bank) { b.stock[stockKey{"", "laptop-14"}]++ }},
	} {
		t.Run(test.name, func(t *testing.T) {
			in(t, 2, func(r *rig) {
				r.restart(chained)
				r.load(1, "SN-1")
				if err := r.b.call(r.t.Context(), func() { test.spoil(r.b) }); err != nil {
					r.t.Fatal(err)
				}
				if v := replayOf(r); v.OK || !strings.Contains(v.Text, test.want) {
					r.t.Errorf("%s", v.Text)
				}
			})
		})
	}
}

// TestDoorsThatGo: a door that leaves the configuration takes its item out of the
// count, and brings it back.
func TestDoorsThatGo(t *testing.T) {
	in(t, 3, func(r *rig) {
		r.restart(chained)
		for n := 1; n <= 3; n++ {
			r.load(n, fmt.Sprintf("SN-%d", n))
		}
		r.events()
		two := func(c *Config) { chained(c); c.Doors = slices.Delete(c.Doors, 1, 2) }
		for _, step := range []struct {
			change func(*Config)
			want   string
			count  int
		}{{two, "stock.changed 1-02 -1=2", 2}, {two, "", 2}, {chained, "stock.changed 1-02 +1=3", 3}, {chained, "", 3}} {
			r.restart(step.change)
			want := []string{"boot.started clean"}
			if step.want != "" {
				want = append(want, step.want)
			}
			r.want(want...)
			s, err := r.b.Stock(r.t.Context())
			if err != nil || len(s) != 1 || s[0].Count != step.count {
				r.t.Fatalf("%+v, %v; want %d", s, err, step.count)
			}
			if v := replayOf(r); !v.OK {
				r.t.Error(v.Text)
			}
		}
	})
}

// TestNewJournal: what a bank has kept from a journal that was lost stands at the
// begin of the new one.
func TestNewJournal(t *testing.T) {
	in(t, 3, func(r *rig) {
		r.load(1, "SN-1")
		if err := r.b.SetService(r.t.Context(), at(2), false, "jo"); err != nil {
			r.t.Fatal(err)
		}
		r.halt()
		r.st.forget()
		r.seen = 0
		r.start(3, chained)
		r.want("boot.started crash", "item.uncertain 1-01 SN-1 uncertain", "door.out_of_service 1-02 control")
		if v := replayOf(r); !v.OK || v.Replay.Unjudged != 0 {
			r.t.Error(v.Text)
		}
	})
}

// TestOneCauseEnds: the backend's cause ends while another stays.
func TestOneCauseEnds(t *testing.T) {
	in(t, 2, func(r *rig) {
		r.restart(chained)
		apply := func(version int64, out bool) {
			if _, err := r.b.ApplyDesired(r.t.Context(), version, locker.Desired{Doors: []locker.DoorRule{{ID: at(1), Out: out}}}); err != nil {
				r.t.Fatal(err)
			}
		}
		apply(1, true)
		if err := r.b.SetService(r.t.Context(), at(1), false, "jo"); err != nil {
			r.t.Fatal(err)
		}
		r.events()
		apply(2, false)
		r.want("config.applied", "door.out_of_service 1-01 control")
		if v := replayOf(r); !v.OK {
			r.t.Error(v.Text)
		}
		if err := r.b.SetService(r.t.Context(), at(1), true, "jo"); err != nil {
			r.t.Fatal(err)
		}
		apply(3, true)
		apply(4, false)
		if v := replayOf(r); !v.OK {
			r.t.Error(v.Text)
		}
	})
}
