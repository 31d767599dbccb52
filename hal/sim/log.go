package sim

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"lockerd/hal"
)

// maxEntries bounds a log; beyond it the older half is forgotten, its counts
// are kept.
const maxEntries = 1 << 16

// What says what happened.
type What uint8

// What can happen.
const (
	Pulse     What = iota + 1 // a coil was energised, also when it already was
	Released                  // a coil was let go
	Opened                    // a door stands open
	Shut                      // a door was shut
	Burn                      // a coil was on for longer than MaxOn: hardware would be dead
	Unplugged                 // the port vanished
	Plugged                   // the port came
)

// String returns the name of what happened.
func (w What) String() string {
	names := [...]string{"nothing", "pulse", "released", "opened", "shut", "burn", "unplugged", "plugged"}
	if int(w) < len(names) {
		return names[w]
	}
	return "invalid"
}

// Entry is one line of a log.
type Entry struct {
	Seq    int // from 1, without holes
	At     time.Time
	What   What
	Lock   hal.Lock      // the coil's or the door's place; zero for the port
	Length time.Duration // of a pulse; 0: held until Released
	Heard  int           // requests that had come on the line by then
}

type logKey struct {
	what What
	lock hal.Lock
}

// Log is what happened on a line, in order. The zero value is ready.
type Log struct {
	mu        sync.Mutex
	entries   []Entry
	seq       int
	heard     int
	forgotten map[logKey]int
	changed   chan struct{} // closed at the next entry; nil while nobody waits
}

func (l *Log) add(what What, lock hal.Lock, length time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= maxEntries {
		l.forget(maxEntries / 2)
	}
	l.seq++
	l.entries = append(l.entries, Entry{Seq: l.seq, At: time.Now(), What: what, Lock: lock, Length: length, Heard: l.heard})
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// hear counts a request that has come whole, for whatever board.
func (l *Log) hear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard++
}

// Heard returns how many requests have come, for whatever board.
func (l *Log) Heard() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

func (l *Log) forget(n int) {
	if l.forgotten == nil {
		l.forgotten = map[logKey]int{}
	}
	for _, e := range l.entries[:n] {
		l.forgotten[logKey{e.What, e.Lock}]++
	}
	l.entries = slices.Clone(l.entries[n:])
}

// Entries returns a copy of what is kept, oldest first.
func (l *Log) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// All returns the kept entries of one sort.
func (l *Log) All(what What) []Entry {
	return slices.DeleteFunc(l.Entries(), func(e Entry) bool { return e.What != what })
}

// Pulses returns the kept pulses of all coils, oldest first.
func (l *Log) Pulses() []Entry { return l.All(Pulse) }

// Count returns how often something happened at one place since the start.
func (l *Log) Count(what What, lock hal.Lock) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.forgotten[logKey{what, lock}]
	for _, e := range l.entries {
		if e.What == what && e.Lock == lock {
			n++
		}
	}
	return n
}

// WaitPulse waits for the first pulse of a lock.
func (l *Log) WaitPulse(ctx context.Context, lock hal.Lock) (Entry, error) {
	return l.Wait(ctx, Pulse, lock, 1)
}

// Wait returns the n-th entry of its sort at one place, counted from 1 since
// the start, as soon as it is there.
func (l *Log) Wait(ctx context.Context, what What, lock hal.Lock, n int) (Entry, error) {
	for {
		e, ok, changed := l.nth(what, lock, n)
		if ok {
			return e, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Entry{}, fmt.Errorf("cannot see %s number %d of %+v: %w", what, n, lock, ctx.Err())
		}
	}
}

func (l *Log) nth(what What, lock hal.Lock, n int) (Entry, bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n -= l.forgotten[logKey{what, lock}]
	for _, e := range l.entries {
		if e.What == what && e.Lock == lock {
			n--
			if n <= 0 {
				return e, true, nil
			}
		}
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return Entry{}, false, l.changed
}

// Overlap returns how many coils were on at one time at most. On-times that
// meet for no longer than slack don't count: the clock of a board and that of
// its host never agree to the millisecond.
func (l *Log) Overlap(slack time.Duration) int {
	spans := l.spans()
	most := 0
	for _, a := range spans {
		n := 0
		for _, b := range spans {
			if !b.from.After(a.from) && b.to.Sub(a.from) > slack {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

type span struct{ from, to time.Time }

// spans returns the on-times of all coils, those still held lasting until now.
func (l *Log) spans() []span {
	var out []span
	held := map[hal.Lock]int{}
	for _, e := range l.Entries() {
		if i, ok := held[e.Lock]; ok && e.What == Released {
			out[i].to = e.At
			delete(held, e.Lock)
		}
		if e.What != Pulse {
			continue
		}
		if e.Length == 0 {
			held[e.Lock] = len(out)
		}
		out = append(out, span{e.At, e.At.Add(e.Length)})
	}
	for _, i := range held {
		out[i].to = time.Now()
	}
	return out
}
