package daemon

import (
	"context"

	"lockerd/daemon/bank"
)

// eventsAtOnce bounds one look into the journal.
const eventsAtOnce = 500

type eventReader interface {
	Events(ctx context.Context, from uint64, most int) ([][]byte, error)
}

// follower reads what the journal has got since its last look. It belongs to one
// goroutine.
type follower struct {
	latest uint64 // how many of those that are there already are read at first
	next   uint64 // event; 0: nothing was read yet
}

// read gives each event to add, which returns its number.
func (f *follower) read(ctx context.Context, b eventReader, j bank.JournalStatus, add func(line []byte) (seq uint64, err error)) error {
	if f.next == 0 {
		f.next = max(j.Next-min(f.latest, j.Next), 1)
	}
	f.next = max(f.next, j.First)
	for f.next < j.Next {
		lines, err := b.Events(ctx, f.next, eventsAtOnce)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			return nil
		}
		for _, line := range lines {
			seq, err := add(line)
			if err != nil {
				return err // the journal checks what it gives: this is no event of ours
			}
			f.next = max(f.next, seq) + 1 // a gap stands for several
		}
	}
	return nil
}
