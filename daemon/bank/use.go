package bank

import (
	"lockerd/daemon/access"
	"lockerd/daemon/locker"
)

// The use of a code that may open several doors is under way from the first
// pulse to its last door. How far it is stands in the code's mark (Going, Done),
// committed with what it tells of, so that a code goes on after a pause, a jam
// and a crash in the same way: it is scanned again.

// used tells that the use of a code has come to its end.
func (b *Bank) used(t *tx, d *slot, in *locker.Intent) {
	e := locker.Event{Type: locker.EvCodeUsed, Door: d.spec.ID, Cache: b.cacheInfo(t, in.Code.Set)}
	stamp(&e, in)
	t.add(e)
}

func usedUp(e *locker.Entry) bool {
	n := e.Code.MaxUses()
	return n > 0 && e.Mark.Used >= n
}

// begin takes a use into the mark of a code, once a visit. A use that is under
// way is gone on with.
func (v *visit) begin(b *Bank, t *tx, in *locker.Intent) {
	k, m := v.kind(), &v.entry.Mark
	if k.several && m.Going {
		v.counted = true
		b.cfg.resumed(v)
	}
	if in.Reopening || in.Again || v.counted {
		return
	}
	v.counted = true
	if !v.fresh {
		b.refresh(&v.entry)
	}
	m.Used++
	m.Going, m.Done = k.several, 0
	m.Last, m.Until = in.At, v.entry.Code.NotAfter
	t.mark(&v.entry)
}

// advance counts one more door of a use, and returns how many are done.
func (b *Bank) advance(t *tx, d *slot, in *locker.Intent) int {
	e := b.useOf(d, in)
	e.Mark.Done++
	t.mark(e)
	return e.Mark.Done
}

// finish ends a use.
func (b *Bank) finish(t *tx, d *slot, in *locker.Intent) {
	b.endUse(t, b.useOf(d, in))
	b.used(t, d, in)
}

func (b *Bank) endUse(t *tx, e *locker.Entry) {
	e.Mark.Going, e.Mark.Done = false, 0
	t.mark(e)
}

// useOf returns the code of an opening with its mark as this step has it: of the
// visit at the door, or from the store.
func (b *Bank) useOf(d *slot, in *locker.Intent) *locker.Entry {
	if v := d.visit; v != nil && v.entry.Key() == in.Code {
		if m, ok, err := b.store.Mark(in.Code); err == nil && ok && m.Revoked {
			v.entry.Mark.Revoked = true // meanwhile
		}
		return &v.entry
	}
	if e := b.stored(in.Code); e != nil {
		return e
	}
	return b.bare(in)
}

// bare is what an opening tells of its code, where no record of it is stored.
func (b *Bank) bare(in *locker.Intent) *locker.Entry {
	e := &locker.Entry{Set: in.Code.Set, Code: locker.Code{ID: in.Code.ID, Kind: in.Kind, Ref: in.Ref, SKU: in.SKU, Items: in.Due}}
	if in.Code.Set == locker.SetOperator || in.Code.Set == locker.SetLocal {
		e.Code.Tenant = in.Tenant
	}
	b.refresh(e)
	return e
}

// arrived puts what the open door was for behind it.
func (b *Bank) arrived(t *tx, d *slot, in *locker.Intent, kind string, c locker.Condition) {
	it := &locker.Item{Tenant: in.Tenant, SKU: in.SKU, Serial: in.Serial, Condition: c}
	b.change(t, d, func() {
		d.rec.Item, d.rec.Since = it, t.at
		t.add(itemEvent(kind, d, it))
	})
}

// reserve keeps the item of a door for a code, and that of no other.
func (b *Bank) reserve(t *tx, key locker.CodeKey, d *slot) {
	if d.rec.Reserved == key {
		return
	}
	b.unreserve(t, key)
	d.rec.Reserved = key
	t.save(d)
}

func (b *Bank) unreserve(t *tx, key locker.CodeKey) {
	for _, d := range b.slots {
		if d.rec.Reserved == key {
			d.rec.Reserved = locker.CodeKey{}
			t.save(d)
		}
	}
}

// keptFor returns the swap that a door's item is kept for. A reservation ends
// with its code: used, revoked, forgotten or expired.
func (b *Bank) keptFor(d *slot) locker.CodeKey {
	key := d.rec.Reserved
	if key.IsZero() {
		return key
	}
	e, v := b.stored(key), b.visitOf(key)
	inTime := v != nil && !v.late // at its scan
	if e == nil || e.Mark.Revoked || !e.Mark.Going || ended(e, b.clock.Read().Now) && !inTime {
		return locker.CodeKey{}
	}
	return key
}

// ended tells whether the window of a code is over.
func ended(e *locker.Entry, now locker.Time) bool {
	return !e.Code.NotAfter.IsZero() && now > e.Code.NotAfter
}

// proceed goes on with a visit behind a closing.
func (b *Bank) proceed(t *tx, v *visit, next after) {
	switch next {
	case over:
		b.end(t, v, outcomeDone)
	case left:
		b.end(t, v, outcomeAbandoned)
	case more:
		b.nextDoor(t, v)
	case stays:
	}
}

// nextDoor opens another door for the use under way, or ends the visit with the
// reason why it can't. The code goes on when it is scanned again.
func (b *Bank) nextDoor(t *tx, v *visit) {
	var dec access.Decision
	switch {
	case !b.stillMay(v):
		dec.Reason = locker.Revoked
	case v.late:
		dec.Reason = locker.Expired // it was let in to finish one opening
	default:
		dec = access.Choose(v.entry, view{b}, v.tried)
	}
	if dec.Reason != locker.Granted {
		v.reason = dec.Reason
		v.because(b.sayStopped(v))
		b.end(t, v, outcomeRefused)
		return
	}
	b.grant(t, v, b.byID[dec.Door], dec)
}

// another opens one other door for a code whose door did not open, or releases
// the code and ends the visit.
func (b *Bank) another(t *tx, v *visit, d *slot, why locker.Reason) {
	in := d.rec.Intent
	d.rec.Intent, d.visit, v.door = nil, nil, nil
	t.save(d)
	if v.kind().stays {
		if !v.opened {
			v.counted = false
			b.release(t, d, in, &v.entry, why)
		}
		return // the engineer chooses another door
	}
	v.tried = append(v.tried, d.spec.ID)
	if v.kind().next && !v.retried && !in.Reopening && !in.Again && b.stillMay(v) {
		v.retried = true
		if dec := access.Choose(v.entry, view{b}, v.tried); dec.Reason == locker.Granted && !dec.Door.IsZero() {
			b.grant(t, v, b.byID[dec.Door], dec)
			return
		}
	}
	b.release(t, d, in, &v.entry, why)
	b.end(t, v, outcomeRefused)
}

// stillMay tells whether the code has not been revoked meanwhile: no further
// door opens for a revoked code.
func (b *Bank) stillMay(v *visit) bool {
	m, _, err := b.store.Mark(v.entry.Key())
	return err == nil && !m.Revoked
}

// release gives a code its use back: it is certain that no door has opened. Of a
// use that is under way only the door is given up.
func (b *Bank) release(t *tx, d *slot, in *locker.Intent, e *locker.Entry, why locker.Reason) {
	if in.Code.IsZero() || in.Reopening && !in.Again {
		return
	}
	if in.Again { // what an earlier opening has left uncertain stays so
		in.Uncertain = true
		d.rec.Intent = in
		t.save(d)
		return
	}
	switch {
	case e != nil:
		b.refresh(e)
	case kinds[in.Kind].several:
		e = b.bare(in)
	}
	if e != nil && e.Mark.Used > 0 && e.Mark.Done == 0 {
		e.Mark.Used--
		b.endUse(t, e)
		b.unreserve(t, in.Code)
	}
	ev := locker.Event{Type: locker.EvCodeReleased, Door: d.spec.ID, Reason: why, Cache: b.cacheInfo(t, in.Code.Set)}
	stamp(&ev, in)
	t.add(ev)
}

// grantService opens a door that the engineer has chosen within a visit.
func (b *Bank) grantService(t *tx, v *visit, d *slot) {
	b.grant(t, v, d, access.Decision{Door: d.spec.ID})
}
