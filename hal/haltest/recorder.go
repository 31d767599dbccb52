package haltest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"lockerd/hal"
)

// patience is how long anything may take that the suite waits for.
const patience = 15 * time.Second

// Event is one call of the sink.
type Event struct {
	Seen     time.Time
	Pulsed   *hal.Pulsed
	Observed *hal.Observed
	Board    *hal.Board
}

// String describes the event for a failed test.
func (e Event) String() string {
	at := e.Seen.Format("05.000")
	switch {
	case e.Pulsed != nil:
		return fmt.Sprintf("%s pulsed %d %+v, sent %s: %v", at, e.Pulsed.ID, e.Pulsed.Lock, e.Pulsed.At.Format("05.000"), e.Pulsed.Err)
	case e.Observed != nil:
		return fmt.Sprintf("%s observed %d: %v", at, e.Observed.Address, e.Observed.States)
	default:
		return fmt.Sprintf("%s board %d lost=%v: %v", at, e.Board.Address, e.Board.Lost, e.Board.Err)
	}
}

// Recorder is a hal.Sink that keeps what it is told and finds calls that break
// the sink's own rules. The zero value is ready.
type Recorder struct {
	calling sync.Mutex // held during each call: two at a time break a rule

	mu      sync.Mutex
	bus     string
	events  []Event
	broken  []string
	changed chan struct{} // closed at the next event; nil while nobody waits
}

var _ hal.Sink = (*Recorder)(nil)

// Pulsed implements hal.Sink.
func (r *Recorder) Pulsed(bus string, p hal.Pulsed) { r.add(bus, Event{Pulsed: &p}) }

// Observed implements hal.Sink.
func (r *Recorder) Observed(bus string, o hal.Observed) { r.add(bus, Event{Observed: &o}) }

// Board implements hal.Sink.
func (r *Recorder) Board(bus string, b hal.Board) { r.add(bus, Event{Board: &b}) }

func (r *Recorder) add(bus string, e Event) {
	alone := r.calling.TryLock()
	if alone {
		defer r.calling.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !alone {
		r.broken = append(r.broken, "the sink was called twice at one time")
	}
	if r.bus != "" && bus != r.bus {
		r.broken = append(r.broken, "the sink was called for bus "+bus+", want "+r.bus)
	}
	e.Seen = time.Now()
	r.events = append(r.events, e)
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Len returns how many events there are: the place from which to wait for what
// comes next.
func (r *Recorder) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events)
}

// Events returns a copy of all events.
func (r *Recorder) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Event(nil), r.events...)
}

// next returns the first event from the given place on that matches, or a
// channel that tells when there are more.
func (r *Recorder) next(from int, match func(Event) bool) (int, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := from; i < len(r.events); i++ {
		if match(r.events[i]) {
			return i, nil
		}
	}
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return len(r.events), r.changed
}

// Await returns the first event from the given place on that matches, and the
// place after it. It fails the test if none comes.
func (r *Recorder) Await(tb testing.TB, what string, from int, match func(Event) bool) (Event, int) {
	tb.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		i, more := r.next(from, match)
		if more == nil {
			return r.Events()[i], i + 1
		}
		select {
		case <-more:
			from = i
		case <-limit.C:
			tb.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}

func (r *Recorder) brokenRules() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.broken...)
}
