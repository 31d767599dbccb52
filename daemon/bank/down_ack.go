package bank

import (
	"context"
	"fmt"
	"time"

	"lockerd/daemon/locker"
)

// Acknowledged takes a signed acknowledgement of events (contract 6.4): they may
// go when their space is needed, or are older than keep_acked. How far it is
// goes to disk with the next commit, hourly, and at a stop: an acknowledgement
// never costs a sync of its own, and one that is lost costs events sent twice.
func (b *Bank) Acknowledged(ctx context.Context, upto uint64, at locker.Time) (v Verdict, err error) {
	return b.judged(ctx, func(*tx) Verdict {
		switch next := b.store.Next(); {
		case upto >= next:
			why := fmt.Sprintf("upto %d, the next event is %d", upto, next)
			return Verdict{Refused: &Refusal{Topic: topicAck, Reason: refusedMalformed, Why: why}}
		case upto < b.acked:
			return Verdict{Ignored: true} // an old one, delivered late: its time is old, too
		}
		b.acked, b.ackedAt = upto, at
		b.store.Acked(upto, at.Time())
		return Verdict{}
	})
}

// Acked returns the last event that the backend has, and its word for when.
func (b *Bank) Acked(ctx context.Context) (upto uint64, at locker.Time, err error) {
	err = b.call(ctx, func() { upto, at = b.acked, b.ackedAt })
	return upto, at, err
}

// noteAck has a step take the latest acknowledgement along.
func (b *Bank) noteAck(t *tx) {
	if b.acked == b.ackedSaved {
		return
	}
	t.value(locker.ValueAcked, decimal(int64(b.acked))) //nolint:gosec // a seq: far from the end of int64
	b.ackedSaved, b.ackedSent = b.acked, b.now()
}

// ackDue tells whether an acknowledgement has waited for a commit long enough.
func (b *Bank) ackDue(now time.Duration) bool {
	return b.acked != b.ackedSaved && now-b.ackedSent >= floorEvery
}

// lastAck saves what no commit has taken along, at a stop.
func (b *Bank) lastAck() {
	t := b.begin()
	b.noteAck(t)
	t.commit()
}

// noteMarks remembers which codes were marked while a switch is prepared.
func (b *Bank) noteMarks(t *tx) {
	if b.fresh == nil {
		return
	}
	for _, m := range t.c.Marks {
		b.fresh[m.Code] = true
	}
	for _, c := range t.c.Codes {
		if c.Revoke != "" {
			b.fresh[locker.CodeKey{Set: c.Set, ID: c.Revoke}] = true
		}
	}
}
