package journal

import (
	"fmt"
	"os"

	"lockerd/daemon/locker"
	"lockerd/store/durable"
)

// full is how many times the bound the journal may grow before events go that
// should not.
const full = 4

// maxSteps bounds one Prune; the next one goes on.
const maxSteps = 4096

// Policy says what may go.
type Policy struct {
	Bytes   int64       // bound of stored event bytes; as many bytes of state parts may stand beside them
	Acked   uint64      // events up to here are acknowledged
	Before  locker.Time // acknowledged events older than this go in any case
	Covered uint64      // records up to here are in a checkpoint
}

// action is one step of a Prune: drop the segments i..k, or write them anew as
// one at a level.
type action struct {
	drop  bool
	level int
	i, k  int
}

// Due tells whether Prune would do something, had a checkpoint covered
// everything.
func (j *Journal) Due(p Policy) bool {
	p.Covered = ^uint64(0)
	_, ok := j.plan(p)
	return ok
}

// Prune keeps the journal within its bound. It removes and rewrites whole
// segments, never the active one; an Append waits for none of it.
func (j *Journal) Prune(p Policy) error {
	for range maxSteps {
		a, ok := j.plan(p)
		if !ok {
			return nil
		}
		var err error
		if a.drop {
			err = j.dropFirst()
		} else {
			err = j.rewrite(a)
		}
		if err != nil {
			return fmt.Errorf("cannot prune the journal: %w", err)
		}
	}
	return nil
}

// plan chooses the next step, in the order of contract 7.3.
func (j *Journal) plan(p Policy) (action, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var bytes, state int64
	for _, s := range j.segs {
		bytes += s.bytes
		state += s.state
	}
	sealed := j.segs[:len(j.segs)-1]
	for len(sealed) > 0 && sealed[len(sealed)-1].last > p.Covered {
		sealed = sealed[:len(sealed)-1]
	}
	if len(sealed) == 0 {
		return action{}, false
	}
	if s := sealed[0]; s.next-1 <= p.Acked && (s.events == 0 && s.state > 0 && state > p.Bytes || bytes > p.Bytes || s.events > 0 && s.lastAt < p.Before) {
		return action{drop: true}, true
	}
	if bytes > p.Bytes {
		if a, ok := rewriteAt(sealed, levelKept, j.o.SegmentBytes); ok {
			return a, true
		}
	}
	if bytes > full*p.Bytes {
		if a, ok := rewriteAt(sealed, levelGap, j.o.SegmentBytes); ok {
			return a, true
		}
	}
	if state > p.Bytes {
		return rewriteAt(sealed, levelState, j.o.SegmentBytes)
	}
	return action{}, false
}

// rewriteAt chooses the oldest segment below a level, and with it the one in
// front of it if that is of the level and both fit into one file.
func rewriteAt(sealed []*segment, level int, size int64) (action, bool) {
	for i, s := range sealed {
		if s.head.Level >= level {
			continue
		}
		a := action{level: level, i: i, k: i}
		if i > 0 && sealed[i-1].head.Level == level && (level == levelGap || sealed[i-1].end+s.end <= size) {
			a.i--
		}
		return a, true
	}
	return action{}, false
}

// dropFirst removes the oldest segment.
func (j *Journal) dropFirst() error {
	j.files.Lock()
	defer j.files.Unlock()
	j.mu.Lock()
	s := j.segs[0]
	j.segs = append([]*segment(nil), j.segs[1:]...)
	j.mu.Unlock()
	if err := os.Remove(s.path); err != nil {
		return err
	}
	return durable.SyncDir(j.dir)
}

// rewrite writes the segments i..k anew as one: under a temporary name, synced,
// renamed over the first of them; then the others are removed. Open tells a
// segment that a crash has left behind by its records being in the one before.
func (j *Journal) rewrite(a action) error {
	j.mu.Lock()
	old := append([]*segment(nil), j.segs[a.i:a.k+1]...)
	j.mu.Unlock()
	s, b, err := rewritten(old, a.level)
	if err != nil {
		return err
	}
	if err := writeSynced(s.path+tmpSuffix, b); err != nil {
		return err
	}
	j.files.Lock()
	defer j.files.Unlock()
	if err := os.Rename(s.path+tmpSuffix, s.path); err != nil {
		return err
	}
	j.mu.Lock()
	segs := append([]*segment(nil), j.segs[:a.i]...)
	segs = append(segs, s)
	j.segs = append(segs, j.segs[a.k+1:]...)
	j.mu.Unlock()
	if err := durable.SyncDir(j.dir); err != nil {
		return err
	}
	for _, o := range old[1:] {
		if err := os.Remove(o.path); err != nil {
			return err
		}
	}
	return durable.SyncDir(j.dir)
}

// rewritten returns what the segments are at a level, and its bytes.
func rewritten(old []*segment, level int) (*segment, []byte, error) {
	var records []Record
	for _, s := range old {
		v := view{*s}
		err := v.each(0, func(r *Record) bool {
			records = append(records, cloneRecord(*r))
			return true
		})
		if err != nil {
			return nil, nil, err
		}
	}
	records, err := thin(records, func(l Line) bool {
		return level < levelKept || level == levelKept && !mayGo(lineType(l.JSON))
	})
	if err != nil {
		return nil, nil, err
	}
	first, last := old[0], old[len(old)-1]
	h := first.head
	h.Level, h.LastIndex, h.LastSeq, h.LastHash = level, last.last, last.next-1, append([]byte(nil), last.hash[:]...)
	f, err := h.frame(first.first)
	if err != nil {
		return nil, nil, err
	}
	b := appendFrame(nil, f)
	s := newSegment(first.num, first.path, 0, int64(len(b)), first.first, h)
	for _, r := range records {
		if len(r.Lines) == 0 {
			continue
		}
		r.State = nil // covered by a checkpoint
		off := int64(len(b))
		b = appendFrame(b, frame{index: r.Index, kind: kindCommit, payload: encodePayload(&r)})
		if err := s.note(&r, off, int64(len(b))); err != nil {
			return nil, nil, err
		}
	}
	s.size = int64(len(b))
	s.seal()
	return s, b, nil
}
