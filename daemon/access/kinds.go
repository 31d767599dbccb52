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
	locker.Deliver: nil,
	locker.Return:  nil,
	locker.Swap:    nil,
	locker.Clear:   nil,
}

// chooseService grants without a door: the engineer chooses at kiosk or socket.
func chooseService(locker.Entry, View, []locker.DoorID) Decision { return Decision{} }

func chooseCollect(e locker.Entry, v View, not []locker.DoorID) Decision {
	if !e.Code.Door.IsZero() {
		return collectNamed(e, v, not)
	}
	return collectSKU(e, v, not)
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
	}
	return open(d, Decision{Door: d.ID})
}

// collectSKU opens a door with a ready item of the sku: smallest size, not
// accessible unless asked, oldest item, lowest id (contract 5.2).
func collectSKU(e locker.Entry, v View, not []locker.DoorID) Decision {
	var fit []Door
	silent := false
	for d := range v.Doors() {
		if !holdsReady(d, e) || d.Out || d.Open || slices.Contains(not, d.ID) {
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
		best := slices.MinFunc(fit, func(a, b Door) int {
			return cmp.Or(cmp.Compare(a.Size, b.Size), wheels(a, b, e.Code.Accessible), cmp.Compare(a.Since, b.Since))
		}) // doors come by id, and the first of equals wins
		return Decision{Door: best.ID}
	case silent:
		return refuse(locker.BoardSilent)
	}
	return refuse(locker.NoStock)
}

// holdsReady tells whether the door has a ready item for this code that no
// other code has been promised.
func holdsReady(d Door, e locker.Entry) bool {
	tenant := e.Code.TenantIn(e.Set)
	return d.Item != nil && d.Item.Condition == locker.Ready &&
		d.Item.SKU == e.Code.SKU && d.Item.Tenant == tenant && reaches(d, tenant) &&
		len(d.Named) == 0 && (d.Accessible || !e.Code.Accessible)
}

// reaches tells whether a door exists for a tenant: neither dedicated to
// another nor holding another's item.
func reaches(d Door, tenant string) bool {
	return (d.Dedicated == "" || d.Dedicated == tenant) && (d.Item == nil || d.Item.Tenant == tenant)
}

// wheels keeps doors that a wheelchair can reach for those who ask for one.
func wheels(a, b Door, asked bool) int {
	if asked || a.Accessible == b.Accessible {
		return 0
	}
	if b.Accessible {
		return -1
	}
	return 1
}
