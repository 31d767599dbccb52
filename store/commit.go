package store

import (
	"context"
	"encoding/json"
	"fmt"

	"lockerd/daemon/locker"
)

// Commit makes one step of the bank durable with one sync. It gives the events
// their seq and hash and returns the seq of the first (of the next event, if
// there is none). Any error is final: no later Commit succeeds.
func (s *Store) Commit(c *locker.Commit) (first uint64, err error) {
	return s.commit(&state{Commit: c})
}

// CommitSets is Commit with a change of how far sets of codes are: epoch,
// version and time of confirmation are taken from sets, count and digest follow
// from the records.
func (s *Store) CommitSets(c *locker.Commit, sets map[string]locker.SetInfo) (first uint64, err error) {
	return s.commit(&state{Commit: c, Sets: sets})
}

func (s *Store) commit(st *state) (uint64, error) {
	s.committing.Lock()
	defer s.committing.Unlock()
	if err := s.failure(); err != nil {
		return 0, fmt.Errorf("cannot commit, the store has failed before: %w", err)
	}
	first, err := s.commitOne(st)
	if err != nil {
		s.fail(err)
	}
	return first, err
}

// Rehearse does of a Commit all that leaves no trace, so that a Commit that
// follows at once finds code and tables in the processor's caches. It does
// nothing while another commit is under way.
func (s *Store) Rehearse(c *locker.Commit) {
	if !s.committing.TryLock() {
		return
	}
	defer s.committing.Unlock()
	if b, err := encodeState(&state{Commit: c}); err == nil {
		s.j.Rehearse(c.Events, b)
	}
}

// stateRoom is what the state of an opening commonly takes.
const stateRoom = 768

func (s *Store) commitOne(st *state) (uint64, error) {
	b, err := encodeState(st)
	if err != nil {
		return 0, fmt.Errorf("cannot encode a commit: %w", err)
	}
	if err := s.makeRoom(); err != nil {
		return 0, err
	}
	if err := s.beforeAppend(st, len(b)); err != nil {
		return 0, err
	}
	index, first, err := s.j.Append(st.Events, b)
	if err != nil {
		return 0, err
	}
	if st.Commit != nil && st.Durable != nil {
		st.Durable()
	}
	s.mu.Lock()
	err = s.absorbNew(index, st, len(b))
	if len(st.Events) > 0 {
		close(s.grown)
		s.grown = make(chan struct{})
	}
	s.mu.Unlock()
	s.commits.Add(1)
	s.hush.end()
	s.nudge()
	return first, err
}

// encodeState writes the state part of a record: by hand what an opening has,
// by encoding/json what is rare.
func encodeState(st *state) ([]byte, error) {
	if st.Commit != nil && st.Sets == nil && st.Flip == nil && !st.Stop {
		return st.AppendJSON(make([]byte, 0, stateRoom))
	}
	return json.Marshal(st)
}

// makeRoom bounds the overlay: past four times the applier's bound a commit
// waits for it.
func (s *Store) makeRoom() error {
	s.mu.RLock()
	over := s.ls[0].commits >= 4*maxPendingCommits || s.ls[0].bytes >= 4*maxPendingBytes
	s.mu.RUnlock()
	if !over {
		return nil
	}
	return s.flush()
}

// fail makes an error final.
func (s *Store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}

func (s *Store) failure() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.failed
}

// Wait returns when an event with a seq of at least next exists.
func (s *Store) Wait(ctx context.Context, next uint64) error {
	for {
		s.mu.RLock()
		grown := s.grown
		s.mu.RUnlock()
		if s.Next() > next {
			return nil
		}
		select {
		case <-grown:
		case <-s.stop:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
