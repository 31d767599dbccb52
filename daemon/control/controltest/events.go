package controltest

import (
	"context"
	"encoding/json"
	"fmt"

	"lockerd/daemon/locker"
)

// Events implements control.Bank.
func (b *Bank) Events(_ context.Context, from uint64, most int) ([][]byte, error) {
	if err := b.Fail["Events"]; err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	from = max(from, 1)
	if from > uint64(len(b.events)) {
		return nil, nil
	}
	list := b.events[from-1:]
	return list[:min(len(list), most)], nil
}

// Wait implements control.Bank.
func (b *Bank) Wait(ctx context.Context, next uint64) error {
	for {
		b.mu.Lock()
		have, more := uint64(len(b.events)), b.more
		b.mu.Unlock()
		if have >= next {
			return b.Fail["Wait"]
		}
		if b.OnWait != nil {
			b.OnWait()
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Replace makes these the whole journal.
func (b *Bank) Replace(events []locker.Event) {
	b.mu.Lock()
	b.events = nil
	b.mu.Unlock()
	for _, e := range events {
		b.Stored(e)
	}
}

// Stored appends one event as it is, but for its seq and hash.
func (b *Bank) Stored(e locker.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Seq, e.Hash = uint64(len(b.events))+1, "00ff"
	line, err := json.Marshal(e)
	if err != nil {
		panic(fmt.Sprintf("controltest: an event that is none: %v", err))
	}
	b.events = append(b.events, line)
	close(b.more)
	b.more = make(chan struct{})
}
