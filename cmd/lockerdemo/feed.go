package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

// maxFeed bounds the events kept for the screen and for who waits; the older
// half is forgotten beyond it.
const maxFeed = 4096

// feed is the journal as the control socket tells it. Make it with newFeed.
type feed struct {
	mu      sync.Mutex
	events  []locker.Event
	changed chan struct{} // closed at the next event
}

func newFeed() *feed { return &feed{changed: make(chan struct{})} }

// follow takes events until ctx ends.
func (f *feed) follow(ctx context.Context, c *control.Client) error {
	return c.Events(ctx, 0, true, func(line []byte) error {
		var e locker.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("cannot read an event: %w", err)
		}
		f.add(e)
		return nil
	})
}

func (f *feed) add(e locker.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.events) >= maxFeed {
		f.events = append([]locker.Event(nil), f.events[maxFeed/2:]...)
	}
	f.events = append(f.events, e)
	close(f.changed)
	f.changed = make(chan struct{})
}

// after returns the events from a seq on and a channel that is closed at the
// next one.
func (f *feed) after(seq uint64) ([]locker.Event, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := len(f.events)
	for from > 0 && f.events[from-1].Seq > seq {
		from--
	}
	return append([]locker.Event(nil), f.events[from:]...), f.changed
}

// wait returns the first event behind seq that matches.
func (f *feed) wait(ctx context.Context, seq uint64, match func(*locker.Event) bool) (locker.Event, error) {
	for {
		list, changed := f.after(seq)
		for i := range list {
			seq = list[i].Seq
			if match(&list[i]) {
				return list[i], nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return locker.Event{}, ctx.Err()
		}
	}
}
