package bank

import (
	"iter"
	"slices"

	"lockerd/daemon/access"
	"lockerd/daemon/door"
	"lockerd/daemon/locker"
)

// slot is one door of the bank: what it is, what is stored of it, its machine,
// and who is at it.
type slot struct {
	spec    DoorSpec
	rec     locker.DoorRecord
	m       *door.Machine
	board   *BoardStatus
	visit   *visit           // whose opening is under way or whose door stands open
	waiter  chan OpenResult  // of an opening ordered at the socket; buffered
	restart bool             // the intent is from before this start
	codes   []locker.CodeKey // under which touching has it
}

// underWay tells whether an opening awaits its outcome and could have one soon.
func (d *slot) underWay() bool {
	switch d.m.Phase() {
	case door.Pulsing, door.Proving, door.Looking:
		return true
	case door.Resting, door.Settling, door.Standing:
	}
	return false
}

// open tells whether the door is or may be open: read open, not yet believed
// shut, or about to be opened.
func (d *slot) open() bool {
	return d.m.Phase() == door.Standing || d.m.Position() == door.Open || d.underWay()
}

func (d *slot) out(c locker.Cause) bool { return slices.Contains(d.rec.Out, c) }

// silent tells whether nothing is known of the door: its board does not answer
// or has not yet been read.
func (d *slot) silent() bool {
	if d.m.Phase() == door.Settling || d.board.State != stateOK {
		return true
	}
	return d.spec.Sensor && d.m.Position() == door.Unknown
}

func (d *slot) dedicated() string {
	if d.rec.Tenant != "" {
		return d.rec.Tenant
	}
	return d.spec.Tenant
}

// ground is the opening that what happens at the door follows from: one without
// an outcome, or one whose closing is awaited; nil: none.
func (d *slot) ground() *locker.Intent {
	if d.rec.Intent != nil {
		return d.rec.Intent
	}
	return d.rec.Awaits
}

// seen is the door as a decision sees it.
func (b *Bank) seen(d *slot) access.Door {
	a := access.Door{
		ID: d.spec.ID, Size: d.spec.Size, Accessible: d.spec.Accessible, Use: d.spec.Use,
		Dedicated: d.dedicated(), Out: len(d.rec.Out) > 0,
		Open: d.open(), Silent: d.silent(),
		Item: d.rec.Item, Since: d.rec.Since, Named: d.rec.Named, LastUse: d.rec.Last,
		Lapsed: d.rec.Lapsed, Reserved: b.keptFor(d),
	}
	if in := d.rec.Intent; in != nil && in.Uncertain {
		a.Uncertain = in.Code
	}
	if in := d.rec.Awaits; in != nil {
		a.Awaits = in.Code
	}
	b.cfg.see(&a)
	return a
}

// view lets a decision see the bank.
type view struct{ b *Bank }

// Door implements access.View.
func (v view) Door(id locker.DoorID) (access.Door, bool) {
	d, ok := v.b.byID[id]
	if !ok {
		return access.Door{}, false
	}
	return v.b.seen(d), true
}

// Doors implements access.View.
func (v view) Doors() iter.Seq[access.Door] {
	return func(yield func(access.Door) bool) {
		for _, d := range v.b.slots {
			if !yield(v.b.seen(d)) {
				return
			}
		}
	}
}

// Touched implements access.View.
func (v view) Touched(code locker.CodeKey) iter.Seq[access.Door] {
	return func(yield func(access.Door) bool) {
		for _, d := range v.b.touching[code] {
			if !yield(v.b.seen(d)) {
				return
			}
		}
	}
}

// Size implements access.Rules.
func (v view) Size(tenant, sku string) locker.Size { return v.b.skuRule(tenant, sku).Size }

// Room implements access.Rules.
func (v view) Room(tenant string) bool {
	most := v.b.rule(tenant).MaxDoors
	return most == 0 || v.b.doorsOf(tenant) < most
}

func byID(a, b *slot) int {
	switch {
	case a.spec.ID.Less(b.spec.ID):
		return -1
	case b.spec.ID.Less(a.spec.ID):
		return 1
	}
	return 0
}

// index notes which codes a door has to do with: the one that opened it last, the
// one whose opening is under way or uncertain, the one whose closing is awaited. Every record that is
// stored passes here.
func (b *Bank) index(d *slot) {
	for _, k := range d.codes {
		left := slices.DeleteFunc(b.touching[k], func(o *slot) bool { return o == d })
		if b.touching[k] = left; len(left) == 0 {
			delete(b.touching, k)
		}
	}
	d.codes = d.codes[:0]
	add := func(k locker.CodeKey) {
		if !k.IsZero() && !slices.Contains(d.codes, k) {
			d.codes = append(d.codes, k)
			at, _ := slices.BinarySearchFunc(b.touching[k], d, byID)
			b.touching[k] = slices.Insert(b.touching[k], at, d)
		}
	}
	if d.rec.Last != nil {
		add(d.rec.Last.Code)
	}
	if d.rec.Intent != nil {
		add(d.rec.Intent.Code)
	}
	if d.rec.Awaits != nil {
		add(d.rec.Awaits.Code)
	}
}
