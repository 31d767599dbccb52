package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lockerd/daemon/locker"
)

// listen takes the events since the last call into the story.
func (tr *trial) listen() error {
	lines, err := tr.st.Events(tr.told+1, mostEvents)
	if err != nil {
		return err
	}
	for _, l := range lines {
		var e locker.Event
		if err := json.Unmarshal(l, &e); err != nil {
			return err
		}
		if e.Type == locker.EvDoorForced && !tr.story.doors[e.Door].open {
			return fmt.Errorf("door %s stands open and nobody has accepted it: a pulse without an intent", e.Door)
		}
		tr.story.tell(&e)
		tr.told = e.Seq
	}
	return nil
}

func (tr *trial) scans() error {
	time.Sleep(5 * time.Second)
	if p := tr.site.bus.take(); len(p) > 0 {
		return fmt.Errorf("%v were pulsed by themselves after the start", p)
	}
	if err := tr.listen(); err != nil {
		return err
	}
	for _, id := range tr.site.bus.openDoors() {
		tr.site.bus.shut(id)
	}
	time.Sleep(time.Second)
	if err := tr.listen(); err != nil {
		return err
	}
	if err := tr.stock(); err != nil {
		return err
	}
	for _, id := range tr.busy() {
		if err := tr.scan(id); err != nil {
			return err
		}
	}
	if err := tr.stock(); err != nil {
		return err
	}
	return tr.usedStayUsed()
}

// stock compares items and counts with what the events tell.
func (tr *trial) stock() error {
	all, err := tr.site.bank.Doors(context.Background())
	if err != nil {
		return err
	}
	for _, d := range all {
		want := tr.story.doors[d.ID].item
		if (want == nil) != (d.Item == nil) || want != nil && *want != *d.Item {
			return fmt.Errorf("behind door %s lies %+v, and by the events %+v", d.ID, d.Item, want)
		}
	}
	lines, err := tr.site.bank.Stock(context.Background())
	if err != nil {
		return err
	}
	n := 0
	for _, l := range lines {
		n += l.Count
	}
	if want := tr.story.counts(); n != want {
		return fmt.Errorf("the stock is %d, and by the events %d", n, want)
	}
	return nil
}

// busy chooses the codes to scan: those that had to do with the cut, one that
// was perhaps never issued, and some others.
func (tr *trial) busy() []string {
	var ids []string
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for i := len(tr.facts) - 1; i >= max(0, len(tr.facts)-4*lookBack) && len(ids) < 3; i-- {
		add(tr.facts[i].code)
	}
	cut := min(int(tr.last.next)-1+2, len(tr.r.events))
	for i := cut - 1; i >= max(0, cut-lookBack) && len(ids) < scansRecent; i-- {
		add(tr.r.events[i].Code)
	}
	for id, c := range tr.story.codes {
		if !c.pending.IsZero() || !c.uncertain.IsZero() {
			add(id)
		}
	}
	for range scansOther {
		if n := len(tr.r.codes); n > 0 {
			add(tr.r.codes[tr.rng.IntN(n)].id)
		}
	}
	slices.Sort(ids) // maps have no order, and seeds must repeat
	tr.rng.Shuffle(len(ids), func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
	return ids
}

func (tr *trial) now() locker.Time { return locker.TimeOf(time.Now().Add(tr.by)) }

// scan scans a code at the restarted bank and compares what moves with what the
// events and the pulses before the cut allow.
func (tr *trial) scan(id string) error {
	c, ok := tr.r.perCode[id]
	if !ok {
		return nil // its text was never told: the answer was cut off
	}
	want := tr.story.expect(id, tr.now(), tr.site.bus.isOpen)
	tr.site.scan("front", c.text)
	got := tr.moves(want.more)
	if err := tr.listen(); err != nil {
		return err
	}
	switch {
	case len(got) > 1 && !want.more:
		return fmt.Errorf("%s code %s %s and has pulsed %v at one scan", c.kind, id, want.why, got)
	case want.or && len(got) == 0:
	case want.first && (len(got) == 0 || got[0] != want.must[0]):
		return fmt.Errorf("%s code %s %s and must open %v first, but pulsed %v", c.kind, id, want.why, want.must[0], got)
	case want.more && slices.ContainsFunc(got, func(d locker.DoorID) bool { return !slices.Contains(want.must, d) }):
		return fmt.Errorf("%s code %s %s and may open %v, but pulsed %v", c.kind, id, want.why, want.must, got)
	case len(want.must) > 0 && (len(got) == 0 || !slices.Contains(want.must, got[0])):
		return fmt.Errorf("%s code %s %s and must open one of %v, but pulsed %v: it is burned", c.kind, id, want.why, want.must, got)
	case len(want.must) == 0 && len(got) > 0 && got[0] != want.may:
		return fmt.Errorf("%s code %s %s and must open nothing (but %q), and pulsed %v", c.kind, id, want.why, want.may, got)
	}
	if len(got) == 1 {
		return tr.sameDoor(id, got[0])
	}
	return nil
}

// moves returns the doors pulsed at a scan; more: until nothing more moves.
func (tr *trial) moves(more bool) []locker.DoorID {
	time.Sleep(900 * time.Millisecond)
	all := tr.site.bus.take()
	for more {
		time.Sleep(900 * time.Millisecond)
		next := tr.site.bus.take()
		if more = len(next) > 0; more {
			all = append(all, next...)
		}
	}
	return all
}

// sameDoor: a code whose pulse has gone out opens no other door, unless the
// journal knows that this one was jammed.
func (tr *trial) sameDoor(id string, door locker.DoorID) error {
	var was locker.DoorID
	for _, f := range tr.facts {
		if (f.what == didPulse || f.what == didJam) && f.code == id {
			was = f.door
		}
	}
	if was.IsZero() || was == door || tr.r.perCode[id].kind != locker.Collect {
		return nil // an engineer opens what he likes, a delivery one door after another
	}
	for i := range tr.first - 1 {
		e := &tr.r.events[i]
		if e.Code == id && e.Door == was && e.Type == locker.EvDoorJammed {
			return nil
		}
	}
	return fmt.Errorf("code %s has pulsed door %s before the cut, and opens door %s after it", id, was, door)
}

// usedStayUsed waits until no code may reopen its door any more and scans used
// ones: nothing may move.
func (tr *trial) usedStayUsed() error {
	time.Sleep(openTimes.ReopenWindow + 2*time.Second)
	if err := tr.listen(); err != nil {
		return err
	}
	var used []string
	for _, c := range tr.r.codes {
		if s := tr.story.codes[c.id]; s != nil && s.over() && s.uncertain.IsZero() {
			used = append(used, c.text)
		}
	}
	if tr.rng.IntN(allUsed) != 0 && len(used) > scansUsed {
		tr.rng.Shuffle(len(used), func(a, b int) { used[a], used[b] = used[b], used[a] })
		used = used[:scansUsed]
	}
	for _, text := range used {
		tr.site.scan("back", text)
	}
	time.Sleep(900 * time.Millisecond)
	if p := tr.site.bus.take(); len(p) > 0 {
		return fmt.Errorf("used codes have pulsed %v", p)
	}
	return tr.listen()
}
