package controltest

import "context"

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
