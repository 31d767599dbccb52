package store

import (
	"encoding/json"
	"fmt"
	"slices"

	"lockerd/daemon/locker"
)

// state is the part of a commit that is not events, as the journal keeps it.
type state struct {
	*locker.Commit
	Sets map[string]locker.SetInfo `json:"sets,omitempty"` // epoch, version, confirmed
	Flip *flip                     `json:"flip,omitempty"`
	Stop bool                      `json:"stop,omitempty"` // the last record of a clean stop
}

// flip makes a loaded generation the current one of its set.
type flip struct {
	Gen  genID    `json:"gen"`
	Then setState `json:"then"`
}

// absorber applies one commit to the newest layer. What a commit makes of the
// state depends on nothing but that state and the commit, so that a replay
// makes the same of it.
type absorber struct {
	*reader
	s   *Store
	out *layer
}

// absorb takes a durable commit into the overlay. The caller holds mu.
func (s *Store) absorb(index uint64, st *state, size int) error {
	err := s.readLocked("the state of a commit", func(r *reader) error {
		a := &absorber{reader: r, s: s, out: s.ls[0]}
		return a.apply(st)
	})
	if err != nil {
		return fmt.Errorf("cannot apply commit %d: %w", index, err)
	}
	l := s.ls[0]
	l.index = index
	l.commits++
	l.bytes += size
	return nil
}

func (a *absorber) apply(st *state) error {
	if st.Commit == nil {
		st.Commit = &locker.Commit{}
	}
	for _, d := range st.Doors {
		b, err := json.Marshal(d)
		if err != nil {
			return fmt.Errorf("cannot encode door %s: %w", d.Door, err)
		}
		a.out.doors[d.Door] = b
	}
	for name, v := range st.Values {
		a.out.values[name] = slices.Clone(v)
	}
	if st.Flip != nil {
		a.flip(st.Flip)
	}
	for _, m := range st.Marks {
		if err := a.setMark(m.Code, m.Mark); err != nil {
			return err
		}
	}
	for _, c := range st.Codes {
		if err := a.change(c); err != nil {
			return err
		}
	}
	for name, info := range st.Sets {
		set := a.s.sets[name]
		if !set.Lost {
			set.Info.Epoch, set.Info.Version, set.Info.Confirmed = info.Epoch, info.Version, info.Confirmed
			a.keep(name, set)
		}
	}
	return nil
}

func (a *absorber) keep(name string, set setState) {
	a.s.keep(name, set)
	a.out.sets[name] = set
}

// flip makes a generation current. One that is gone was lost with a state.db
// that had to be rebuilt: its set starts anew and takes no puts until it is
// loaded again.
func (a *absorber) flip(f *flip) {
	a.s.nextGen = max(a.s.nextGen, f.Gen.N+1)
	set := f.Then
	if a.tx.Bucket([]byte(f.Gen.codes())) == nil {
		set = setState{Gen: f.Gen.N, Lost: true}
	}
	a.keep(f.Gen.Set, set)
}

func (a *absorber) change(c locker.CodeChange) error {
	if c.Revoke != "" {
		key := locker.CodeKey{Set: c.Set, ID: c.Revoke}
		m, _, err := a.mark(key)
		if err != nil {
			return err
		}
		m.Revoked = true
		return a.setMark(key, m)
	}
	set := a.s.sets[c.Set]
	if set.Lost {
		return nil
	}
	if c.Drop != "" {
		return a.drop(c.Set, &set, c.Drop)
	}
	if c.Put != nil {
		return a.put(c.Set, &set, c.Put)
	}
	return nil
}

// setMark sets a mark whole. A revoked id stays revoked while it has a record;
// a zero mark of an id without one is forgotten.
func (a *absorber) setMark(key locker.CodeKey, m locker.Mark) error {
	for g, l := range a.s.staged {
		if g.Set == key.Set {
			l.fresh[key.ID] = true
		}
	}
	old, _, err := a.mark(key)
	if err != nil {
		return err
	}
	if old.Revoked == m.Revoked {
		a.out.marks[key] = m
		return nil
	}
	set := a.s.sets[key.Set]
	var e locker.Entry
	known, err := a.byID(genID{key.Set, set.Gen}, key.ID, &e)
	if err != nil {
		return err
	}
	if old.Revoked && (known || m != locker.Mark{}) {
		m.Revoked = true
	}
	if known && !old.Revoked && m.Revoked {
		set.leave(&e.Code)
		a.keep(key.Set, set)
	}
	a.out.marks[key] = m
	return nil
}

// leave takes a record that was live out of count and digest.
func (t *setState) leave(c *locker.Code) {
	t.Info.Count--
	t.Info.Digest.Toggle(c.DigestPart())
}

func (a *absorber) drop(name string, set *setState, id string) error {
	g := genID{name, set.Gen}
	if err := a.displace(g, set, id); err != nil {
		return err
	}
	a.out.id(g, id, nil)
	a.keep(name, *set)
	return nil
}

// displace removes the record of an id, if there is one.
func (a *absorber) displace(g genID, set *setState, id string) error {
	var e locker.Entry
	ok, err := a.byID(g, id, &e)
	if err != nil || !ok {
		return err
	}
	a.forget(g, set, &e)
	return nil
}

func (a *absorber) forget(g genID, set *setState, e *locker.Entry) {
	if !e.Mark.Revoked {
		set.leave(&e.Code)
	}
	set.Size--
	a.out.remove(g, e.Code.Tag)
	a.out.id(g, e.Code.ID, nil)
}

// put adds or replaces a record; its mark stays. A revoked one never takes the
// tag of a live one.
func (a *absorber) put(name string, set *setState, c *locker.Code) error {
	g := genID{name, set.Gen}
	if err := a.displace(g, set, c.ID); err != nil {
		return err
	}
	m, _, err := a.mark(locker.CodeKey{Set: name, ID: c.ID})
	if err != nil {
		return err
	}
	var other locker.Entry
	taken, err := a.byTag(g, []byte(g.codes()), c.Tag, &other)
	if err != nil {
		return err
	}
	if taken && m.Revoked && !other.Mark.Revoked {
		a.keep(name, *set)
		return nil
	}
	if taken {
		a.forget(g, set, &other)
	}
	if !m.Revoked {
		set.Info.Count++
		set.Info.Digest.Toggle(c.DigestPart())
	}
	set.Size++
	a.out.put(g, cloneCode(c))
	a.keep(name, *set)
	return nil
}

func cloneCode(c *locker.Code) *locker.Code {
	d := *c
	if c.Uses != nil {
		uses := *c.Uses
		d.Uses = &uses
	}
	return &d
}
