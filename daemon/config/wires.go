package config

import (
	"fmt"

	"lockerd/hal"
	"lockerd/hal/rewire"
)

// Wire says how a door is wired otherwise than its place on its board says.
// The zero value: as its place says.
type Wire struct {
	Lock     int  // channel that drives its lock; 0: its own
	Feedback int  // channel its switch is on; 0: its own
	Inverted bool // its switch is of the other kind than the bus's profile says
}

// wire reads the wiring of a [[door]]; both channels are of its own board.
func (l *layout) wire(t *section, d *Door) Wire {
	channels := int64(255) // of a door that was refused
	for _, k := range l.read {
		for _, b := range k.Boards {
			if k.Number == int(d.ID.Locker) && b.Address == d.Lock.Address {
				channels = int64(b.Channels)
			}
		}
	}
	return Wire{
		Lock:     int(t.whole("lock_channel", 0, 1, channels)),
		Feedback: int(t.whole("feedback_channel", 0, 1, channels)),
		Inverted: t.flag("feedback_inverted", false),
	}
}

// wired is where a door's lock and its switch hang.
func (d *Door) wired() rewire.Wire {
	w := rewire.Wire{Address: d.Lock.Address, Channel: d.Lock.Channel, Lock: d.Lock.Channel, Feedback: d.Lock.Channel, Inverted: d.Wire.Inverted}
	if d.Wire.Lock != 0 {
		w.Lock = d.Wire.Lock
	}
	if d.Wire.Feedback != 0 {
		w.Feedback = d.Wire.Feedback
	}
	return w
}

// end is one end of a wire on a board.
type end struct {
	bus     string
	at      hal.Lock
	isInput bool
}

func (d *Door) ends() []end {
	w := d.wired()
	return []end{
		{d.Bus, hal.Lock{Address: w.Address, Channel: w.Lock}, false},
		{d.Bus, hal.Lock{Address: w.Address, Channel: w.Feedback}, true},
	}
}

// crossings refuses two doors on one lock, or on one switch. Doors wired as
// planned can't meet but by an address or first_door that was refused already.
func (l *layout) crossings(paths map[*Door]string) {
	taken := map[end]*Door{}
	for _, id := range l.sorted() {
		if d := l.doors[id]; d.Wire == (Wire{}) {
			l.take(d, taken)
		}
	}
	for _, id := range l.sorted() {
		d := l.doors[id]
		if d.Wire == (Wire{}) {
			continue
		}
		for _, m := range l.take(d, taken) {
			key := "lock_channel"
			if m.isInput {
				key = "feedback_channel"
			}
			l.add(joinPath(paths[d], key), m.at.Channel, fmt.Sprintf("of board %d is that of both door %s and door %s", m.at.Address, d.ID, m.other.ID),
				"give each door a channel of its own: where two are crossed, both need their [[door]]")
		}
	}
}

// meeting is an end that another door has.
type meeting struct {
	end

	other *Door
}

// take claims the ends of a door and returns those that another door has.
func (l *layout) take(d *Door, taken map[end]*Door) []meeting {
	var met []meeting
	for _, e := range d.ends() {
		other, ok := taken[e]
		switch {
		case !ok:
			taken[e] = d
		case !e.isInput || d.Sensor && other.Sensor:
			met = append(met, meeting{e, other})
		}
	}
	return met
}

// Wires returns the doors of a bus that are not wired as planned, for the
// decorator of the bus.
func (c *Config) Wires(bus string) []rewire.Wire {
	var out []rewire.Wire
	for i := range c.Doors {
		if d := &c.Doors[i]; d.Bus == bus && d.Wire != (Wire{}) {
			out = append(out, d.wired())
		}
	}
	return out
}
