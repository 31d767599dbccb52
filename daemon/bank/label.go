package bank

import (
	"cmp"
	"fmt"
	"regexp"

	"lockerd/daemon/access"
	"lockerd/daemon/locker"
	"lockerd/scanner"
)

// defaultLabel is the form of a label whose sku says nothing else, contract 4.
const defaultLabel = `[A-Za-z0-9._-]{4,32}`

// takes tells whether the opening is one that a label belongs to.
func takes(in *locker.Intent) bool {
	return in != nil && kinds[in.Kind].labelled && !in.Gives && !in.Reopening
}

// awaiting returns the door at a scanner that a label belongs to: it stands open
// or is about to.
func (b *Bank) awaiting(name string) *slot {
	for _, v := range b.visits {
		if v.scanner == name && v.door != nil && takes(v.door.ground()) {
			return v.door
		}
	}
	return nil
}

// label takes a text that is no code at an open door of a deliver, return or
// swap. It is kept with the door at once: whoever sees the door close, a crash
// later too, knows what is inside.
func (b *Bank) label(t *tx, d *slot, s scanner.Scan) {
	in := d.rec.Awaits
	d.visit.moved = b.now()
	o := b.inside(in.Tenant, s.Text, d)
	switch {
	case !b.isLabel(d, s.Text):
		b.refuseLabel(t, d, s.Scanner, locker.WrongLabel, nil)
	case o != nil:
		b.refuseLabel(t, d, s.Scanner, locker.DuplicateSerial, o)
	case in.Serial != s.Text:
		in = clone(in)
		in.Serial = s.Text
		d.rec.Awaits = in
		t.save(d)
		b.cfg.labelled(b, t, d)
	}
}

// isLabel tells whether a text has the form of the labels awaited at a door.
func (b *Bank) isLabel(d *slot, text string) bool {
	if access.IsWhole(text) || access.IsTicket(text) {
		return false
	}
	form := cmp.Or(d.visit.entry.Code.Label, b.skuRule(d.rec.Awaits.Tenant, d.rec.Awaits.SKU).Label, defaultLabel)
	re, err := labelForm(form)
	return err == nil && re.MatchString(text) // checked when it came: see checkSKUs
}

// labelForm compiles the pattern of a label, which must match it wholly.
func labelForm(form string) (*regexp.Regexp, error) { return regexp.Compile(`^(?:` + form + `)$`) }

// checkLabel tells why a pattern can't be one for labels; nil: it can.
func checkLabel(form string) error {
	if len(form) > maxLabel {
		return fmt.Errorf("it is longer than %d bytes", maxLabel)
	}
	if _, err := regexp.Compile(form); err != nil {
		return err
	}
	_, err := labelForm(form)
	return err
}

// inside returns the other door behind which the tenant has that serial, or is
// about to have it.
func (b *Bank) inside(tenant, serial string, not *slot) *slot {
	for _, d := range b.slots {
		it, in := d.rec.Item, d.rec.Awaits
		switch {
		case d == not:
		case it != nil && it.Tenant == tenant && it.Serial == serial, in != nil && in.Tenant == tenant && in.Serial == serial:
			return d
		}
	}
	return nil
}

// refuseLabel journals why a label is not taken; the door stays open.
func (b *Bank) refuseLabel(t *tx, d *slot, name string, r locker.Reason, o *slot) {
	ev := locker.Event{Type: locker.EvScanRefused, Door: d.spec.ID, Reason: r, SKU: d.rec.Awaits.SKU, Why: b.sayLabel(d, r, o)}
	stamp(&ev, d.rec.Awaits)
	ev.Scanner = name
	t.refused(ev)
}

// skuRule returns what is wanted of a sku: the tenant's own rule, else the one
// for all tenants.
func (b *Bank) skuRule(tenant, sku string) locker.SKURule {
	var out locker.SKURule
	for _, r := range b.desired.Doc.SKUs {
		if r.SKU == sku && r.Tenant == tenant {
			return r
		}
		if r.SKU == sku && r.Tenant == "" {
			out = r
		}
	}
	return out
}

// doorsOf counts the doors that hold items of a tenant or are about to.
func (b *Bank) doorsOf(tenant string) int {
	n := 0
	for _, d := range b.slots {
		it, in := d.rec.Item, d.ground()
		if it != nil && it.Tenant == tenant || it == nil && takes(in) && in.Tenant == tenant {
			n++
		}
	}
	return n
}
