package commission

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"lockerd/daemon/locker"
)

// Report is what the engineer leaves behind.
type Report struct {
	Version int          `json:"v"`
	Bank    string       `json:"bank"`
	By      string       `json:"by"`
	Begun   time.Time    `json:"begun"`
	Ended   time.Time    `json:"ended"`
	Config  string       `json:"config"` // the file that was written
	Buses   []ReportBus  `json:"buses"`
	Doors   []ReportDoor `json:"doors"`
	Faults  []Fault      `json:"faults"`
	Open    int          `json:"open"` // faults that somebody must mend
}

// ReportBus is one bus with its boards.
type ReportBus struct {
	Bus

	Profile map[string]string `json:"profile"`
}

// Label says how far it is known that a door bears the number that it has here.
type Label string

// Labels.
const (
	LabelSeen    Label = "seen"    // somebody read it at the door that moved
	LabelAssumed Label = "assumed" // nobody looked: as planned
	LabelUnknown Label = "unknown" // the door did not move
)

// ReportDoor is one door.
type ReportDoor struct {
	Door     locker.DoorID `json:"door"`
	Bus      string        `json:"bus"`
	Board    int           `json:"board"`
	Channel  int           `json:"channel"` // of its lock
	Feedback int           `json:"feedback_channel"`
	Inverted bool          `json:"feedback_inverted,omitempty"`
	Proof    Proof         `json:"feedback"`
	Label    Label         `json:"label"`
	UnlockMS int64         `json:"unlock_ms,omitempty"`
	Tries    int           `json:"tries"`
	OK       bool          `json:"ok"` // nothing is left to be mended
}

// NewReport makes the report of a walk.
func NewReport(s *State, l Learnt, file string, ended time.Time) *Report {
	r := &Report{Version: Version, Bank: s.Bank, By: s.By, Begun: s.Begun, Ended: ended, Config: file, Doors: []ReportDoor{}, Faults: []Fault{}}
	bad := map[locker.DoorID]bool{}
	for _, f := range l.Faults {
		r.Faults = append(r.Faults, f)
		if f.Status == Open {
			r.Open++
			bad[f.Door] = true
		}
	}
	for i := range s.Buses {
		b := &s.Buses[i]
		r.Buses = append(r.Buses, ReportBus{*b, b.profile(l.bus(b.Name))})
	}
	for _, d := range l.Doors {
		r.Doors = append(r.Doors, ReportDoor{
			Door: d.Door, Bus: d.Plan.Bus, Board: d.Plan.Address, Channel: d.Lock, Feedback: d.Feedback, Inverted: d.Inverted,
			Proof: d.Proof, Label: d.label(), UnlockMS: d.UnlockMS, Tries: d.Tries, OK: !bad[d.Door],
		})
	}
	return r
}

func (d *DoorLearnt) label() Label {
	switch {
	case d.Proof == NotSeen || d.Proof == NotTried:
		return LabelUnknown
	case d.Confirmed:
		return LabelSeen
	}
	return LabelAssumed
}

// JSON writes the report for machines.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}
