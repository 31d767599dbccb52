package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

// DefaultApplyDelay is how long the bank must be quiet before the overlay is
// brought into bbolt, where nothing is in a hurry.
const DefaultApplyDelay = 2 * time.Second

// nudge tells the applier that there is something to do.
func (s *Store) nudge() {
	select {
	case s.kick <- struct{}{}:
	default: // it knows already
	}
}

// applier brings the overlay into bbolt when the bank is quiet or the overlay
// full, and does the chores that wait for the same moment.
func (s *Store) applier() {
	timer := time.NewTimer(s.o.ApplyDelay)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-timer.C:
			s.chores()
		case <-s.kick:
			if !s.overlayFull() {
				timer.Reset(s.o.ApplyDelay)
				continue
			}
			s.chores()
		}
	}
}

func (s *Store) overlayFull() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ls[0].full()
}

func (s *Store) chores() {
	s.hush.wait(s.stop)
	err := s.flush()
	if err == nil {
		err = s.prune()
	}
	if err == nil {
		err = s.sweep()
	}
	if err != nil {
		s.fail(err)
		s.o.Log.Error("the store has failed", slog.String("error", err.Error()))
	}
}

// flush brings all commits so far into bbolt in one transaction, with the index
// of the last.
func (s *Store) flush() error {
	s.applying.Lock()
	defer s.applying.Unlock()
	s.mu.Lock()
	if s.ls[1] == nil && s.ls[0].commits > 0 {
		s.ls[0], s.ls[1] = newLayer(), s.ls[0]
		s.ls[0].index = s.ls[1].index
	}
	f := &flusher{l: s.ls[1], sets: maps.Clone(s.sets), nextGen: s.nextGen}
	s.mu.Unlock()
	if f.l == nil {
		return nil
	}
	err := guard("state.db while it is written", func() error { return s.db.Update(f.apply) })
	if err != nil {
		return fmt.Errorf("cannot bring commit %d into %q: %w", f.l.index, s.path, s.suspect(err))
	}
	s.mu.Lock()
	s.ls[1] = nil
	s.mu.Unlock()
	return nil
}

// flusher writes one layer. It reads the layer and bbolt, never what was
// committed since.
type flusher struct {
	l       *layer
	sets    map[string]setState // as they were when the layer was closed
	nextGen uint64
	*reader
	buf []byte
}

func (f *flusher) apply(tx *bbolt.Tx) error {
	f.reader = &reader{tx: tx, ls: layers{f.l}}
	if err := errors.Join(f.doors(), f.values()); err != nil {
		return err
	}
	for _, key := range slices.SortedFunc(maps.Keys(f.l.marks), compareKeys) {
		if err := f.mark(key, f.l.marks[key]); err != nil {
			return err
		}
	}
	for g, codes := range f.l.codes {
		if f.sets[g.Set].Gen == g.N {
			if err := f.codes(g, codes); err != nil {
				return err
			}
		}
	}
	for name, set := range f.l.sets {
		if err := putJSON(tx, bucketSets, []byte(name), set); err != nil {
			return err
		}
	}
	return errors.Join(putNumber(tx, metaApplied, f.l.index), putNumber(tx, metaNextGen, f.nextGen))
}

func compareKeys(a, b locker.CodeKey) int { return bytes.Compare(markKey(a), markKey(b)) }

func (f *flusher) doors() error {
	for _, id := range slices.SortedFunc(maps.Keys(f.l.doors), compareDoors) {
		if err := putSealed(f.tx, bucketDoors, []byte(id.String()), f.l.doors[id]); err != nil {
			return err
		}
	}
	return nil
}

func (f *flusher) values() error {
	for _, name := range slices.Sorted(maps.Keys(f.l.values)) {
		var err error
		if v := f.l.values[name]; v == nil {
			err = f.tx.Bucket([]byte(bucketValues)).Delete([]byte(name))
		} else {
			err = putSealed(f.tx, bucketValues, []byte(name), v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mark writes a mark where tickets have theirs too, and into the code's own
// record, so that a lost record fails closed.
func (f *flusher) mark(key locker.CodeKey, m locker.Mark) error {
	if m == (locker.Mark{}) {
		if err := f.tx.Bucket([]byte(bucketMarks)).Delete(markKey(key)); err != nil {
			return err
		}
	} else if err := putMark(f.tx, key, m); err != nil {
		return err
	}
	return f.markRecord(genID{key.Set, f.sets[key.Set].Gen}, key.ID, m)
}

// markRecord writes a mark into a stored record; one in the layer gets it when
// it is put.
func (f *flusher) markRecord(g genID, id string, m locker.Mark) error {
	if _, ok := f.ls.tag(g, id); ok {
		return nil
	}
	var e locker.Entry
	ok, err := f.byID(g, id, &e)
	if err != nil || !ok {
		return err
	}
	f.buf = appendCode(f.buf, &e.Code, &m)
	return f.tx.Bucket([]byte(g.codes())).Put(bytes.Clone(e.Code.Tag[:]), bytes.Clone(f.buf))
}

// codes writes the records of one generation in key order.
func (f *flusher) codes(g genID, codes map[locker.Tag]code) error {
	records, err := f.tx.CreateBucketIfNotExists([]byte(g.codes()))
	if err != nil {
		return err
	}
	ids, err := f.tx.CreateBucketIfNotExists([]byte(g.ids()))
	if err != nil {
		return err
	}
	for _, tag := range slices.SortedFunc(maps.Keys(codes), compareTags) {
		if err := f.code(g, records, ids, tag, codes[tag]); err != nil {
			return err
		}
	}
	return nil
}

func (f *flusher) code(g genID, records, ids *bbolt.Bucket, tag locker.Tag, c code) error {
	if c == nil {
		return f.uncode(records, ids, tag)
	}
	m, _, err := f.reader.mark(locker.CodeKey{Set: g.Set, ID: c.ID})
	if err != nil {
		return err
	}
	if err := f.uncode(records, ids, tag); err != nil {
		return err
	}
	f.buf = appendCode(f.buf, c, &m)
	if err := records.Put(bytes.Clone(tag[:]), bytes.Clone(f.buf)); err != nil {
		return err
	}
	key := singleKey(hashID(c.ID), tag)
	return ids.Put(key, seal(key, make([]byte, sumSize)))
}

// uncode removes a record and its own key in the index, if it has one.
func (f *flusher) uncode(records, ids *bbolt.Bucket, tag locker.Tag) error {
	v := records.Get(tag[:])
	if v == nil {
		return nil
	}
	var e locker.Entry
	if err := decodeCode(tag[:], v, &e); err != nil {
		return err
	}
	if err := ids.Delete(singleKey(hashID(e.Code.ID), tag)); err != nil {
		return err
	}
	return records.Delete(tag[:])
}
