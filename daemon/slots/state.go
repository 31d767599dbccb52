package slots

import "time"

// Slot names one of the two places of a program.
type Slot string

// The slots. Base is no slot: the package's own program, when no slot is whole.
const (
	A    Slot = "a"
	B    Slot = "b"
	Base Slot = "base"
)

// Other returns the other slot.
func (s Slot) Other() Slot {
	if s == A {
		return B
	}
	return A
}

// Bounds of a trial.
const (
	Tries     = 2  // starts that ended badly
	MaxStarts = 10 // starts in all: also orderly stops end some day
)

// State is what the state file holds.
type State struct {
	Active  Slot             `json:"active,omitempty"` // runs unless there is a trial; "": nothing was installed yet
	Slots   map[Slot]Program `json:"slots,omitempty"`  // what is whole
	Starts  int              `json:"starts,omitempty"` // of Active since it was last seen healthy
	Trial   *Trial           `json:"trial,omitempty"`
	Good    *Health          `json:"good,omitempty"` // of Active, when it was last seen healthy
	Last    *Outcome         `json:"last,omitempty"`
	Base    FileID           `json:"base,omitzero"`     // the base program that was last looked at
	Adopted string           `json:"adopted,omitempty"` // digest of the base program that had its trial last
}

// Program is what lies in a slot.
type Program struct {
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // hex
	Size    int64  `json:"size"`
}

// FileID tells a file from one that has taken its place, without reading it.
type FileID struct {
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime_ns"`
	CTime int64  `json:"ctime_ns"`
}

// Phase is how far an update is; see the package's doc.
type Phase string

// Phases.
const (
	Staging  Phase = "staging"
	Verified Phase = "verified"
	Trying   Phase = "trying"
	Failed   Phase = "failed"
)

// Trial is an update under way.
type Trial struct {
	Slot     Slot    `json:"slot"`
	Program  Program `json:"program"`
	Phase    Phase   `json:"phase"`
	Attempts int     `json:"attempts"` // starts that have not ended orderly
	Starts   int     `json:"starts"`   // all
	Why      string  `json:"why,omitempty"`
	Ordered  bool    `json:"ordered,omitempty"` // verified, and to be tried
	Window   string  `json:"window,omitempty"`  // when it may be tried, "02:00-04:00"; "": at any time
	By       string  `json:"by,omitempty"`      // who ordered it
}

// Results of an update.
const (
	Confirmed  = "confirmed"
	RolledBack = "rolled_back"
	Abandoned  = "abandoned"
)

// Outcome is how the last update ended.
type Outcome struct {
	Version string    `json:"version"`
	Result  string    `json:"result"`
	SHA256  string    `json:"sha256,omitempty"`
	Why     string    `json:"why,omitempty"`
	At      time.Time `json:"at"`             // system clock
	Told    bool      `json:"told,omitempty"` // stands in the bank's journal
}
