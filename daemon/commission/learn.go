package commission

import (
	"slices"

	"lockerd/daemon/locker"
)

// Proof says how far a door's feedback is proven.
type Proof string

// Proofs of a feedback.
const (
	Proven   Proof = "proven"    // it moved when the door did, and came back
	Unproven Proof = "unproven"  // the door moved without it
	NotSeen  Proof = "not_seen"  // the door did not move
	NotTried Proof = "not_tried" // nor was it pulsed
)

// Learnt is what follows from a State.
type Learnt struct {
	Buses  []BusLearnt
	Doors  []DoorLearnt
	Faults []Fault
}

// BusLearnt is the profile of a bus.
type BusLearnt struct {
	Name     string
	View     int
	Inverted bool // closed_bit is not the family's default
	Proven   int  // doors that tell so
}

// DoorLearnt is where a door's lock and switch hang. Channels are those of its
// planned board.
type DoorLearnt struct {
	Door      locker.DoorID
	Plan      Place
	Lock      int // 0: not known
	Feedback  int // 0: none known
	Inverted  bool
	Proof     Proof
	Confirmed bool
	UnlockMS  int64
	Tries     int
}

// Learn draws the conclusions.
func Learn(s *State) Learnt {
	l := Learnt{}
	for i := range s.Buses {
		l.Buses = append(l.Buses, learnBus(s, &s.Buses[i]))
	}
	for _, p := range s.Places() {
		l.Doors = append(l.Doors, l.learnDoor(s, p))
	}
	l.eliminate()
	l.Faults = findFaults(s, &l)
	return l
}

// learnBus lets the doors vote: the view in which most pulses moved their own
// feedback is how the boards tell, and what most switches said of a shut door
// is closed.
func learnBus(s *State, b *Bus) BusLearnt {
	out := BusLearnt{Name: b.Name}
	best := -1
	for v := range b.Views {
		n := 0
		for _, t := range s.Trials {
			if c, ok := t.single(v); ok && t.Place.Bus == b.Name && c.Channel == t.Place.Channel {
				n++
			}
		}
		if n > best {
			out.View, best = v, n
		}
	}
	open := 0
	for _, t := range s.Trials {
		if c, ok := t.single(out.View); ok && t.Place.Bus == b.Name {
			out.Proven++
			if c.WasOpen {
				open++
			}
		}
	}
	out.Inverted = 2*open > out.Proven
	return out
}

// single returns the one feedback that changed.
func (t *Trial) single(view int) (Change, bool) {
	if view >= len(t.Views) || len(t.Views[view]) != 1 {
		return Change{}, false
	}
	return t.Views[view][0], true
}

func (l *Learnt) bus(name string) BusLearnt {
	for _, b := range l.Buses {
		if b.Name == name {
			return b
		}
	}
	return BusLearnt{}
}

// mover returns the trial in which a door moved: that of its own place first.
func (s *State) mover(d locker.DoorID, plan Place) *Trial {
	if t := s.Trial(plan); t != nil && t.Moved == d {
		return t
	}
	for i := range s.Trials {
		if s.Trials[i].Moved == d {
			return &s.Trials[i]
		}
	}
	return nil
}

func (l *Learnt) learnDoor(s *State, plan Place) DoorLearnt {
	d := DoorLearnt{Door: s.Door(plan), Plan: plan, Proof: NotSeen}
	own := s.Trial(plan)
	if own == nil {
		d.Proof = NotTried
	}
	t := s.mover(d.Door, plan)
	if t == nil {
		if own != nil {
			d.Tries = own.Tries
		}
		return d
	}
	d.Proof, d.Confirmed, d.UnlockMS, d.Tries = Unproven, t.Confirmed, t.UnlockMS, t.Tries
	if t.Place.Bus != plan.Bus || t.Place.Address != plan.Address {
		return d // what is wired across boards can't be described
	}
	d.Lock = t.Place.Channel
	bus := l.bus(plan.Bus)
	c, ok := t.single(bus.View)
	if !ok || t.Stuck || !t.Confirmed && c.Channel != t.Place.Channel {
		return d
	}
	d.Feedback, d.Inverted, d.Proof = c.Channel, c.WasOpen != bus.Inverted, Proven
	return d
}

// eliminate gives what has no known lock or feedback the channel that is left:
// its own, unless another door has taken that.
func (l *Learnt) eliminate() {
	for i := range l.Doors {
		d := &l.Doors[i]
		if d.Lock == 0 {
			d.Lock = l.left(d, func(o *DoorLearnt) int { return o.Lock })
		}
	}
	for i := range l.Doors {
		d := &l.Doors[i]
		if d.Feedback == 0 {
			d.Feedback = l.left(d, func(o *DoorLearnt) int { return o.Feedback })
		}
	}
}

// left returns the lowest channel of a door's board that no other door has, its
// own if that is free.
func (l *Learnt) left(d *DoorLearnt, of func(*DoorLearnt) int) int {
	taken := func(ch int) bool {
		return slices.ContainsFunc(l.Doors, func(o DoorLearnt) bool {
			return o.Plan.Bus == d.Plan.Bus && o.Plan.Address == d.Plan.Address && of(&o) == ch
		})
	}
	if !taken(d.Plan.Channel) {
		return d.Plan.Channel
	}
	for _, o := range l.Doors {
		if ch := o.Plan.Channel; o.Plan.Bus == d.Plan.Bus && o.Plan.Address == d.Plan.Address && !taken(ch) {
			return ch
		}
	}
	return d.Plan.Channel
}

// Wired tells whether a door hangs where it was planned.
func (d *DoorLearnt) Wired() bool {
	return d.Lock == d.Plan.Channel && d.Feedback == d.Plan.Channel && !d.Inverted
}

// Sensor tells whether the feedback can be believed. One that was never seen
// is: a door that does not open must not count as opened.
func (d *DoorLearnt) Sensor() bool { return d.Proof != Unproven }
