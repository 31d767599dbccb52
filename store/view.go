package store

import (
	"fmt"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

// reader is the state as of one moment: the overlay and bbolt under it. It
// lives in one transaction.
type reader struct {
	tx *bbolt.Tx
	ls layers
}

// read calls fn with the present state.
func (s *Store) read(what string, fn func(r *reader) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.readLocked(what, fn)
}

// readLocked is read for callers that hold mu.
func (s *Store) readLocked(what string, fn func(r *reader) error) error {
	err := guard(what, func() error {
		return s.db.View(func(tx *bbolt.Tx) error { return fn(&reader{tx: tx, ls: s.ls}) })
	})
	return s.suspect(err)
}

// mark returns what is known of a code.
func (r *reader) mark(key locker.CodeKey) (locker.Mark, bool, error) {
	if m, ok := r.ls.mark(key); ok {
		return m, m != locker.Mark{}, nil
	}
	p, err := getSealed(r.tx, bucketMarks, markKey(key))
	if err != nil || p == nil {
		return locker.Mark{}, false, err
	}
	var m locker.Mark
	err = decodeMark(p, &m)
	return m, err == nil, err
}

// byTag returns the record under a tag in a generation. Its mark is the one in
// the record unless the overlay knows a newer one.
func (r *reader) byTag(g genID, bucket []byte, tag locker.Tag, e *locker.Entry) (bool, error) {
	c, ok := r.ls.code(g, tag)
	if !ok {
		return r.stored(g, bucket, tag, e)
	}
	if c == nil {
		return false, nil
	}
	m, _, err := r.mark(locker.CodeKey{Set: g.Set, ID: c.ID})
	*e = locker.Entry{Set: g.Set, Code: *c, Mark: m}
	return true, err
}

func (r *reader) stored(g genID, bucket []byte, tag locker.Tag, e *locker.Entry) (bool, error) {
	b := r.tx.Bucket(bucket)
	if b == nil {
		return false, nil
	}
	k := tag[:]
	v := b.Get(k)
	if v == nil {
		return false, nil
	}
	if err := decodeCode(k, v, e); err != nil {
		return false, fmt.Errorf("cannot read code %s of set %q: %w", tag, g.Set, err)
	}
	e.Set = g.Set
	if m, ok := r.ls.mark(e.Key()); ok {
		e.Mark = m
	}
	return true, nil
}

// byID returns the record of an id in a generation.
func (r *reader) byID(g genID, id string, e *locker.Entry) (bool, error) {
	if t, ok := r.ls.tag(g, id); ok {
		if t == nil {
			return false, nil
		}
		return r.byTag(g, []byte(g.codes()), *t, e)
	}
	tags, err := tagsOf(r.tx, g, id)
	if err != nil {
		return false, err
	}
	bucket := []byte(g.codes())
	for _, t := range tags {
		ok, err := r.byTag(g, bucket, t, e)
		if err != nil || ok && e.Code.ID == id {
			return ok, err
		}
	}
	return false, nil
}
