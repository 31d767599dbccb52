package commission

import (
	"fmt"
	"strings"

	"lockerd/daemon/locker"
	"lockerd/hal/rs485/probe"
)

// Kind names a fault.
type Kind string

// Kinds of faults.
const (
	DuplicateAddress Kind = "duplicate_address"
	GarbledAddress   Kind = "garbled_address"
	NoBoards         Kind = "no_boards"
	Noise            Kind = "noise"
	Linkage          Kind = "linkage"
	ByteOrder        Kind = "byte_order"
	Polarity         Kind = "polarity"
	Inverted         Kind = "inverted"
	CrossedLock      Kind = "crossed_lock"
	CrossedFeedback  Kind = "crossed_feedback"
	CrossedBoards    Kind = "crossed_boards"
	CrossedUnseen    Kind = "crossed_unseen"
	Dead             Kind = "dead"
	Sticks           Kind = "sticks"
	WrongDoor        Kind = "wrong_door"
	NoFeedback       Kind = "no_feedback"
	StuckFeedback    Kind = "stuck_feedback"
	SeveralDoors     Kind = "several_doors"
	BoardLost        Kind = "board_lost"
	Slow             Kind = "slow"
	Unreached        Kind = "not_tried"
)

// Status says what is still to be done about a fault.
type Status string

// What is to be done.
const (
	Open      Status = "open"      // somebody must mend it
	Described Status = "described" // the file says how it is: nothing must be done, though it may
	Mended    Status = "mended"    // while the cabinet was commissioned
)

// Fault is one thing that is not as it should be.
type Fault struct {
	Kind   Kind          `json:"kind"`
	Status Status        `json:"status"`
	Door   locker.DoorID `json:"door,omitzero"`
	Place  Place         `json:"place"` // address or channel 0: all of them
	Text   string        `json:"text"`
	Cure   string        `json:"cure"`
}

// Where names the place of a fault as people do.
func (f *Fault) Where() string {
	switch {
	case !f.Door.IsZero():
		return "door " + f.Door.String()
	case f.Place.Address > 0:
		return fmt.Sprintf("bus %s board %d", f.Place.Bus, f.Place.Address)
	}
	return "bus " + f.Place.Bus
}

// slowMS is how long a sound latch takes at most: makers' locks spring within
// the pulse; beyond a second the spring is weak or the door sticks.
const slowMS = 1000

// ScanFaults tells what is wrong with what a port answers, before any door has
// moved.
func ScanFaults(b *Bus) []Fault {
	var out []Fault
	add := func(k Kind, st Status, address int, text, cure string) {
		out = append(out, Fault{Kind: k, Status: st, Place: Place{Bus: b.Name, Address: address}, Text: text, Cure: cure})
	}
	clean := 0
	for _, d := range b.Found.Boards {
		if d.Answers != probe.Garbled {
			clean++
		}
	}
	for _, d := range b.Found.Boards {
		switch {
		case d.Answers == probe.Twice:
			add(DuplicateAddress, Open, d.Address, fmt.Sprintf("address %d answers twice: two boards share it", d.Address),
				fmt.Sprintf("take the power off one of the two, set its switches to a free address (%s), give the power back", b.free()))
		case d.Answers == probe.Garbled && clean > 0:
			add(GarbledAddress, Open, d.Address, fmt.Sprintf("address %d answers, but not readably, while others do: two boards that speak at once, or a bad stub", d.Address),
				fmt.Sprintf("unplug one of the boards that may have address %d; if the other is read then, set one to a free address (%s); else look at its pair A/B", d.Address, b.free()))
		case d.Answers == probe.Garbled:
			add(GarbledAddress, Open, d.Address, fmt.Sprintf("address %d answers, but not readably", d.Address),
				"try another --baud; look for two boards with one address, and at A, B and ground")
		case d.Linkage:
			add(Linkage, Described, d.Address, fmt.Sprintf("board %d was in a mode in which its inputs move its relays; it is in none now", d.Address),
				"lockerd sets it so whenever it finds the board; set registers 1000 and on to 0 before door switches are wired")
		}
	}
	if len(b.Found.Boards) == 0 {
		add(NoBoards, Open, 0, "no board answers on port "+b.Port,
			"look at the power of the boards, at A and B (swapped?), at --baud, and at --addresses for boards above "+fmt.Sprint(probe.LastDefault))
	}
	if b.Found.Noise > 0 {
		add(Noise, Open, 0, fmt.Sprintf("%d bytes came that nobody asked for", b.Found.Noise), "look at the bias and the ground of the line, and for another program or master on it")
	}
	return out
}

// free names the lowest addresses that nobody answers at.
func (b *Bus) free() string {
	taken := map[int]bool{}
	for _, d := range b.Found.Boards {
		taken[d.Address] = true
	}
	var out []string
	for a := 1; len(out) < 3; a++ {
		if !taken[a] {
			out = append(out, fmt.Sprint(a))
		}
	}
	return strings.Join(out, ", ")
}

// again is how a door is proven once more.
func again(d locker.DoorID) string { return "then: lockerctl commission --door " + d.String() }

// findFaults tells all that is wrong, the boards first, then door by door.
func findFaults(s *State, l *Learnt) []Fault {
	out := append([]Fault(nil), s.Seen...)
	for _, b := range l.Buses {
		out = append(out, busFaults(s.Bus(b.Name), b)...)
	}
	for i := range l.Doors {
		out = append(out, doorFaults(s, l, &l.Doors[i])...)
	}
	return out
}

func busFaults(b *Bus, l BusLearnt) []Fault {
	var out []Fault
	add := func(k Kind, text string) {
		out = append(out, Fault{Kind: k, Status: Described, Place: Place{Bus: b.Name}, Text: text, Cure: "the file says so: nothing to do"})
	}
	if l.View > 0 {
		for k, v := range b.Views[l.View] {
			add(ByteOrder, fmt.Sprintf("the boards tell their channels by %s = %s, which is not the family's default", k, v))
		}
	}
	if l.Inverted && len(b.Polarity) > 1 {
		add(Polarity, fmt.Sprintf("the switches are of the other kind: a shut door says %s", b.Polarity[1]))
	}
	return out
}

// doorFaults tells what is wrong with one door and its place.
func doorFaults(s *State, l *Learnt, d *DoorLearnt) []Fault {
	f := doorFault{d: d, s: s, bus: l.bus(d.Plan.Bus)}
	own := s.Trial(d.Plan)
	if own != nil && own.Lost {
		f.add(BoardLost, Open, fmt.Sprintf("its pulse silenced board %d for a moment", d.Plan.Address),
			"the supply gives way under the lock (look at it, and at the diode across the lock), or a second board has this address and answered otherwise once the door was open; "+again(d.Door))
	}
	t := s.mover(d.Door, d.Plan)
	switch {
	case t != nil:
		f.moved(t)
	case own == nil:
		f.add(Unreached, Open, "was not tried", "run lockerctl commission again: it goes on where it was")
	case !own.Moved.IsZero():
		f.add(WrongDoor, Open, fmt.Sprintf("its channel opened door %s, and no channel opened it", own.Moved), "find where its lock is plugged in; "+again(d.Door))
	default:
		f.still(own)
	}
	return f.out
}

// doorFault collects the faults of one door.
type doorFault struct {
	d   *DoorLearnt
	s   *State
	bus BusLearnt
	out []Fault
}

func (f *doorFault) add(k Kind, st Status, text, cure string) {
	f.out = append(f.out, Fault{Kind: k, Status: st, Door: f.d.Door, Place: f.d.Plan, Text: text, Cure: cure})
}

// still is about a door that nobody saw move.
func (f *doorFault) still(t *Trial) {
	out := fmt.Sprintf("lockerctl service out %s, until it is mended; ", f.d.Door)
	switch {
	case Changed(t.Views):
		f.add(Sticks, Open, "its switch moved and the door did not: the latch springs, the door sticks or needs a pull", "ease the door, look at its spring; "+again(f.d.Door))
	case t.Error != "":
		f.add(Dead, Open, fmt.Sprintf("nothing moved in %d pulses: %s", t.Tries, t.Error), out+"look at the board; "+again(f.d.Door))
	default:
		f.add(Dead, Open, fmt.Sprintf("nothing moved in %d pulses", t.Tries), out+"look at the lock's plug, its wire, the lock, the output's fuse: measure 12 V during a pulse; "+again(f.d.Door))
	}
}

// moved is about a door that did.
func (f *doorFault) moved(t *Trial) {
	d := f.d
	c, single := t.single(f.bus.View)
	switch {
	case t.Place.Bus != d.Plan.Bus || t.Place.Address != d.Plan.Address:
		f.add(CrossedBoards, Open, fmt.Sprintf("is opened by %s: lock and plan are on different boards, which the file can't say", t.Place), "plug its lock into "+d.Plan.String()+"; "+again(d.Door))
		return
	case single && !t.Confirmed && c.Channel != t.Place.Channel:
		f.add(CrossedUnseen, Open, fmt.Sprintf("its pulse moved the switch of channel %d, and nobody looked which door that is", c.Channel), "stand before the cabinet; "+again(d.Door))
		return
	case d.Lock != d.Plan.Channel:
		f.add(CrossedLock, Described, fmt.Sprintf("is opened by channel %d instead of %d", d.Lock, d.Plan.Channel), "the file says so; to have it plain, swap the plugs of the locks, "+again(d.Door))
	}
	f.feedback(t, c, single)
	if t.UnlockMS > slowMS {
		f.add(Slow, Open, fmt.Sprintf("took %d ms to open", t.UnlockMS), "look at its spring and whether the door rubs")
	}
}

func (f *doorFault) feedback(t *Trial, c Change, single bool) {
	d := f.d
	switch {
	case t.Stuck:
		f.add(StuckFeedback, Open, "its switch did not come back when the door was shut", "look at the switch and what presses it; "+again(d.Door))
	case len(t.Elsewhere) > 0:
		f.add(CrossedBoards, Open, fmt.Sprintf("its switch is on %s: another board than its lock, which the file can't say", t.Elsewhere[0]), "plug its switch into "+d.Plan.String()+"; "+again(d.Door))
	case !Changed(t.Views):
		f.add(NoFeedback, Open, "opened, but its switch said nothing; until that is mended its openings stay unproven (sensor = false)", "look at the switch and its wire; "+again(d.Door))
	case !single:
		f.add(SeveralDoors, Open, fmt.Sprintf("its pulse moved %d switches", len(t.Views[f.bus.View])), "look whether two locks hang on one output, or two boards have one address; "+again(d.Door))
	default:
		f.wired(c)
	}
}

// wired is about a feedback that works, only elsewhere or otherwise.
func (f *doorFault) wired(c Change) {
	d := f.d
	if c.Channel != d.Plan.Channel {
		f.add(CrossedFeedback, Described, fmt.Sprintf("its switch is on channel %d instead of %d", c.Channel, d.Plan.Channel), "the file says so; to have it plain, swap the plugs of the switches, "+again(d.Door))
	}
	if d.Inverted {
		f.add(Inverted, Described, "its switch is of the other kind than most on its bus", "the file says so; to have it plain, use the switch's other contact, "+again(d.Door))
	}
}
