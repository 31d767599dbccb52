package store

import (
	"context"
	"time"

	"lockerd/daemon/locker"
	"lockerd/store/journal"
)

// Acked tells that the backend has all events up to seq, since bank time at.
// They may go when their space is needed, and go when they are older than
// KeepAcked.
func (s *Store) Acked(seq uint64, _ time.Time) {
	s.mu.Lock()
	s.acked = max(s.acked, min(seq, s.j.Next()-1))
	s.mu.Unlock()
	s.nudge()
}

func (s *Store) policy() journal.Policy {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return journal.Policy{
		Bytes:  s.o.JournalBytes,
		Acked:  s.acked,
		Before: locker.TimeOf(s.o.Now().Add(-s.o.KeepAcked)),
	}
}

// prune keeps the journal within its bound. What a segment made of the state
// goes only when a checkpoint has it.
func (s *Store) prune() error {
	s.pruning.Lock()
	defer s.pruning.Unlock()
	p := s.policy()
	if !s.j.Due(p) {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	var err error
	if p.Covered, err = s.checkpoint(); err != nil {
		return err
	}
	return s.j.Prune(p)
}

// Verify walks the hash chain over all stored events.
func (s *Store) Verify(ctx context.Context) (journal.VerifyResult, error) { return s.j.Verify(ctx) }
