package health

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lockerd/daemon/locker"
)

// Bounds of a history: what the judgement needs, per door and scanner.
const (
	openingsMax = 64
	scansMax    = 32
	// Events is how many of the latest events tell enough.
	Events = 5000
)

// History is what the journal tells of doors and scanners. The zero value is
// empty.
type History struct {
	doors    map[locker.DoorID][]opening
	scanners map[string][]time.Time
}

// opening is one opening of a door that was proven.
type opening struct {
	ms    int64
	tries int
}

// AddJSON takes one event as it is stored, and returns its number.
func (h *History) AddJSON(line []byte) (seq uint64, err error) {
	var e locker.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return 0, fmt.Errorf("cannot read an event: %w", err)
	}
	h.Add(&e)
	return e.Seq, nil
}

// Add takes one event.
func (h *History) Add(e *locker.Event) {
	switch e.Type {
	case locker.EvDoorOpened:
		ms, ok := e.MS.One()
		if !ok || e.Tries == 0 { // opened by itself or by hand: no pulse to measure
			return
		}
		if h.doors == nil {
			h.doors = map[locker.DoorID][]opening{}
		}
		h.doors[e.Door] = last(append(h.doors[e.Door], opening{ms, e.Tries}), openingsMax)
	case locker.EvCodeAccepted, locker.EvScanRefused:
		if e.Scanner == "" {
			return
		}
		if h.scanners == nil {
			h.scanners = map[string][]time.Time{}
		}
		h.scanners[e.Scanner] = last(append(h.scanners[e.Scanner], e.At.Time()), scansMax)
	}
}

// last keeps the newest.
func last[T any](list []T, most int) []T {
	if len(list) <= most {
		return list
	}
	return slices.Delete(list, 0, len(list)-most)
}

// Window gathers counters of a bus over the latest minutes. The zero value is
// empty.
type Window struct {
	marks []mark
}

type mark struct {
	at time.Time
	c  Counters
}

// Counters are those of hal.Stats that tell how well a line works, since its
// start.
type Counters struct {
	Requests, Timeouts, Garbage, Foreign uint64
}

// windowLength is how far back a window reaches: long enough for a slow sweep to
// make some hundred requests.
const windowLength = 10 * time.Minute

// Add notes the counters as they are now and returns what was counted within
// the window.
func (w *Window) Add(at time.Time, c Counters) Counters {
	if n := len(w.marks); n > 0 && c.Requests < w.marks[n-1].c.Requests {
		w.marks = nil // the bus began anew
	}
	w.marks = append(w.marks, mark{at, c})
	w.marks = slices.DeleteFunc(w.marks, func(m mark) bool { return at.Sub(m.at) > windowLength })
	old := w.marks[0].c
	return Counters{c.Requests - old.Requests, c.Timeouts - old.Timeouts, c.Garbage - old.Garbage, c.Foreign - old.Foreign}
}
