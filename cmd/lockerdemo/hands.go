package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal/sim"
)

// hands put things in: at a door that takes something in they scan its label, some
// moment after the door has opened, and somebody shuts it then (hardware). Whoever
// plays may scan a label instead, or tell them to leave labels out.
type hands struct {
	scanner *sim.Scanner
	feed    *feed
	after   time.Duration

	mu     sync.Mutex
	out    bool // labels are left out
	typed  int  // labels that were scanned by whoever plays
	serial int
	// handedIn are swaps under way whose first door was shut: the next gives.
	handedIn map[string]bool
}

func newHands(s *sim.Scanner, f *feed, after time.Duration) *hands {
	return &hands{scanner: s, feed: f, after: after, handedIn: map[string]bool{}}
}

// follow watches the doors until ctx ends.
func (h *hands) follow(ctx context.Context) {
	seq := uint64(0)
	for {
		e, err := h.feed.wait(ctx, seq, func(*locker.Event) bool { return true })
		if err != nil {
			return
		}
		seq = e.Seq
		if label := h.labelFor(&e); label != "" {
			h.put(ctx, label)
		}
	}
}

// labelFor returns the label of what is put behind a door that has just opened.
func (h *hands) labelFor(e *locker.Event) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e.Type {
	case locker.EvItemReturned:
		h.handedIn[e.Visit] = true
	case locker.EvVisitEnded:
		delete(h.handedIn, e.Visit)
	case locker.EvDoorOpened:
		if h.out || h.handedIn[e.Visit] {
			return ""
		}
		switch e.Kind {
		case locker.Deliver:
			h.serial++
			return fmt.Sprintf("NEW-%04d", h.serial)
		case locker.Return, locker.Swap:
			h.serial++
			return fmt.Sprintf("OLD-%04d", h.serial)
		case locker.Collect, locker.Clear, locker.Service:
		}
	}
	return ""
}

// put scans a label, unless whoever plays has scanned one meanwhile.
func (h *hands) put(ctx context.Context, label string) {
	before := h.labels()
	timer := time.NewTimer(h.after)
	defer timer.Stop()
	select {
	case <-timer.C:
		if h.labels() == before {
			_ = h.scanner.Scan(label) // unplugged: then nothing is read
		}
	case <-ctx.Done():
	}
}

func (h *hands) labels() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.typed
}

// read notes that whoever plays has scanned a label.
func (h *hands) read() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.typed++
}

// leaveOut has labels left out from now on, or scanned again.
func (h *hands) leaveOut(out bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out = out
}
