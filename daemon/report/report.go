package report

import (
	"cmp"
	"slices"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
)

// PromiseLimit is the time within which a person is to be done, from the scan
// until the door is shut again.
const PromiseLimit = 60_000 // ms

// Report is the document. Its JSON form is what lockerctl prints: add members,
// never change one.
type Report struct {
	Bank     string      `json:"bank"`
	Timezone string      `json:"timezone"`
	From     locker.Time `json:"from,omitzero"` // of the span asked for; absent: since the journal begins
	To       locker.Time `json:"to"`
	Journal  Journal     `json:"journal"`
	Promise  Promise     `json:"promise"`
	Visits   []Visits    `json:"visits"`
	Refusals []Refusal   `json:"refusals"`
	Troubles []Trouble   `json:"troubles"`
	Busy     Busy        `json:"busy"`
	Items    []Item      `json:"items"`
	Wear     []Wear      `json:"wear"`
}

// Journal says what the report was made from.
type Journal struct {
	First  uint64      `json:"first"` // seqs
	Last   uint64      `json:"last"`
	Events int         `json:"events"` // within the span
	Oldest locker.Time `json:"oldest,omitzero"`
	Newest locker.Time `json:"newest,omitzero"`
	Gaps   int         `json:"gaps"` // removed runs, within the whole journal
	Boots  int         `json:"boots"`
	Crash  int         `json:"crashes"` // starts after no orderly stop
}

// Promise is what became of the visits of people who came for themselves:
// collect, return and swap. Suppliers, repairers and engineers open several
// doors in one visit and are told in Visits only.
type Promise struct {
	LimitMS int64 `json:"limit_ms"`
	Visits  int   `json:"visits"`
	Within  int   `json:"within"` // done, and the door shut again within the limit
	Over    int   `json:"over"`   // done, and later
	Not     int   `json:"not_done"`
}

// Visits are the visits of one kind of code, and how long their stages took,
// each since the scan.
type Visits struct {
	Kind      locker.Kind `json:"kind"`
	Visits    int         `json:"visits"`
	Done      int         `json:"done"`
	Refused   int         `json:"refused"`   // no door opened
	Abandoned int         `json:"abandoned"` // nothing was done, or the door was left open
	Within    int         `json:"within"`    // done within the promise
	Decision  Stat        `json:"decision_ms"`
	Pulse     Stat        `json:"pulse_ms"`
	Open      Stat        `json:"open_ms"`
	Close     Stat        `json:"close_ms"`
}

// Stat is a distribution of times in milliseconds; with N 0 there is none.
type Stat struct {
	N   int   `json:"n"`
	P50 int64 `json:"p50"`
	P95 int64 `json:"p95"`
	Max int64 `json:"max"`
}

// Refusal counts scans that opened nothing, by reason and by the door that the
// code names, or by scanner where it names none.
type Refusal struct {
	Reason  locker.Reason `json:"reason"`
	Door    locker.DoorID `json:"door,omitzero"`
	Scanner string        `json:"scanner,omitempty"`
	N       int64         `json:"n"`
}

// Trouble is what went wrong at one door.
type Trouble struct {
	Door      locker.DoorID        `json:"door"`
	Jammed    int                  `json:"jammed"`
	Uncertain int                  `json:"uncertain"` // pulsed, and the board fell silent
	Forced    int                  `json:"forced"`
	Ajar      int64                `json:"ajar"` // stood open until the warning, and
	Alarm     int64                `json:"ajar_alarm"`
	Released  int                  `json:"released"` // codes given back their use here
	Out       map[locker.Cause]int `json:"out_of_service,omitempty"`
}

// Busy tells when doors opened, in the bank's time zone.
type Busy struct {
	Openings int         `json:"openings"`
	Week     [7][24]int  `json:"week"` // Monday first, by hour
	Peak     int         `json:"peak"` // most openings within one hour of the clock
	PeakAt   locker.Time `json:"peak_at,omitzero"`
}

// Item is one thing behind a door, oldest first.
type Item struct {
	Door locker.DoorID `json:"door"`
	locker.Item
	Since   locker.Time  `json:"since,omitzero"`
	AgeS    int64        `json:"age_s"`
	Brought *ledger.Hand `json:"brought,omitempty"` // absent: before the journal begins
}

// Wear tells how one door's lock does its work.
type Wear struct {
	Door     locker.DoorID `json:"door"`
	Openings int           `json:"openings"`
	Pulses   int           `json:"pulses"`          // tries of openings and of jams
	Unlatch  Stat          `json:"unlatch_ms"`      // from the first pulse until the feedback said open
	Trend    *Trend        `json:"trend,omitempty"` // absent: too few openings
	Series   []Point       `json:"series,omitempty"`
}

// Trend compares the mean unlatch time of the first third of those of a door's
// openings that needed one try with that of the last.
type Trend struct {
	WasMS int64 `json:"was_ms"`
	IsMS  int64 `json:"is_ms"`
	Pct   int   `json:"change_pct"`
}

// Point is the mean unlatch time at the first try over a stretch of time.
type Point struct {
	At   locker.Time `json:"at"` // its middle
	N    int         `json:"n"`
	Mean int64       `json:"mean_ms"`
}

// TriesPerOpening is how many pulses an opening has cost; 0: none has opened.
func (w *Wear) TriesPerOpening() float64 {
	if w.Openings == 0 {
		return 0
	}
	return float64(w.Pulses) / float64(w.Openings)
}

// slowerPct is from when on a lock that takes longer is worth a look.
const slowerPct = 25

// Slower tells whether the lock needs clearly longer than it did.
func (t *Trend) Slower() bool { return t != nil && t.Pct >= slowerPct }

// WorstFirst orders doors by what a service should look at: tries that one opening
// costs, then growing unlatch times, then openings.
func WorstFirst(list []Wear) {
	pct := func(w *Wear) int {
		if w.Trend == nil {
			return 0
		}
		return w.Trend.Pct
	}
	slices.SortStableFunc(list, func(a, b Wear) int {
		extra := func(w *Wear) int { return w.Pulses - w.Openings }
		return cmp.Or(
			cmp.Compare(extra(&b)*max(a.Openings, 1), extra(&a)*max(b.Openings, 1)),
			cmp.Compare(pct(&b), pct(&a)), cmp.Compare(b.Openings, a.Openings), byDoor(a.Door, b.Door),
		)
	})
}
