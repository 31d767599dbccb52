package bank

import (
	"slices"

	"lockerd/daemon/locker"
)

// tx collects one step of the bank: events, changed records, and what may be
// done once all of it is on disk.
type tx struct {
	b     *Bank
	at    locker.Time // bank time of the step
	floor locker.Time
	clock locker.Clock // and how far it can be trusted
	c     locker.Commit
	doors []*slot
	after []func()
	sets  map[string]locker.SetInfo // how far sets of codes are then
	flip  Staged                    // a set that is switched, and
	info  locker.SetInfo            // how far it is then
}

func (b *Bank) begin() *tx {
	r := b.clock.Read()
	t := &tx{b: b, at: r.Now, floor: r.Floor, clock: r.Status}
	if now := r.Status; now != b.clockWas {
		if b.clockWas != "" {
			t.add(locker.Event{Type: locker.EvClockChanged, From: locker.Text(string(b.clockWas)), To: locker.Text(string(now))})
		}
		b.clockWas = now
	}
	return t
}

// add appends an event, unless its kind has used up its minute, and tells whether.
func (t *tx) add(e locker.Event) bool {
	b := t.b
	if k, limited := limitOf(&e); limited && !b.limits.allow(k, b.now(), &e) {
		return false
	}
	t.put(e)
	return true
}

func (t *tx) put(e locker.Event) {
	b := t.b
	e.At, e.Clock, e.Boot, e.UpMS = t.at, t.clock, b.boot, b.now().Milliseconds()
	t.c.Events = append(t.c.Events, e)
}

// save has the record of d written with this step.
func (t *tx) save(d *slot) {
	if !slices.Contains(t.doors, d) {
		t.doors = append(t.doors, d)
	}
}

func (t *tx) mark(e *locker.Entry) {
	m := locker.MarkChange{Code: e.Key(), Mark: e.Mark}
	if i := slices.IndexFunc(t.c.Marks, func(o locker.MarkChange) bool { return o.Code == m.Code }); i >= 0 {
		t.c.Marks[i] = m
		return
	}
	t.c.Marks = append(t.c.Marks, m)
}

func (t *tx) value(name string, v []byte) {
	if t.c.Values == nil {
		t.c.Values = map[string][]byte{}
	}
	t.c.Values[name] = v
}

// then has f done after the commit: pulses and answers.
func (t *tx) then(f func()) { t.after = append(t.after, f) }

// commit makes the step durable and then does what follows from it. After a
// failure nothing follows: the bank is over.
func (t *tx) commit() {
	b := t.b
	if b.err != nil {
		return
	}
	if t.changes() {
		for _, d := range t.doors {
			t.c.Doors = append(t.c.Doors, d.rec)
			b.index(d)
		}
		if f := t.floor; !f.IsZero() {
			t.value(locker.ValueFloor, decimal(int64(f)))
			b.floorSent = b.now()
		}
		b.noteAck(t)
		b.noteMarks(t)
		b.cfg.early(t)
		t.c.Durable = t.follow
		if err := t.write(); err != nil {
			b.fail(err)
			return
		}
		b.signal()
	}
	t.follow()
}

func (t *tx) changes() bool {
	c := &t.c
	return len(c.Events) > 0 || len(t.doors) > 0 || len(c.Marks) > 0 || len(c.Codes) > 0 || len(c.Values) > 0 || len(t.sets) > 0 || t.flip != nil
}

func (t *tx) write() (err error) {
	switch {
	case t.flip != nil:
		_, err = t.flip.Finish(t.info, &t.c)
	case len(t.sets) > 0:
		_, err = t.b.store.CommitSets(&t.c, t.sets)
	default:
		_, err = t.b.store.Commit(&t.c)
	}
	return err
}

// follow does, once, what waits for the commit.
func (t *tx) follow() {
	after := t.after
	t.after = nil
	for _, f := range after {
		f()
	}
}
