package access

import (
	"cmp"
	"slices"

	"lockerd/daemon/locker"
)

// chooser picks the door that a kind of code opens next.
type chooser func(e locker.Entry, v View, not []locker.DoorID) Decision

// kinds is the catalogue of what codes can do. A kind without a chooser is
// refused when it is issued; a record of it in the cache is unknown at the door.
var kinds = map[locker.Kind]chooser{
	locker.Collect: chooseCollect,
	locker.Service: chooseService,
	locker.Deliver: chooseDeliver,
	locker.Return:  chooseReturn,
	locker.Swap:    chooseSwap,
	locker.Clear:   chooseClear,
}

// chooseService grants without a door: the engineer chooses at kiosk or socket.
func chooseService(locker.Entry, View, []locker.DoorID) Decision { return Decision{} }

func chooseCollect(e locker.Entry, v View, not []locker.DoorID) Decision {
	if !e.Code.Door.IsZero() {
		return collectNamed(e, v, not)
	}
	return chooseReady(e, e.Code.SKU, v, not)
}

// collectNamed opens the door that the code names, an empty one too.
func collectNamed(e locker.Entry, v View, not []locker.DoorID) Decision {
	d, ok := v.Door(e.Code.Door)
	switch {
	case !ok, slices.Contains(not, d.ID):
		return refuse(locker.NoStock)
	case !reaches(d, e.Code.TenantIn(e.Set)):
		return refuse(locker.NoStock) // a door of another tenant does not exist
	case d.Out, d.Open:
		return refuse(locker.DoorOutOfService)
	case d.Item != nil && d.Item.Condition != locker.Ready:
		return refuse(locker.NoStock) // quarantined: not this code's to take
	case d.Item != nil && !d.Reserved.IsZero():
		return refuse(locker.NoStock) // kept for a swap under way, which came first
	}
	return open(d, Decision{Door: d.ID})
}

// chooseReady opens a door with a ready item of the sku: the one kept for the
// code, else smallest size, not accessible unless asked, oldest item, lowest id
// (contract 5.2).
func chooseReady(e locker.Entry, sku string, v View, not []locker.DoorID) Decision {
	key := e.Key()
	return pick(v, not, locker.NoStock,
		func(d Door) bool { return holdsReady(d, e, sku) },
		func(a, b Door) int {
			return cmp.Or(
				first(a.Reserved == key, b.Reserved == key), cmp.Compare(a.Size, b.Size),
				wheels(a, b, e.Code.Accessible), cmp.Compare(a.Since, b.Since),
			)
		})
}

// chooseDeliver opens a free door that is large enough for the sku, those kept
// for stock before those for any use.
func chooseDeliver(e locker.Entry, v View, not []locker.DoorID) Decision {
	size := e.Code.Size
	if size == 0 {
		size = v.Size(e.Code.TenantIn(e.Set), e.Code.SKU)
	}
	return chooseFree(e, size, useStock, v, not)
}

// chooseReturn opens a free door, those for returns before those for any use.
func chooseReturn(e locker.Entry, v View, not []locker.DoorID) Decision {
	return chooseFree(e, e.Code.Size, useReturns, v, not)
}

// chooseSwap takes in first, and only while there is something to give out for
// it; then it gives that.
func chooseSwap(e locker.Entry, v View, not []locker.DoorID) Decision {
	out := chooseReady(e, e.Code.To, v, not)
	if e.Mark.Going && e.Mark.Done > 0 {
		out.Gives = out.Reason == locker.Granted
		return out
	}
	in := chooseReturn(e, v, not)
	switch {
	case out.Reason == locker.NoStock, out.Reason != locker.Granted && in.Reason != locker.NoFreeDoor:
		return out // the first reason in the order of contract 5.3
	case in.Reason == locker.Granted:
		in.Reserve = out.Door
	}
	return in
}

// chooseClear opens a door whose item nobody else gets: faulty, uncertain, or
// left by a code that has ended.
func chooseClear(e locker.Entry, v View, not []locker.DoorID) Decision {
	tenant := e.Code.TenantIn(e.Set)
	return pick(v, not, locker.NoStock,
		func(d Door) bool {
			return d.Item != nil && reaches(d, tenant) && d.Item.Tenant == tenant && clearable(d) &&
				(e.Code.SKU == "" || d.Item.SKU == e.Code.SKU) && (e.Code.Door.IsZero() || d.ID == e.Code.Door)
		},
		func(Door, Door) int { return 0 })
}

func clearable(d Door) bool {
	return d.Item.Condition != locker.Ready || d.Lapsed && !locker.ClaimedFor(d.Item.Tenant, d.Named) && d.Reserved.IsZero()
}

// Uses of doors, contract 2.
const (
	useStock   = "stock"
	useReturns = "returns"
)

// chooseFree opens an empty door that nothing is promised from: one made for the
// use before one for any, smallest size, not accessible unless asked, one that
// no other code has left in doubt, lowest id.
func chooseFree(e locker.Entry, size locker.Size, use string, v View, not []locker.DoorID) Decision {
	tenant := e.Code.TenantIn(e.Set)
	if !v.Room(tenant) {
		return refuse(locker.NoFreeDoor)
	}
	other := useStock
	if use == useStock {
		other = useReturns
	}
	return pick(v, not, locker.NoFreeDoor,
		func(d Door) bool {
			free := d.Item == nil && reaches(d, tenant) && d.Size >= size && d.Use != other && (d.Accessible || !e.Code.Accessible)
			if e.Code.Door.IsZero() {
				return free && !locker.ClaimedFor(tenant, d.Named) // what is put in would be promised at once
			}
			return free && d.ID == e.Code.Door
		},
		func(a, b Door) int {
			return cmp.Or(
				first(a.Use == use, b.Use == use), cmp.Compare(a.Size, b.Size),
				wheels(a, b, e.Code.Accessible), first(a.Uncertain.IsZero(), b.Uncertain.IsZero()),
			)
		})
}

// pick returns the first in order of the doors that fit and can be opened now,
// or why there is none.
func pick(v View, not []locker.DoorID, none locker.Reason, fits func(Door) bool, order func(a, b Door) int) Decision {
	var fit []Door
	silent := false
	for d := range v.Doors() {
		if !fits(d) || d.Out || d.Open || slices.Contains(not, d.ID) {
			continue
		}
		if d.Silent {
			silent = true
			continue
		}
		fit = append(fit, d)
	}
	switch {
	case len(fit) > 0:
		return Decision{Door: slices.MinFunc(fit, order).ID} // doors come by id, and the first of equals wins
	case silent:
		return refuse(locker.BoardSilent)
	}
	return refuse(none)
}

// holdsReady tells whether the door has a ready item for this code that no
// other code has been promised.
func holdsReady(d Door, e locker.Entry, sku string) bool {
	tenant := e.Code.TenantIn(e.Set)
	mine := !d.Reserved.IsZero() && d.Reserved == e.Key()
	return d.Item != nil && d.Item.Condition == locker.Ready &&
		d.Item.SKU == sku && d.Item.Tenant == tenant && reaches(d, tenant) &&
		(mine || d.Reserved.IsZero() && !locker.ClaimedFor(tenant, d.Named)) && (d.Accessible || !e.Code.Accessible)
}

// reaches tells whether a door exists for a tenant: neither dedicated to
// another nor holding another's item.
func reaches(d Door, tenant string) bool {
	return (d.Dedicated == "" || d.Dedicated == tenant) && (d.Item == nil || d.Item.Tenant == tenant)
}

// wheels keeps doors that a wheelchair can reach for those who ask for one.
func wheels(a, b Door, asked bool) int {
	if asked {
		return 0
	}
	return first(!a.Accessible, !b.Accessible)
}

// first orders what is so before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
