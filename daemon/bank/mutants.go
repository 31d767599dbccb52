//go:build mutants

package bank

import (
	"lockerd/daemon/access"
	"lockerd/daemon/locker"
)

// mutation adds switches to Config, each of which breaks one promise, to prove
// that the tests would notice: PulseFirst those of the power cuts, the others
// TestSequences.
type mutation struct {
	PulseFirst      bool // a relay moves before the commit
	StockEarly      bool // an item counts when its label is scanned, not when its door is shut
	LabelAstray     bool // a label goes to another open door
	ReservationLost bool // what is kept for a swap is forgotten by a restart
	WrongTenant     bool // another tenant's dedicated doors are taken for shared
	SecondUse       bool // a delivery that was resumed leaves its code a use
}

// early does what a step has put off until after its commit.
func (m mutation) early(t *tx) {
	if m.PulseFirst {
		t.follow()
		t.after = nil
	}
	for i := range t.c.Doors {
		if m.ReservationLost {
			t.c.Doors[i].Reserved = locker.CodeKey{}
		}
	}
}

func (m mutation) astray(b *Bank, d *slot) *slot {
	for _, o := range b.slots {
		if m.LabelAstray && o != d && o.visit != nil && takes(o.rec.Awaits) {
			return o
		}
	}
	return d
}

func (m mutation) labelled(b *Bank, t *tx, d *slot) {
	if in := d.rec.Awaits; m.StockEarly && in.Kind == locker.Deliver {
		b.arrived(t, d, in, locker.EvItemDelivered, locker.Ready)
	}
}

func (m mutation) see(a *access.Door) {
	if m.WrongTenant {
		a.Dedicated = ""
	}
}

func (m mutation) resumed(v *visit) {
	if m.SecondUse && v.entry.Code.Kind == locker.Deliver {
		v.entry.Mark.Used--
	}
}
