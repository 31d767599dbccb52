package bank

import (
	"context"
	"errors"
	"fmt"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
)

const (
	replayBatch  = 512 // events read at one time
	replayAgains = 3   // so often it begins anew because events it wanted were pruned meanwhile
)

// Verify walks the whole journal: its chain of hashes first, then whether replaying
// the events gives what the bank holds.
func (b *Bank) Verify(ctx context.Context) (VerifyResult, error) {
	r, err := b.cfg.Verify(ctx)
	if err != nil || !r.OK {
		return r, err
	}
	v, err := b.replay(ctx)
	if err != nil {
		return r, err
	}
	r.Replay, r.OK = &v, v.OK
	if !v.OK {
		r.Text = v.Text
	}
	return r, nil
}

// errPruned: events went while they were read.
var errPruned = errors.New("the journal's begin moved")

func (b *Bank) replay(ctx context.Context) (ledger.Verdict, error) {
	for range replayAgains {
		v, err := b.replayOnce(ctx)
		if !errors.Is(err, errPruned) {
			return v, err
		}
	}
	return ledger.Verdict{}, &Error{
		Code: "unavailable", Text: "cannot replay the journal: its oldest events go faster than they can be read",
		Cure: "try again when less is going on",
	}
}

// replayOnce takes the bank's state and its last event in one step, then reads up to
// that event; the bank goes on meanwhile.
func (b *Bank) replayOnce(ctx context.Context) (ledger.Verdict, error) {
	var state *ledger.State
	var next uint64
	if err := b.call(ctx, func() { state, next = b.holds(), b.store.Next() }); err != nil {
		return ledger.Verdict{}, err
	}
	l := ledger.New()
	for at := b.store.First(); at < next && ctx.Err() == nil; at = l.Last() + 1 {
		lines, err := b.store.Events(at, min(replayBatch, int(next-at)))
		switch {
		case err != nil:
			return ledger.Verdict{}, err
		case b.store.First() > at:
			return ledger.Verdict{}, errPruned
		case len(lines) == 0:
			return ledger.Verdict{}, fmt.Errorf("cannot replay the journal: event %d is not there", at)
		}
		for _, line := range lines {
			if err := l.Line(line); err != nil {
				return ledger.Verdict{}, err
			}
		}
	}
	return l.Compare(state), ctx.Err()
}

// holds is the bank's state as a replay must give it.
func (b *Bank) holds() *ledger.State {
	s := &ledger.State{Counts: map[ledger.Key]int{}}
	for _, d := range b.slots {
		_, counts := d.counted() // else a code keeps it back, if it is ready
		s.Doors = append(s.Doors, ledger.DoorState{ID: d.spec.ID, Item: d.rec.Item, Since: d.rec.Since, Out: d.rec.Out, Named: !counts})
	}
	for k, n := range b.stock {
		s.Counts[ledger.Key{Tenant: k.tenant, SKU: k.sku}] = n
	}
	return s
}

// carried journals what a new journal begins with: the bank has kept it from the
// one that was lost, and no event tells how it came.
func (b *Bank) carried(t *tx) {
	if b.store.Next() > 1 {
		return
	}
	for _, d := range b.slots {
		if it := d.rec.Item; it != nil {
			e := itemEvent(locker.EvItemUncertain, d, it)
			e.Op = ledger.OpCarried
			if !d.rec.Since.IsZero() {
				e.From = locker.Text(d.rec.Since.String())
			}
			t.add(e)
		}
		if len(d.rec.Out) > 0 {
			t.add(locker.Event{Type: locker.EvDoorOut, Door: d.spec.ID, Cause: causes(d.rec.Out), Op: ledger.OpCarried})
		}
	}
}
