package commission

import (
	"fmt"
	"slices"
	"strings"

	"lockerd/daemon/locker"
	"lockerd/hal/rs485/probe"
)

// Rescanned takes over what a port answers now. Spans and trials of boards that
// do not answer cleanly any more are forgotten.
func (s *State) Rescanned(b Bus) {
	if old := s.Bus(b.Name); old != nil {
		if old.Found.Family == b.Found.Family {
			b.Voice = min(old.Voice, max(0, len(b.Voices)-1))
		}
		*old = b
	} else {
		s.Buses = append(s.Buses, b)
	}
	gone := func(address int) bool {
		return !slices.ContainsFunc(b.Found.Boards, func(d probe.Board) bool { return d.Address == address && d.Answers == probe.Once })
	}
	s.Plan = slices.DeleteFunc(s.Plan, func(sp Span) bool { return sp.Bus == b.Name && gone(sp.Address) })
	s.Trials = slices.DeleteFunc(s.Trials, func(t Trial) bool { return t.Place.Bus == b.Name && gone(t.Place.Address) })
}

// Propose says which doors a board probably carries: the next of the locker that
// is not full, as many as it has channels.
func (s *State) Propose(bus string, d probe.Board) Span {
	next := locker.DoorID{Locker: 1, Door: 1}
	for _, sp := range s.Plan {
		if sp.Doors == 0 {
			continue
		}
		after := sp.door(sp.Doors + 1)
		if after.Locker > next.Locker || after.Locker == next.Locker && after.Door > next.Door {
			next = after
		}
	}
	if next.Door > locker.MaxDoors {
		next = locker.DoorID{Locker: next.Locker + 1, Door: 1}
	}
	return Span{Bus: bus, Address: d.Address, First: next, Doors: min(d.Channels, locker.MaxDoors-int(next.Door)+1), Channels: d.Channels}
}

// Fits refuses doors that a board can't carry, or that hang elsewhere already.
func (s *State) Fits(sp Span, d probe.Board) error {
	last := int(sp.First.Door) + sp.Doors - 1
	switch {
	case sp.Doors == 0:
		return nil
	case sp.Doors > d.Channels:
		return fmt.Errorf("board %d has %d channels, and these are %d doors", d.Address, d.Channels, sp.Doors)
	case sp.First.Locker < 1 || sp.First.Locker > locker.MaxLockers || last > locker.MaxDoors:
		return fmt.Errorf("a bank has lockers 1 to %d with doors 01 to %d", locker.MaxLockers, locker.MaxDoors)
	}
	for ch := 1; ch <= sp.Doors; ch++ {
		for _, p := range s.Places() {
			if s.Door(p) == sp.door(ch) && (p.Bus != sp.Bus || p.Address != sp.Address) {
				return fmt.Errorf("door %s hangs on %s already", sp.door(ch), p)
			}
		}
	}
	return nil
}

// String returns the doors of a span: 1-01..1-24, or none.
func (sp Span) String() string {
	switch sp.Doors {
	case 0:
		return "none"
	case 1:
		return sp.First.String()
	}
	return sp.First.String() + ".." + sp.door(sp.Doors).String()
}

// ParseDoors reads what String writes.
func ParseDoors(text string) (first locker.DoorID, doors int, err error) {
	if text == "none" {
		return locker.DoorID{}, 0, nil
	}
	from, to, several := cut(text)
	if first, err = locker.ParseDoorID(from); err != nil {
		return first, 0, err
	}
	if !several {
		return first, 1, nil
	}
	last, err := locker.ParseDoorID(to)
	if err != nil {
		return first, 0, err
	}
	if last.Locker != first.Locker || last.Door < first.Door {
		return first, 0, fmt.Errorf("cannot read doors %q: write the first and the last of one locker, as 1-01..1-24", text)
	}
	return first, int(last.Door-first.Door) + 1, nil
}

func cut(text string) (from, to string, several bool) { return strings.Cut(text, "..") }
