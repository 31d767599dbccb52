package bank

import (
	"lockerd/daemon/access"
	"lockerd/daemon/locker"
)

// kind is what a code does at the bank once access has let it in.
type kind struct {
	// opened takes the proven opening into the step: item, stock, use.
	opened func(b *Bank, t *tx, d *slot, in *locker.Intent, e *locker.Entry)
	// closed takes the closing of a door that opened has left awaited (DoorRecord.
	// Awaits): what is inside now, and how the visit goes on. There may be no
	// visit any more: its process has crashed, or its door stood open too long.
	closed func(b *Bank, t *tx, d *slot, in *locker.Intent) after
	// reopens its last door for a moment after it was shut, without a use.
	reopens bool
	// stays in its visit when a door does not open, and between doors.
	stays bool
	// next may open one other door after a door that did not open.
	next bool
	// several doors may belong to one use, whose progress is in its mark.
	several bool
	// labelled: what is put in is known by the label scanned at the open door.
	labelled bool
}

// kinds is the catalogue of what codes do.
var kinds = map[locker.Kind]kind{
	locker.Collect: {opened: collected, reopens: true, next: true},
	locker.Service: {opened: serviced, stays: true},
	locker.Deliver: {opened: awaited, closed: delivered, reopens: true, next: true, several: true, labelled: true},
	locker.Return:  {opened: awaited, closed: returned, reopens: true, next: true, several: true, labelled: true},
	locker.Swap:    {opened: swapOpened, closed: swapClosed, reopens: true, next: true, several: true, labelled: true},
	locker.Clear:   {opened: cleared, closed: clearClosed, reopens: true, next: true, several: true},
}

// after is how a visit goes on behind a closing.
type after uint8

const (
	over  after = iota // nothing more is due
	more               // another door is due at once
	stays              // the engineer chooses another door
	left               // something is due, and the person has left it: the same code goes on
)

// collected: the item leaves at the proven opening, in the same step as that
// event; a code that names the door takes its claim along, so the count does
// not move twice (contract 5.2).
func collected(b *Bank, t *tx, d *slot, in *locker.Intent, e *locker.Entry) {
	if in.Reopening {
		return // once more, no use and no stock
	}
	b.used(t, d, in)
	b.change(t, d, func() {
		b.takeItem(t, d, in, locker.EvItemCollected)
		if e != nil && usedUp(e) {
			b.unname(t, d, in.Code)
		}
	})
}

// takeItem ends the item of the code's tenant behind the door. The caller is
// inside change.
func (b *Bank) takeItem(t *tx, d *slot, in *locker.Intent, kind string) {
	if it := d.rec.Item; it != nil && it.Tenant == in.Tenant {
		t.add(itemEvent(kind, d, it))
		d.rec.Item, d.rec.Since = nil, 0
	}
}

// serviced: an engineer was at the door; nobody can vouch for its item.
func serviced(b *Bank, t *tx, d *slot, in *locker.Intent, _ *locker.Entry) {
	if !in.Reopening {
		b.used(t, d, in)
	}
	b.doubt(t, d)
}

// awaited: what the opening was for is decided at the closing.
func awaited(b *Bank, t *tx, d *slot, in *locker.Intent, _ *locker.Entry) {
	if in.Reopening {
		return // nothing is put in, nothing is due
	}
	in = clone(in)
	in.Again, in.Jammed, in.Uncertain = false, false, false
	d.rec.Awaits = in
	t.save(d)
}

// delivered: a labelled item is in; without a label nothing is.
func delivered(b *Bank, t *tx, d *slot, in *locker.Intent) after {
	if in.Serial == "" {
		d.visit.because(sayLeft(d, in, b.useOf(d, in).Mark.Done, ""))
		return left
	}
	b.arrived(t, d, in, locker.EvItemDelivered, locker.Ready)
	if b.advance(t, d, in) < in.Due {
		return more
	}
	b.finish(t, d, in)
	return over
}

// returned: something is in, known by its serial or not.
func returned(b *Bank, t *tx, d *slot, in *locker.Intent) after {
	b.arrived(t, d, in, locker.EvItemReturned, locker.Faulty)
	if in.Serial == "" {
		d.visit.because(sayLeft(d, in, 0, ""))
	}
	b.finish(t, d, in)
	return over
}

// swapOpened: the first door takes in, the second gives out.
func swapOpened(b *Bank, t *tx, d *slot, in *locker.Intent, e *locker.Entry) {
	if !in.Gives || in.Reopening {
		awaited(b, t, d, in, e)
		return
	}
	b.finish(t, d, in)
	b.change(t, d, func() { b.takeItem(t, d, in, locker.EvItemCollected) })
	b.unreserve(t, in.Code)
}

// swapClosed: what came in without a label must be looked at by the person
// again before anything is given for it: the same code goes on.
func swapClosed(b *Bank, t *tx, d *slot, in *locker.Intent) after {
	b.arrived(t, d, in, locker.EvItemReturned, locker.Faulty)
	b.advance(t, d, in)
	if in.Serial == "" {
		d.visit.because(sayLeft(d, in, 0, b.useOf(d, in).Code.To))
		return left
	}
	return more
}

// cleared: the item leaves at the proven opening, as with collect.
func cleared(b *Bank, t *tx, d *slot, in *locker.Intent, e *locker.Entry) {
	if in.Reopening {
		return
	}
	b.change(t, d, func() { b.takeItem(t, d, in, locker.EvItemCleared) })
	b.advance(t, d, in)
	awaited(b, t, d, in, e)
}

// clearClosed ends the use with the last door that could be cleared.
func clearClosed(b *Bank, t *tx, d *slot, in *locker.Intent) after {
	e := b.useOf(d, in)
	if dec := access.Choose(*e, view{b}, nil); dec.Reason != locker.NoStock {
		return more
	}
	b.finish(t, d, in)
	return over
}
