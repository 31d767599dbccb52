package config

import (
	"fmt"
	"maps"
	"slices"

	"lockerd/daemon/locker"
)

// exceptions reads [[door]] and applies it.
func (l *layout) exceptions() {
	owners := ownersOf(gpioDoorKeys, "a door on a gpio bus")
	maps.Copy(owners, ownersOf(wireDoorKeys, "a door on a board"))
	paths := map[*Door]string{}
	for _, t := range l.list("door") {
		paths[l.exception(t)] = t.path
		t.done(owners)
	}
	l.crossings(paths)
}

// exception reads one [[door]] into the door it returns.
func (l *layout) exception(t *section) *Door {
	t.require("id")
	id, _ := locker.ParseDoorID(t.text("id", "", checkDoor))
	d, ok := l.doors[id]
	switch {
	case id.IsZero():
	case l.given[id] != "":
		t.bad("id", "has its exceptions in "+l.given[id]+" already", "merge the two")
	case !ok && !l.known(id):
		t.bad("id", "is not in this bank", l.whichDoors())
	}
	if !ok {
		d = &Door{Sensor: true, Use: UseAny} // read all the same, for its problems
	}
	l.given[id] = t.path
	d.Size = t.size(d.Size)
	d.Accessible = t.flag("accessible", d.Accessible)
	if b, _ := l.bus(d.Bus); b.lines() {
		l.doorLines(t, d)
	} else {
		d.Wire = l.wire(t, d)
	}
	d.Sensor = t.flag("sensor", d.Sensor)
	d.Tenant = t.text("tenant", d.Tenant, checkTenant)
	d.Use = Use(t.choice("use", string(d.Use), string(UseAny), string(UseStock), string(UseReturns)))
	return d
}

// known tells whether a locker has this door, with or without a channel, or may
// have it: one that was refused is no reason to refuse its doors.
func (l *layout) known(id locker.DoorID) bool {
	if len(l.read) < len(l.lockerTables()) {
		return true
	}
	i := slices.IndexFunc(l.read, func(k Locker) bool { return k.Number == int(id.Locker) })
	return i >= 0 && (l.read[i].Doors == 0 || int(id.Door) <= l.read[i].Doors)
}

func (l *layout) lockerTables() []any {
	switch v := l.table["locker"].(type) {
	case []map[string]any:
		return make([]any, len(v))
	case []any:
		return v
	}
	return nil
}

func (l *layout) whichDoors() string {
	if len(l.doors) == 0 {
		return "add its [[locker]]"
	}
	ids := l.sorted()
	return fmt.Sprintf("use one of its doors, %s to %s, or correct doors in its [[locker]]", ids[0], ids[len(ids)-1])
}
