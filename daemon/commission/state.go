package commission

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/hal/rs485/probe"
)

// Version of the state file.
const Version = 1

// State is all that is known of a walk. It is kept after every door.
type State struct {
	Version int       `json:"v"`
	Bank    string    `json:"bank"`
	By      string    `json:"by"`
	Begun   time.Time `json:"begun"`
	Buses   []Bus     `json:"buses"`
	Plan    []Span    `json:"plan"`
	Trials  []Trial   `json:"trials"` // one for a place, the last
	Seen    []Fault   `json:"seen"`   // while boards were looked for
}

// Bus is one port and what answers there.
type Bus struct {
	Name     string              `json:"name"`
	Port     string              `json:"port"`
	RS485    bool                `json:"rs485,omitempty"`
	Found    probe.Found         `json:"found"`
	Voices   []map[string]string `json:"voices"`
	Voice    int                 `json:"voice"`
	Views    []map[string]string `json:"views"`
	Polarity []string            `json:"polarity"` // values of closed_bit, the default first
}

// Span is the doors on one board: its first channel is First, the others follow.
type Span struct {
	Bus      string        `json:"bus"`
	Address  int           `json:"address"`
	First    locker.DoorID `json:"first"`
	Doors    int           `json:"doors"`    // 0: none hangs there
	Channels int           `json:"channels"` // that the board is asked for
}

// Place is one channel of one board.
type Place struct {
	Bus     string `json:"bus"`
	Address int    `json:"address"`
	Channel int    `json:"channel"`
}

// String returns the place as people name it.
func (p Place) String() string {
	return fmt.Sprintf("bus %s board %d channel %d", p.Bus, p.Address, p.Channel)
}

// Trial is one place that was pulsed, and what came of it.
type Trial struct {
	Place     Place         `json:"place"`
	At        time.Time     `json:"at"`
	Tries     int           `json:"tries"` // pulses
	UnlockMS  int64         `json:"unlock_ms,omitempty"`
	Moved     locker.DoorID `json:"moved"`     // zero: none
	Confirmed bool          `json:"confirmed"` // somebody saw it; else it is only what was planned
	Views     [][]Change    `json:"views"`     // what changed on the board, by view of its bus
	Elsewhere []Place       `json:"elsewhere,omitempty"`
	Stuck     bool          `json:"stuck,omitempty"` // the switch did not come back when the door was shut
	Lost      bool          `json:"lost,omitempty"`  // the board could not be read right after the pulse
	Error     string        `json:"error,omitempty"` // of the pulse
}

// Change is a feedback that moved.
type Change struct {
	Channel int  `json:"channel"`
	WasOpen bool `json:"was_open,omitempty"` // it said open while the door was shut
}

// Diff tells by view what changed between two readings of one board.
func Diff(before, after probe.Reading) [][]Change {
	out := make([][]Change, len(after.Views))
	for v := range after.Views {
		for i, s := range after.Views[v] {
			if v < len(before.Views) && i < len(before.Views[v]) && before.Views[v][i] != s {
				out[v] = append(out[v], Change{Channel: i + 1, WasOpen: before.Views[v][i] == hal.Open})
			}
		}
	}
	return out
}

// Changed tells whether any view saw anything.
func Changed(views [][]Change) bool {
	return slices.ContainsFunc(views, func(c []Change) bool { return len(c) > 0 })
}

// Door returns the door that is planned at a place; zero: none.
func (s *State) Door(p Place) locker.DoorID {
	for _, sp := range s.Plan {
		if sp.Bus == p.Bus && sp.Address == p.Address && p.Channel >= 1 && p.Channel <= sp.Doors {
			return sp.door(p.Channel)
		}
	}
	return locker.DoorID{}
}

func (sp *Span) door(channel int) locker.DoorID {
	return locker.DoorID{Locker: sp.First.Locker, Door: sp.First.Door + uint8(channel-1)} //nolint:gosec,nolintlint // at most 34
}

// Places returns where doors are planned, in the order of the walk.
func (s *State) Places() []Place {
	var out []Place
	for _, sp := range s.Plan {
		for ch := 1; ch <= sp.Doors; ch++ {
			out = append(out, Place{sp.Bus, sp.Address, ch})
		}
	}
	return out
}

// PlacesOf returns where a door is planned, and where it was seen to move.
func (s *State) PlacesOf(d locker.DoorID) []Place {
	var out []Place
	for _, p := range s.Places() {
		t := s.Trial(p)
		if s.Door(p) == d || t != nil && t.Moved == d {
			out = append(out, p)
		}
	}
	return out
}

// Trial returns that of a place; nil: it was not tried yet.
func (s *State) Trial(p Place) *Trial {
	i := slices.IndexFunc(s.Trials, func(t Trial) bool { return t.Place == p })
	if i < 0 {
		return nil
	}
	return &s.Trials[i]
}

// Put keeps a trial in place of an older one.
func (s *State) Put(t Trial) {
	if old := s.Trial(t.Place); old != nil {
		*old = t
		return
	}
	s.Trials = append(s.Trials, t)
}

// Bus returns the bus of that name; nil: there is none.
func (s *State) Bus(name string) *Bus {
	i := slices.IndexFunc(s.Buses, func(b Bus) bool { return b.Name == name })
	if i < 0 {
		return nil
	}
	return &s.Buses[i]
}

// Span returns the doors on a board; nil: it was not planned yet.
func (s *State) Span(bus string, address int) *Span {
	i := slices.IndexFunc(s.Plan, func(sp Span) bool { return sp.Bus == bus && sp.Address == address })
	if i < 0 {
		return nil
	}
	return &s.Plan[i]
}

// Encode returns the state as it is kept.
func (s *State) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return nil, fmt.Errorf("cannot write down the walk: %w", err)
	}
	return append(b, '\n'), nil
}

// Decode reads what Encode has written.
func Decode(b []byte) (*State, error) {
	var s State
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("cannot read the state of the walk: %w: begin again with --fresh", err)
	}
	if s.Version != Version {
		return nil, fmt.Errorf("cannot read the state of the walk: it has version %d, this lockerctl writes %d: begin again with --fresh", s.Version, Version)
	}
	return &s, nil
}
