package bank

import (
	"context"
	"errors"
	"fmt"

	"lockerd/daemon/locker"
)

// Staged is a generation of a set that lies ready in the store.
type Staged interface {
	// Finish makes it the current one, in one commit with c.
	Finish(info locker.SetInfo, c *locker.Commit) (first uint64, err error)
}

// Snapshot is a whole set of codes, staged and verified.
type Snapshot struct {
	Set       string
	Epoch, To int64
	Answers   bool        // it came for a nonce of the bank's
	At        locker.Time // when the backend has signed it; zero: it does not say
	Records   int
	Claims    []Claim
	Load      Staged
}

// Older tells whether the bank has no use for a snapshot (contract 6.5).
func (s *Snapshot) Older(now locker.SetInfo) bool {
	if s.Epoch != now.Epoch {
		return s.Epoch < now.Epoch
	}
	return s.To < now.Version || s.To == now.Version && !s.Answers
}

func (s *Snapshot) refuse(r locker.Reason, op, id, why string) *Refusal {
	return &Refusal{Topic: topicCodes, Reason: r, Set: s.Set, Op: op, ID: id, Why: why}
}

// Most returns how many records a set may hold.
func (b *Bank) Most(ctx context.Context, set string) (most int, err error) {
	err = b.call(ctx, func() { most = b.most(set) })
	return most, err
}

func (b *Bank) most(set string) int {
	switch r := b.rule(set); {
	case r.MaxCodes > 0:
		return min(maxRecords, r.MaxCodes)
	case set == locker.SetOperator:
		return maxRecords
	}
	return maxUnruled
}

// Switch makes a staged snapshot the bank's set, in one commit. Which claims
// live is looked up before, on the caller's goroutine; the bank's looks again
// only at what was used meanwhile.
func (b *Bank) Switch(ctx context.Context, s *Snapshot) (Verdict, error) {
	if err := b.call(ctx, func() { b.fresh = map[locker.CodeKey]bool{} }); err != nil {
		return Verdict{}, err
	}
	marks, err := b.marksOf(s.Claims)
	if err != nil {
		return Verdict{}, err
	}
	return b.judged(ctx, func(t *tx) Verdict {
		fresh := b.fresh
		b.fresh = nil
		if s.Older(b.store.Set(s.Set)) {
			return Verdict{Refused: s.refuse(refusedStale, "", "", "")}
		}
		if most := b.most(s.Set); s.Records > most {
			return Verdict{Refused: s.refuse(refusedQuota, "", "", fmt.Sprintf("the set would hold %d records, %d are allowed", s.Records, most))}
		}
		if err := b.switchSet(t, s, marks, fresh); err != nil {
			if r, ok := errors.AsType[*refusedError](err); ok {
				return Verdict{Refused: r.r}
			}
			t.fault("a code's mark is damaged", err)
			return Verdict{Ask: true, Whole: true}
		}
		return Verdict{}
	})
}

// marksOf reads the marks of codes that have any.
func (b *Bank) marksOf(list []Claim) (map[locker.CodeKey]locker.Mark, error) {
	marks := map[locker.CodeKey]locker.Mark{}
	for i := range list {
		m, ok, err := b.store.Mark(list[i].Code)
		if err != nil {
			return nil, fmt.Errorf("cannot read the mark of a code: %w", err)
		}
		if ok {
			marks[list[i].Code] = m
		}
	}
	return marks, nil
}

type refusedError struct{ r *Refusal }

func (e *refusedError) Error() string { return "refused: " + string(e.r.Reason) }

// switchSet puts the switch into a step: claims of the old generation are
// replaced by those of the new one (contract 5.2).
func (b *Bank) switchSet(t *tx, s *Snapshot, marks map[locker.CodeKey]locker.Mark, fresh map[locker.CodeKey]bool) error {
	cl := b.keepClaims(s.Set, func(k locker.CodeKey) bool { return k.Set == s.Set })
	for i := range s.Claims {
		c := s.Claims[i]
		m := marks[c.Code]
		if fresh[c.Code] {
			var err error
			if m, _, err = b.store.Mark(c.Code); err != nil {
				return err
			}
		}
		cl.add(c, m, t.at)
	}
	if door, id, over := cl.over(); over {
		return &refusedError{s.refuse(refusedQuota, "put", id, fmt.Sprintf("more than %d live codes would name door %s", maxNamed, door))}
	}
	was := b.store.Set(s.Set)
	t.flip, t.info = s.Load, locker.SetInfo{Epoch: s.Epoch, Version: s.To, Confirmed: confirmed(was.Confirmed, s.At, t.at)}
	e := locker.Event{Type: locker.EvCodesApplied, Set: s.Set, Epoch: s.Epoch, To: locker.Number(s.To), Version: locker.Number(s.To)}
	if was.Epoch == s.Epoch {
		e.From = locker.Number(was.Version)
	}
	t.add(e)
	cl.settle(t)
	return nil
}
