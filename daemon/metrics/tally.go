package metrics

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"lockerd/daemon/locker"
)

// Tally counts the events of this run of lockerd. The zero value is empty. It belongs to
// one goroutine.
type Tally struct {
	events  map[string]uint64
	refused map[string]uint64
	pulse   times // from a scan to the first pulse
	open    times // from the first pulse to the proof
}

// AddJSON takes one event as it is stored, and returns its number.
func (t *Tally) AddJSON(line []byte) (seq uint64, err error) {
	var e locker.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return 0, fmt.Errorf("cannot read an event: %w", err)
	}
	t.add(&e)
	return e.Seq, nil
}

func (t *Tally) add(e *locker.Event) {
	if t.events == nil {
		t.events, t.refused = map[string]uint64{}, map[string]uint64{}
	}
	t.events[e.Type]++
	switch e.Type {
	case locker.EvScanRefused:
		t.refused[string(e.Reason)] += uint64(max(e.N, 1)) //nolint:gosec // at least 1
	case locker.EvVisitEnded:
		if st := e.MS.Stages(); st != nil && st.Pulse != nil {
			t.pulse.add(*st.Pulse)
		}
	case locker.EvDoorOpened:
		if ms, ok := e.MS.One(); ok && e.Tries > 0 { // else by hand or by itself: no pulse to measure
			t.open.add(ms)
		}
	}
}

// bounds of the buckets, in milliseconds, which is what events tell.
var bounds = [...]int64{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000}

// times is a histogram.
type times struct {
	within [len(bounds)]uint64 // by the smallest bound that holds it
	count  uint64
	sum    int64 // milliseconds
}

func (t *times) add(ms int64) {
	t.count++
	t.sum += ms
	if i, _ := slices.BinarySearch(bounds[:], ms); i < len(bounds) {
		t.within[i]++
	}
}

func (t *times) write(w *text, name, help string) {
	w.family(name, histogram, help)
	var below uint64
	for i, ms := range bounds {
		below += t.within[i]
		w.suffixed("_bucket", float64(below), "le", strconv.FormatFloat(float64(ms)/1000, 'g', -1, 64))
	}
	w.suffixed("_bucket", float64(t.count), "le", "+Inf")
	w.suffixed("_sum", float64(t.sum)/1000)
	w.suffixed("_count", float64(t.count))
}

func (t *Tally) write(w *text) {
	w.family("lockerd_events_total", counter, "Events journaled since the start, by type.")
	for _, k := range slices.Sorted(maps.Keys(t.events)) {
		w.sample(float64(t.events[k]), "type", k)
	}
	w.family("lockerd_scans_refused_total", counter, "Scans refused since the start, by reason.")
	for _, k := range slices.Sorted(maps.Keys(t.refused)) {
		w.sample(float64(t.refused[k]), "reason", k)
	}
	t.pulse.write(w, "lockerd_scan_to_pulse_seconds", "From a scan to the first pulse on a lock, of visits that have ended.")
	t.open.write(w, "lockerd_pulse_to_open_seconds", "From the first pulse to the feedback that the door is open.")
}
