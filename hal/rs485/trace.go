package rs485

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"lockerd/hal"
)

const (
	traceFrames = 2048 // half a minute of the busiest line, 300 KiB
	traceBytes  = 80   // of one entry; the longest frame that we send has 73
	// joinGap is how close garbage must follow garbage to be one entry.
	joinGap = 20 * time.Millisecond
)

// entry is one frame as it is kept: making words of it is left to who asks.
type entry struct {
	at      time.Time
	kind    string
	n       int
	bytes   [traceBytes]byte
	states  []hal.State
	refused string
}

// trace is the ring of a bus's newest frames. Adding to it copies bytes and
// nothing else. A nil trace keeps nothing.
type trace struct {
	mu      sync.Mutex
	ring    []entry
	next    uint64        // seq of the frame to come
	changed chan struct{} // closed at the next frame; nil while nobody waits
}

func newTrace() *trace { return &trace{ring: make([]entry, traceFrames), next: 1} }

// add notes a frame, and with a reply what it said.
func (t *trace) add(at time.Time, kind string, p []byte, a Answer) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if kind == hal.FrameGarbage && t.join(at, p) {
		return
	}
	e := &t.ring[t.next%traceFrames]
	*e = entry{at: at, kind: kind, states: a.States, refused: a.Refused}
	e.n = copy(e.bytes[:], p)
	t.next++
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

// join adds garbage to that before it, which is seen byte by byte.
func (t *trace) join(at time.Time, p []byte) bool {
	e := &t.ring[(t.next-1)%traceFrames]
	if t.next == 1 || e.kind != hal.FrameGarbage || at.Sub(e.at) > joinGap || e.n+len(p) > traceBytes {
		return false
	}
	e.n += copy(e.bytes[e.n:], p)
	return true
}

// from returns copies of the entries from a seq on, and the first one's.
func (t *trace) from(seq uint64, most int) ([]entry, uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seq = max(seq, 1)
	if t.next > traceFrames {
		seq = max(seq, t.next-traceFrames)
	}
	var out []entry
	for s := seq; s < t.next && len(out) < most; s++ {
		out = append(out, t.ring[s%traceFrames])
	}
	return out, seq
}

// Trace implements hal.Tracer.
func (b *bus) Trace(from uint64, most int) []hal.Frame {
	entries, seq := b.trace.from(from, most)
	out := make([]hal.Frame, len(entries))
	for i, e := range entries {
		out[i] = hal.Frame{Seq: seq + uint64(i), At: e.at, Kind: e.kind, Bytes: e.bytes[:e.n], Text: b.words(&e)}
	}
	return out
}

// Traced implements hal.Tracer.
func (b *bus) Traced(ctx context.Context, next uint64) error {
	for {
		changed := b.trace.waiter(next)
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// waiter returns what is closed at the next frame; nil: the one waited for is
// there.
func (t *trace) waiter(next uint64) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next > next {
		return nil
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return t.changed
}

// words says what an entry means.
func (b *bus) words(e *entry) string {
	switch e.kind {
	case hal.FrameSilence:
		return fmt.Sprintf("no reply within %v", b.cfg.ReplyTimeout)
	case hal.FrameGarbage:
		return "no frame of the family: " + strconv.Itoa(e.n) + " bytes"
	}
	if e.states != nil { // of the board that the request before it named
		return openOnes(e.states)
	}
	text := b.codec.Words(e.bytes[:e.n])
	if e.refused != "" {
		text += ": refused, " + e.refused
	}
	return text
}

// openOnes lists the channels that are not closed.
func openOnes(states []hal.State) string {
	var open []string
	for i, s := range states {
		if s != hal.Closed {
			open = append(open, strconv.Itoa(i+1))
		}
	}
	if len(open) == 0 {
		return "all closed"
	}
	return "open " + strings.Join(open, " ")
}
