package store

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"runtime/debug"
	"slices"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

// Lookup returns the code a tag stands for, over all sets: a live record if
// there is one, else any. Its mark is the one in the code's own record.
func (s *Store) Lookup(tag locker.Tag) (locker.Entry, bool, error) { return s.look(tag, false) }

// Find is Lookup with the stricter of the two marks that a code has, the one in
// its own record and the one in the bucket of marks: no one damaged page can
// make a used code unused.
func (s *Store) Find(tag locker.Tag) (locker.Entry, bool, error) { return s.look(tag, true) }

func (s *Store) look(tag locker.Tag, strict bool) (e locker.Entry, ok bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if ok, err = s.lookup(tag, strict, &e); err != nil || !ok {
		return locker.Entry{}, false, s.suspect(err)
	}
	return e, true, nil
}

// lookup is in the way of every scan, so it goes round the closures of read.
func (s *Store) lookup(tag locker.Tag, strict bool, e *locker.Entry) (ok bool, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	tx, err := s.db.Begin(false)
	if err != nil {
		return false, fmt.Errorf("cannot read a code: %w", err)
	}
	defer endRead(tx, &err)
	r := reader{tx: tx, ls: s.ls}
	if ok, err = s.searchTag(&r, tag, e); err != nil || !ok || !strict {
		return ok, err
	}
	m, _, err := r.mark(e.Key())
	e.Mark.Stricter(m)
	return true, err
}

// searchTag looks into all sets that have records.
func (s *Store) searchTag(r *reader, tag locker.Tag, e *locker.Entry) (ok bool, err error) {
	for i := range s.searched {
		at := &s.searched[i]
		if !ok {
			ok, err = r.byTag(at.gen, at.bucket, tag, e)
		} else {
			err = r.better(at.gen, at.bucket, tag, e)
		}
		if err != nil || ok && !e.Mark.Revoked {
			break
		}
	}
	return ok, err
}

// endRead ends a read transaction and turns a panic or a fault on the map into
// ErrDamaged.
func endRead(tx *bbolt.Tx, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("cannot read a code: %v: %w", p, ErrDamaged)
	}
	_ = tx.Rollback() // of a read transaction: never fails while it is open
}

// searched is a set that a lookup must look into.
type searched struct {
	gen    genID
	bucket []byte
}

// keep makes a state of a set the current one. The caller holds mu.
func (s *Store) keep(name string, set setState) {
	s.sets[name] = set
	if !slices.ContainsFunc(s.searched, func(at searched) bool { return at.gen == genID{name, set.Gen} }) || set.Size == 0 {
		s.search()
	}
}

// search lists the sets that hold any record, small ones first: a miss in one
// costs the less the smaller it is.
func (s *Store) search() {
	s.searched = nil
	names := slices.SortedFunc(maps.Keys(s.sets), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.sets[a].Size, s.sets[b].Size), cmp.Compare(a, b))
	})
	for _, name := range names {
		if g := (genID{name, s.sets[name].Gen}); s.sets[name].Size > 0 {
			s.searched = append(s.searched, searched{g, []byte(g.codes())})
		}
	}
}

// better replaces e by the record of another set if that one is live.
func (r *reader) better(g genID, bucket []byte, tag locker.Tag, e *locker.Entry) error {
	var o locker.Entry
	ok, err := r.byTag(g, bucket, tag, &o)
	if ok && !o.Mark.Revoked {
		*e = o
	}
	return err
}

// Code returns the record of a code by its id.
func (s *Store) Code(key locker.CodeKey) (e locker.Entry, ok bool, err error) {
	err = s.read("a code", func(r *reader) error {
		ok, err = r.byID(genID{key.Set, s.sets[key.Set].Gen}, key.ID, &e)
		return err
	})
	if err != nil || !ok {
		return locker.Entry{}, false, err
	}
	return e, true, nil
}

// Mark returns what the bank itself knows of a code, whether it has a record or
// not.
func (s *Store) Mark(key locker.CodeKey) (m locker.Mark, ok bool, err error) {
	err = s.read("a use mark", func(r *reader) error {
		m, ok, err = r.mark(key)
		return err
	})
	if err != nil {
		return locker.Mark{}, false, err
	}
	return m, ok, nil
}

// Codes yields all records of a set as of now, by tag. It holds them in memory:
// it is for sets that are small.
func (s *Store) Codes(set string) iter.Seq2[locker.Entry, error] {
	return func(yield func(locker.Entry, error) bool) {
		es, err := s.codes(set)
		for _, e := range es {
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(locker.Entry{}, err)
		}
	}
}

func (s *Store) codes(set string) (out []locker.Entry, err error) {
	err = s.read("the codes of a set", func(r *reader) error {
		out, err = r.all(genID{set, s.sets[set].Gen})
		return err
	})
	return out, err
}

// all returns the records of a generation by tag.
func (r *reader) all(g genID) ([]locker.Entry, error) {
	tags := map[locker.Tag]bool{}
	if b := r.tx.Bucket([]byte(g.codes())); b != nil {
		_ = b.ForEach(func(k, _ []byte) error { // fn never fails
			tags[locker.Tag(k)] = true
			return nil
		})
	}
	for _, l := range r.ls {
		if l != nil {
			for t := range l.codes[g] {
				tags[t] = true
			}
		}
	}
	bucket := []byte(g.codes())
	var out []locker.Entry
	for _, t := range slices.SortedFunc(maps.Keys(tags), compareTags) {
		var e locker.Entry
		ok, err := r.byTag(g, bucket, t, &e)
		if err != nil {
			return out, err
		}
		if ok {
			out = append(out, e)
		}
	}
	return out, nil
}

func compareTags(a, b locker.Tag) int { return slices.Compare(a[:], b[:]) }

// Set returns how far one set of codes is; the zero value if it was never loaded.
func (s *Store) Set(name string) locker.SetInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sets[name].Info
}

// Records returns how many records a set has, live or not.
func (s *Store) Records(name string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sets[name].Size
}

// Within returns the record that a tag has in one set, live or not.
func (s *Store) Within(name string, tag locker.Tag) (e locker.Entry, ok bool, err error) {
	err = s.read("a code", func(r *reader) error {
		g := genID{name, s.sets[name].Gen}
		ok, err = r.byTag(g, []byte(g.codes()), tag, &e)
		return err
	})
	return e, ok, err
}

// Elsewhere returns the first of the tags that a live record of a set other than
// name has, and that record.
func (s *Store) Elsewhere(name string, tags []locker.Tag) (e locker.Entry, ok bool, err error) {
	for len(tags) > 0 && !ok && err == nil {
		n := min(len(tags), tagsAtOnce)
		e, ok, err = s.elsewhere(name, tags[:n])
		tags = tags[n:]
	}
	return e, ok, err
}

// tagsAtOnce are looked up in one go: a commit waits meanwhile.
const tagsAtOnce = 32

func (s *Store) elsewhere(name string, tags []locker.Tag) (e locker.Entry, ok bool, err error) {
	err = s.read("codes of other sets", func(r *reader) error {
		for i := range tags {
			if ok, err = s.heldElsewhere(r, name, tags[i], &e); ok || err != nil {
				return err
			}
		}
		return nil
	})
	return e, ok, err
}

func (s *Store) heldElsewhere(r *reader, name string, tag locker.Tag, e *locker.Entry) (bool, error) {
	for i := range s.searched {
		at := &s.searched[i]
		if at.gen.Set == name {
			continue
		}
		found, err := r.byTag(at.gen, at.bucket, tag, e)
		if err != nil || found && !e.Mark.Revoked {
			return found, err
		}
	}
	return false, nil
}

// Sets returns how far each set of codes is.
func (s *Store) Sets() map[string]locker.SetInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[string]locker.SetInfo, len(s.sets))
	for name, set := range s.sets {
		out[name] = set.Info
	}
	return out
}

// Doors returns all stored doors in order.
func (s *Store) Doors() (out []locker.DoorRecord, err error) {
	err = s.read("the doors", func(r *reader) error {
		all, err := r.doors()
		for _, id := range slices.SortedFunc(maps.Keys(all), compareDoors) {
			var d locker.DoorRecord
			if err := decodeJSON(all[id], &d); err != nil {
				return err
			}
			out = append(out, d)
		}
		return err
	})
	return out, err
}

func compareDoors(a, b locker.DoorID) int {
	switch {
	case a.Less(b):
		return -1
	case b.Less(a):
		return 1
	}
	return 0
}

// doors returns the JSON of all doors.
func (r *reader) doors() (map[locker.DoorID][]byte, error) {
	out := map[locker.DoorID][]byte{}
	err := eachSealed(r.tx, bucketDoors, func(k, p []byte) error {
		var id locker.DoorID
		if err := id.UnmarshalText(k); err != nil {
			return ErrDamaged
		}
		out[id] = slices.Clone(p)
		return nil
	})
	for i := len(r.ls) - 1; i >= 0; i-- {
		if r.ls[i] != nil {
			maps.Copy(out, r.ls[i].doors)
		}
	}
	return out, err
}

// Value returns a stored counter or document.
func (s *Store) Value(name string) (v []byte, ok bool, err error) {
	err = s.read("a value", func(r *reader) error {
		v, ok, err = r.value(name)
		return err
	})
	return v, ok, err
}

func (r *reader) value(name string) ([]byte, bool, error) {
	for _, l := range r.ls {
		if l == nil {
			continue
		}
		if v, ok := l.values[name]; ok {
			return slices.Clone(v), v != nil, nil
		}
	}
	p, err := getSealed(r.tx, bucketValues, []byte(name))
	if err != nil || p == nil {
		return nil, false, err
	}
	return slices.Clone(p), true, nil
}
