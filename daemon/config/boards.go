package config

import (
	"fmt"
	"slices"
	"strings"

	"lockerd/daemon/locker"
)

// board reads one board of a locker.
func (l *layout) board(t *section, bus busFacts, doors int) Board {
	t.require("address", "channels", "first_door")
	l.boarded[bus.Name]++
	first, last, channels := int64(0), int64(255), int64(255)
	if bus.usable {
		first, last, channels = int64(bus.family.first), int64(bus.family.last), int64(bus.family.channels)
	}
	lastDoor := doors
	if lastDoor == 0 { // refused or missing
		lastDoor = locker.MaxDoors
	}
	before := len(t.problems)
	b := Board{
		Address:   int(t.whole("address", -1, first, last)),
		Channels:  int(t.whole("channels", 0, 1, channels)),
		FirstDoor: int(t.whole("first_door", 0, 1, int64(lastDoor))),
	}
	t.blame(before, bus)
	if slices.Contains(bus.family.reserved, b.Address) {
		t.bad("address", "means all boards at once to "+bus.family.name+" boards", "set the board to another address")
	}
	l.claim(t, bus.Name, b)
	t.done(nil)
	return b
}

// blame says in the problems noted since a point which driver has the bound.
func (s *section) blame(since int, bus busFacts) {
	for i := range s.problems[since:] {
		p := &s.problems[since+i]
		if bus.usable && p.What == "is out of range" && !strings.HasSuffix(p.Key, "first_door") {
			p.What += " for " + bus.family.name + " boards"
		}
	}
}

// claim refuses an address that two boards of a bus have.
func (l *layout) claim(t *section, bus string, b Board) {
	if b.Address < 0 || bus == "" {
		return
	}
	at := busAddress{bus, b.Address}
	if first := l.boards[at]; first != "" {
		t.bad("address", fmt.Sprintf("is the address of %s on bus %q already", first, bus), "set the board's switches to a free address and write that")
		return
	}
	l.boards[at] = t.path
}
