package bank

import (
	"cmp"
	"maps"
	"slices"

	"lockerd/daemon/locker"
)

// stockKey is what stock is counted by.
type stockKey struct{ tenant, sku string }

// counted tells under which key the door's item counts as stock: a ready item
// in a door in service that no live collect code of its tenant names (contract 5.2).
func (d *slot) counted() (stockKey, bool) {
	it := d.rec.Item
	if it == nil || it.Condition != locker.Ready || len(d.rec.Out) > 0 || d.claimed() {
		return stockKey{}, false
	}
	return stockKey{it.Tenant, it.SKU}, true
}

// claimed tells whether a live code may have the item by naming the door.
func (d *slot) claimed() bool {
	return d.rec.Item != nil && locker.ClaimedFor(d.rec.Item.Tenant, d.rec.Named)
}

// change changes what is stored of a door and says what that does to the stock.
// Every change of a record that can move a count goes through here.
func (b *Bank) change(t *tx, d *slot, f func()) {
	was, had := d.counted()
	item, claimed := d.rec.Item, d.claimed()
	f()
	t.save(d)
	switch {
	case !sameItem(item, d.rec.Item):
		d.rec.Lapsed, d.rec.Reserved = false, locker.CodeKey{}
	case claimed && !d.claimed():
		d.rec.Lapsed = true
	}
	is, has := d.counted()
	if had == has && was == is {
		return
	}
	if had {
		b.count(t, d, was, -1)
	}
	if has {
		b.count(t, d, is, +1)
	}
}

// sameItem tells whether both are the same thing, in whatever condition.
func sameItem(a, b *locker.Item) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Tenant == b.Tenant && a.SKU == b.SKU && a.Serial == b.Serial
}

func (b *Bank) count(t *tx, d *slot, k stockKey, delta int) {
	b.stock[k] += delta
	n := b.stock[k]
	e := locker.Event{Type: locker.EvStockChanged, Door: d.spec.ID, Tenant: k.tenant, SKU: k.sku, Delta: delta, Count: &n}
	switch {
	case d.visit != nil:
		e.Visit = d.visit.id
	case d.rec.Awaits != nil: // of the process before, or of a door that stood open too long
		e.Visit = d.rec.Awaits.Visit
	}
	least, has := b.mins[k]
	if has {
		e.Min = &least
	}
	t.add(e)
	if has && n < least && n-delta >= least {
		e.Type, e.Delta = locker.EvStockLow, 0
		t.add(e)
	}
}

// doubt makes the item of a door uncertain: an opening nobody can vouch for has
// touched it. The caller has said why.
func (b *Bank) doubt(t *tx, d *slot) {
	if d.rec.Item == nil || d.rec.Item.Condition == locker.Uncertain {
		return
	}
	b.change(t, d, func() {
		it := *d.rec.Item
		it.Condition = locker.Uncertain
		d.rec.Item = &it
		t.add(itemEvent(locker.EvItemUncertain, d, &it))
	})
}

func itemEvent(kind string, d *slot, it *locker.Item) locker.Event {
	e := locker.Event{Type: kind, Door: d.spec.ID, Tenant: it.Tenant, SKU: it.SKU, Serial: it.Serial, Cond: it.Condition}
	if in := d.ground(); in != nil {
		stamp(&e, in)
		e.Tenant = it.Tenant
	}
	return e
}

func compareStock(a, b stockKey) int {
	return cmp.Or(cmp.Compare(a.tenant, b.tenant), cmp.Compare(a.sku, b.sku))
}

// stockLines are the counts, with a line for every sku that has a door or a minimum.
func (b *Bank) stockLines() []StockLine {
	keys := map[stockKey]bool{}
	for k, n := range b.stock {
		if n != 0 {
			keys[k] = true
		}
	}
	for k := range b.mins {
		keys[k] = true
	}
	for _, d := range b.slots {
		if it := d.rec.Item; it != nil {
			keys[stockKey{it.Tenant, it.SKU}] = true
		}
	}
	lines := []StockLine{}
	for _, k := range slices.SortedFunc(maps.Keys(keys), compareStock) {
		l := StockLine{Tenant: k.tenant, SKU: k.sku, Count: b.stock[k]}
		if n, ok := b.mins[k]; ok {
			l.Min = &n
		}
		lines = append(lines, l)
	}
	return lines
}
