package store

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Bounds of the work in the background.
const (
	sweepSlice = 2000                  // records of a dead generation deleted in one transaction
	scrubSlice = 1000                  // records read at once by the scrub
	scrubAfter = 30 * time.Second      // from Open to the scrub: the start comes first
	scrubPause = 20 * time.Millisecond // between two slices
)

// sweep deletes the generations that no set refers to any more: those of sets
// loaded anew, and of loads that a restart cut short. It stops when the store
// is closed and goes on after the next start.
func (s *Store) sweep() error {
	names, err := s.deadBuckets()
	if err != nil {
		return err
	}
	for _, name := range names {
		for more := true; more; {
			select {
			case <-s.stop:
				return nil
			default:
			}
			if more, err = s.sweepSlice(name); err != nil {
				return fmt.Errorf("cannot delete an old generation of codes: %w", s.suspect(err))
			}
		}
	}
	return nil
}

func (s *Store) deadBuckets() (dead []string, err error) {
	s.mu.RLock()
	live := map[string]bool{}
	for name, set := range s.sets {
		live[genID{name, set.Gen}.suffix()] = true
	}
	for g := range s.staged {
		live[g.suffix()] = true
	}
	s.mu.RUnlock()
	err = guard("state.db", func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
				suffix, ok := genSuffix(string(name))
				if ok && !live[suffix] && !referenced(tx, suffix) {
					dead = append(dead, string(name))
				}
				return nil
			})
		})
	})
	return dead, s.suspect(err)
}

// referenced tells whether state.db itself still points at a generation: until
// the flip is in it, a crash would need the old one.
func referenced(tx *bbolt.Tx, suffix string) bool {
	set, _, _ := strings.Cut(suffix, "\x00")
	p, err := getSealed(tx, bucketSets, []byte(set))
	if err != nil {
		return true
	}
	var st setState
	if p != nil && decodeJSON(p, &st) != nil {
		return true
	}
	return p != nil && genID{set, st.Gen}.suffix() == suffix
}

// genSuffix returns the part of a bucket's name that names its generation.
func genSuffix(bucket string) (string, bool) {
	for _, prefix := range []string{prefixCodes, prefixIDs} {
		if s, ok := strings.CutPrefix(bucket, prefix); ok {
			_, n, _ := strings.Cut(s, "\x00")
			_, err := strconv.ParseUint(n, 10, 64)
			return s, err == nil
		}
	}
	return "", false
}

// sweepSlice deletes some records of a bucket, and the bucket after the last.
func (s *Store) sweepSlice(name string) (more bool, err error) {
	s.hush.wait(s.stop)
	err = guard("an old generation of codes", func() error {
		return s.db.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(name))
			if b == nil {
				return nil
			}
			var keys [][]byte
			c := b.Cursor()
			for k, _ := c.First(); k != nil && len(keys) < sweepSlice; k, _ = c.Next() {
				keys = append(keys, append([]byte(nil), k...))
			}
			if more = len(keys) == sweepSlice; !more {
				return tx.DeleteBucket([]byte(name))
			}
			for _, k := range keys {
				if err := b.Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
	})
	return more, err
}

// scrub reads every code once after a start, slowly: what CheckFile has no time
// for. A damaged record marks state.db for rebuilding.
func (s *Store) scrub() {
	if !s.pause(scrubAfter) {
		return
	}
	var names []string
	err := s.read("the names of the code buckets", func(r *reader) error {
		return r.tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if _, ok := genSuffix(string(name)); ok {
				names = append(names, string(name))
			}
			return nil
		})
	})
	for _, name := range names {
		var from []byte
		for err == nil {
			if from, err = s.scrubSlice(name, from); from == nil || !s.pause(scrubPause) {
				break
			}
		}
	}
	if err != nil {
		s.o.Log.Error("the scrub has found damage", slog.String("error", err.Error()))
	}
}

// pause waits, and returns false if the store is closed meanwhile.
func (s *Store) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.stop:
		return false
	}
}

// scrubSlice checks some records from a key on and returns where to go on, nil
// after the last.
func (s *Store) scrubSlice(name string, from []byte) (next []byte, err error) {
	err = s.read("the codes", func(r *reader) error {
		b := r.tx.Bucket([]byte(name))
		if b == nil {
			return nil
		}
		c := b.Cursor()
		n := 0
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			if n++; n > scrubSlice {
				next = append([]byte(nil), k...)
				return nil
			}
			if _, err := unseal(k, v); err != nil {
				return fmt.Errorf("cannot read key %x of %q: %w", k, name, err)
			}
		}
		return nil
	})
	return next, err
}
