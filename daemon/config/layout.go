package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockerd/daemon/locker"
	"lockerd/hal"
)

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// hardware reads everything that is wired, and finds each door its lock.
func (s *section) hardware(c *Config) {
	buses := s.buses()
	c.Scanners = s.scanners()
	s.ports(buses, c.Scanners)
	s.pulses(buses, c.Open.Pulse)
	for _, b := range buses {
		c.Buses = append(c.Buses, b.Bus)
	}
	l := layout{section: s, buses: buses, doors: map[locker.DoorID]*Door{}, boards: map[busAddress]string{}, boarded: map[string]int{}, wired: map[string]int{}, given: map[locker.DoorID]string{}}
	l.lockers()
	l.exceptions()
	l.unwired()
	l.loads()
	c.Lockers = l.read
	for _, id := range l.sorted() {
		c.Doors = append(c.Doors, *l.doors[id])
	}
}

func (l *layout) sorted() []locker.DoorID { return slices.SortedFunc(maps.Keys(l.doors), compareDoors) }

func compareDoors(a, b locker.DoorID) int {
	switch {
	case a == b:
		return 0
	case a.Less(b):
		return -1
	}
	return 1
}

// layout puts doors on channels.
type layout struct {
	*section
	buses   []busFacts
	read    []Locker
	doors   map[locker.DoorID]*Door
	boards  map[busAddress]string    // path of the board at an address
	boarded map[string]int           // boards on each bus, whatever their addresses
	wired   map[string]int           // doors on each gpio bus
	given   map[locker.DoorID]string // path of the [[door]] of a door
}

type busAddress struct {
	bus     string
	address int
}

// lockers reads [[locker]].
func (l *layout) lockers() {
	numbers := map[int]string{}
	tables := l.list("locker")
	if len(tables) == 0 && !l.has("locker") {
		l.add("locker", nil, "is missing: a bank has at least one locker", "add a [[locker]] with number, bus, size, doors and boards")
	}
	for _, t := range tables {
		before := len(l.problems)
		k := l.locker(t)
		if k.Number == 0 {
			continue
		}
		if first := numbers[k.Number]; first != "" {
			t.bad("number", "is the number of "+first+" already", "give each locker its own number")
			continue
		}
		numbers[k.Number] = t.path
		l.read = append(l.read, k)
		l.place(t, k)
		if len(l.problems) == before { // else what is missing may be what was refused
			l.unplaced(t, k)
		}
	}
}

// locker reads one locker; number 0 is one that is too bad to go on with.
func (l *layout) locker(t *section) Locker {
	t.require("number", "bus", "size", "doors")
	k := Locker{
		Number: int(t.whole("number", 0, 1, locker.MaxLockers)),
		Bus:    t.text("bus", "", l.checkBus),
		Size:   t.size(0),
		Doors:  int(t.whole("doors", 0, 1, locker.MaxDoors)),
	}
	bus, ok := l.bus(k.Bus)
	if !ok || bus.usable {
		t.require("boards")
	}
	if ok && bus.lines() {
		t.known["boards"] = true
		if t.has("boards") {
			t.bad("boards", "does not belong to a locker on a gpio bus", "remove it: each of its doors has a [[door]] with its relay")
		}
		t.done(nil)
		return k
	}
	for _, b := range t.list("boards") {
		k.Boards = append(k.Boards, l.board(b, bus, k.Doors))
	}
	t.done(nil)
	return k
}

func (l *layout) bus(name string) (busFacts, bool) {
	i := slices.IndexFunc(l.buses, func(b busFacts) bool { return b.Name == name && name != "" })
	if i < 0 {
		return busFacts{}, false
	}
	return l.buses[i], true
}

func (l *layout) checkBus(v string) (what, cure string) {
	if _, ok := l.bus(v); ok {
		return "", ""
	}
	var names []string
	for _, b := range l.buses {
		if b.Name == "" || slices.Contains(names, b.Name) {
			return "", "" // the bus that is meant may be the one refused for its name
		}
		names = append(names, b.Name)
	}
	if len(names) == 0 {
		return "is the name of no [[bus]]", "add a [[bus]] with this name"
	}
	return "is the name of no [[bus]]", "use " + orList(names)
}

// size reads a size class.
func (s *section) size(def locker.Size) locker.Size {
	size := def
	s.text("size", "", func(v string) (string, string) {
		const use = "use XS, S, M, L or XL"
		if v == "" || size.UnmarshalText([]byte(v)) != nil {
			return "is no size", use
		}
		return "", ""
	})
	return size
}

// place gives every door of a locker its channel.
func (l *layout) place(t *section, k Locker) {
	if bus, ok := l.bus(k.Bus); ok && bus.lines() {
		l.placeLines(k)
		return
	}
	path := map[int]string{}
	for i, b := range k.Boards {
		for ch := 1; ch <= b.Channels && b.FirstDoor > 0; ch++ {
			door := b.FirstDoor + ch - 1
			if door > k.Doors {
				break // a spare channel
			}
			here := fmt.Sprintf("%s.boards[%d]", t.path, i)
			if first := path[door]; first != "" {
				t.add(here, nil, fmt.Sprintf("gives door %s a second channel: it is on %s already", l.id(k, door), first),
					"correct first_door or channels of one of the two")
				break
			}
			path[door] = here
			l.doors[l.id(k, door)] = &Door{
				ID: l.id(k, door), Size: k.Size, Sensor: true, Use: UseAny,
				Bus: k.Bus, Lock: hal.Lock{Address: b.Address, Channel: ch},
			}
		}
	}
}

func (*layout) id(k Locker, door int) locker.DoorID {
	return locker.DoorID{Locker: uint8(k.Number), Door: uint8(door)}
}

// unplaced refuses doors without channel.
func (l *layout) unplaced(t *section, k Locker) {
	bus, ok := l.bus(k.Bus)
	if !ok || !bus.usable {
		return
	}
	var missing []string
	for door := 1; door <= k.Doors; door++ {
		if l.doors[l.id(k, door)] == nil {
			missing = append(missing, l.id(k, door).String())
		}
	}
	if len(missing) == 0 {
		return
	}
	cure := fmt.Sprintf("add a board, or raise channels (a %s board has up to %d), or lower doors", bus.family.name, bus.family.channels)
	if l.boarded[k.Bus] >= bus.family.addresses() {
		cure = fmt.Sprintf("%s boards have %d addresses on one line and all are taken: %s", bus.family.name, bus.family.addresses(), elsewhere)
	}
	t.add(t.at("boards"), nil, "carries no channel for "+runs(missing), cure)
}

// runs writes a sorted list of doors, shortened to first and last if long.
func runs(doors []string) string {
	if len(doors) <= 4 {
		return strings.Join(doors, ", ")
	}
	return fmt.Sprintf("%d doors, %s to %s", len(doors), doors[0], doors[len(doors)-1])
}
