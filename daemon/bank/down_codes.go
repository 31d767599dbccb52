package bank

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"lockerd/daemon/locker"
)

// Bounds of a set of codes.
const (
	maxRecords = 5_000_000 // whatever the quota
	// maxUnruled are the records of a tenant that no desired document bounds: five
	// times what a backend is likely to keep, and a fifth of what state.db holds.
	maxUnruled = 1_000_000
	// maxMarks are the ids of a tenant's set that are used or revoked, with a record
	// or without. A mark is for ever (contract 5.1), so they have a bound of their own.
	maxMarks = 1_000_000
)

// confirmEvery is how often a confirmation is written: who repeats one that tells no
// time shall not wear out the card.
const confirmEvery = time.Second

// Delta is a change of one set of codes from one version to another (contract
// 6.5). Without ops and with From = To it confirms that the set is up to date.
type Delta struct {
	Set      string
	Epoch    int64
	From, To int64
	Ops      []locker.CodeChange
	Digest   *locker.Digest // of the set after the ops
	At       locker.Time    // when the backend has signed it; zero: it does not say
}

// ApplyDelta applies a delta whole or not at all. It is planned by the caller's
// goroutine, which must be the only one that changes sets of codes; the bank's
// own commits it.
func (b *Bank) ApplyDelta(ctx context.Context, d *Delta) (Verdict, error) {
	if v, ok := b.orderOf(d); !ok {
		return b.judged(ctx, func(*tx) Verdict { return v })
	}
	p := &codePlan{store: b.store, set: d.Set, info: b.store.Set(d.Set), records: b.store.Records(d.Set)}
	refused, err := p.plan(d)
	if err == nil && refused == nil {
		refused, err = b.overMarked(d, p.revoked)
	}
	if err != nil {
		return Verdict{}, fmt.Errorf("cannot read the codes of set %q: %w", d.Set, err)
	}
	v, err := b.judged(ctx, func(t *tx) Verdict {
		switch {
		case refused != nil:
			return Verdict{Refused: refused}
		case p.info.Digest != *d.Digest:
			return Verdict{Refused: d.refuse(refusedMalformed, "", "", whyDigest), Ask: true}
		}
		return b.commitDelta(t, d, p)
	})
	if _, counted := b.marked[d.Set]; counted && err == nil && v == (Verdict{}) {
		b.marked[d.Set] += p.revoked
	}
	if now := b.store.Set(d.Set); err == nil && v == (Verdict{}) && now.Digest != *d.Digest {
		b.log.Error("a set of codes is not what its delta made of it", slog.String("set", d.Set))
		v.Ask, v.Whole = true, true
	}
	return v, err
}

// overMarked refuses a tenant's delta that would revoke more ids than may ever be. How
// many are marked is counted once, when a set first revokes: that takes a look at each.
func (b *Bank) overMarked(d *Delta, revoked int) (*Refusal, error) {
	if revoked == 0 || d.Set == locker.SetOperator {
		return nil, nil
	}
	n, counted := b.marked[d.Set]
	if !counted {
		var err error
		if n, err = b.store.Marks(d.Set); err != nil {
			return nil, err
		}
		b.marked[d.Set] = n
	}
	if n+revoked > maxMarks {
		return d.refuse(refusedQuota, "", "", fmt.Sprintf("%d ids of the set would be revoked or used, %d may be", n+revoked, maxMarks)), nil
	}
	return nil, nil
}

// orderOf tells whether a delta follows on what the bank has, and if not, what
// is due.
func (b *Bank) orderOf(d *Delta) (Verdict, bool) {
	malformed := func(why string) (Verdict, bool) {
		return Verdict{Refused: d.refuse(refusedMalformed, "", "", why)}, false
	}
	now := b.store.Set(d.Set)
	switch {
	case d.Set == locker.SetLocal || d.Set == "":
		return malformed("no such set")
	case d.Epoch <= 0 || d.From < 0 || d.To < d.From:
		return malformed("epoch, from or to is out of order")
	case d.From == d.To && len(d.Ops) > 0:
		return malformed("ops between equal versions")
	case d.Epoch == now.Epoch && d.From == now.Version && d.Digest == nil:
		return malformed(whyDigest)
	case d.Epoch == now.Epoch && d.From == now.Version:
		return Verdict{}, true
	case d.Epoch < now.Epoch, d.Epoch == now.Epoch && d.To <= now.Version && d.From < d.To:
		v, _ := malformed("")
		v.Refused.Reason, v.Ask = refusedReplayed, true
		v.Refused.Why = fmt.Sprintf("epoch %d, version %d is here already", now.Epoch, now.Version)
		return v, false
	}
	return Verdict{Ask: true}, false
}

func (d *Delta) refuse(r locker.Reason, op, id, why string) *Refusal {
	return &Refusal{Topic: topicCodes, Reason: r, Set: d.Set, Op: op, ID: id, Why: why}
}

// commitDelta puts the planned changes and what they do to the doors into a step.
func (b *Bank) commitDelta(t *tx, d *Delta, p *codePlan) Verdict {
	if most := b.most(d.Set); p.records > most && p.records > b.store.Records(d.Set) {
		return Verdict{Refused: d.refuse(refusedQuota, "", "", fmt.Sprintf("the set would hold %d records, %d are allowed", p.records, most))}
	}
	cl, err := b.claimsOf(t, d.Set, p)
	if err != nil {
		t.fault("a code's mark is damaged", err)
		return Verdict{Ask: true, Whole: true}
	}
	if door, id, over := cl.over(); over {
		return Verdict{Refused: d.refuse(refusedQuota, "put", id, fmt.Sprintf("more than %d live codes would name door %s", maxNamed, door))}
	}
	at := confirmed(p.info.Confirmed, d.At, t.at)
	if d.From == d.To && at.Sub(p.info.Confirmed) < confirmEvery {
		return Verdict{} // heard before, or too often: nothing to write
	}
	t.sets = map[string]locker.SetInfo{d.Set: {Epoch: d.Epoch, Version: d.To, Confirmed: at}}
	t.c.Codes = append(t.c.Codes, p.changes...)
	if d.From != d.To {
		e := locker.Event{
			Type: locker.EvCodesApplied, Set: d.Set, Epoch: d.Epoch,
			From: locker.Number(d.From), To: locker.Number(d.To), Version: locker.Number(d.To), Why: p.ignored(),
		}
		t.add(e)
	}
	cl.settle(t)
	return Verdict{}
}

// confirmed is as of when a set that was confirmed before is confirmed now: as of its
// signature, where that tells its time. What has come may have been kept, or heard
// before, by a broker that keeps revocations back.
func confirmed(was, signed, now locker.Time) locker.Time {
	if signed.IsZero() || signed > now {
		return now
	}
	return min(max(signed, was), now)
}

// rule returns what the desired document bounds a tenant to.
func (b *Bank) rule(tenant string) locker.TenantRule {
	for _, r := range b.desired.Doc.Tenants {
		if r.Tenant == tenant {
			return r
		}
	}
	return locker.TenantRule{}
}
