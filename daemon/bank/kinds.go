package bank

import (
	"lockerd/daemon/access"
	"lockerd/daemon/locker"
)

// kind is what a code does at the bank once access has let it in.
type kind struct {
	// opened takes the proven opening into the step: item, stock, use.
	opened func(b *Bank, t *tx, d *slot, in *locker.Intent, e *locker.Entry)
	// closed takes the closing; it returns false when nothing more is due and
	// the visit ends.
	closed func(b *Bank, t *tx, v *visit, d *slot) bool
	// reopens its last door for a moment after it was shut, without a use.
	reopens bool
	// stays in its visit when a door does not open.
	stays bool
	// next may open one other door after a door that did not open.
	next bool
}

// kinds is the catalogue of what codes do; access lets in those it has a chooser
// for, so an empty entry is never reached.
var kinds = map[locker.Kind]kind{
	locker.Collect: {opened: collected, closed: nothingMore, reopens: true, next: true},
	locker.Service: {opened: serviced, closed: more, stays: true},
	locker.Deliver: {},
	locker.Return:  {},
	locker.Swap:    {},
	locker.Clear:   {},
}

func nothingMore(*Bank, *tx, *visit, *slot) bool { return false }

func more(*Bank, *tx, *visit, *slot) bool { return true }

// collected: the item leaves at the proven opening, in the same step as that
// event; a code that names the door takes its claim along, so the count does
// not move twice (contract 5.2).
func collected(b *Bank, t *tx, d *slot, in *locker.Intent, e *locker.Entry) {
	if in.Reopening {
		return // once more, no use and no stock
	}
	b.used(t, d, in)
	b.change(t, d, func() {
		if it := d.rec.Item; it != nil && it.Tenant == in.Tenant {
			t.add(itemEvent(locker.EvItemCollected, d, it))
			d.rec.Item, d.rec.Since = nil, 0
		}
		if e != nil && usedUp(e) {
			b.unname(t, d, in.Code)
		}
	})
}

// serviced: an engineer was at the door; nobody can vouch for its item.
func serviced(b *Bank, t *tx, d *slot, in *locker.Intent, _ *locker.Entry) {
	if !in.Reopening {
		b.used(t, d, in)
	}
	b.doubt(t, d)
}

func (b *Bank) used(t *tx, d *slot, in *locker.Intent) {
	e := locker.Event{Type: locker.EvCodeUsed, Door: d.spec.ID, Cache: b.cacheInfo(t, in.Code.Set)}
	stamp(&e, in)
	t.add(e)
}

func usedUp(e *locker.Entry) bool {
	n := e.Code.MaxUses()
	return n > 0 && e.Mark.Used >= n
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
	first := len(v.tried) == 0
	v.tried = append(v.tried, d.spec.ID)
	if v.kind().next && first && !in.Reopening && !in.Again && b.stillMay(v) {
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

// release gives a code its use back: it is certain that no door has opened.
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
	if e != nil {
		b.refresh(e)
	}
	if e != nil && e.Mark.Used > 0 {
		e.Mark.Used--
		t.mark(e)
	}
	ev := locker.Event{Type: locker.EvCodeReleased, Door: d.spec.ID, Reason: why, Cache: b.cacheInfo(t, in.Code.Set)}
	stamp(&ev, in)
	t.add(ev)
}

// grantService opens a door that the engineer has chosen within a visit.
func (b *Bank) grantService(t *tx, v *visit, d *slot) {
	b.grant(t, v, d, access.Decision{Door: d.spec.ID})
}
