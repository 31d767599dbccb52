package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
	"lockerd/store/journal"
)

// object is one object of a checkpoint; one member is set.
type object struct {
	Head  *checkpointHead    `json:"head,omitempty"` // the first
	Door  *locker.DoorRecord `json:"door,omitempty"`
	Mark  *locker.MarkChange `json:"mark,omitempty"`
	Value *namedValue        `json:"value,omitempty"`
	Set   *namedSet          `json:"set,omitempty"`
	Code  *locker.CodeChange `json:"code,omitempty"` // of a set that was never loaded; its mark stands before it
}

type checkpointHead struct {
	Journal string `json:"journal"`
	Index   uint64 `json:"index"`
	NextGen uint64 `json:"next_gen"`
}

type namedValue struct {
	Name  string `json:"name"`
	Value []byte `json:"value"`
}

type namedSet struct {
	Name  string   `json:"name"`
	State setState `json:"state"`
}

// emitter writes objects and keeps the first error.
type emitter struct {
	emit func([]byte) error
	err  error
}

func (e *emitter) put(o object) {
	if e.err != nil {
		return
	}
	b, err := json.Marshal(o)
	if err == nil {
		err = e.emit(b)
	}
	e.err = err
}

// emit writes the carried state of a replaced journal, disarmed.
func (c *carried) emit(id string, emit func([]byte) error) error {
	e := &emitter{emit: emit}
	e.put(object{Head: &checkpointHead{Journal: id, NextGen: 1}})
	for _, id := range slices.SortedFunc(maps.Keys(c.doors), compareDoors) {
		d := disarm(c.doors[id])
		e.put(object{Door: &d})
	}
	for _, key := range slices.SortedFunc(maps.Keys(c.marks), compareKeys) {
		m := c.marks[key]
		m.Going = false // what was under way is not gone on with
		e.put(object{Mark: &locker.MarkChange{Code: key, Mark: m}})
	}
	for _, name := range []string{locker.ValueFloor, locker.ValueBoot, locker.ValueTrust, locker.ValueTicketsFrom} {
		if v := c.values[name]; v != nil {
			e.put(object{Value: &namedValue{name, v}})
		}
	}
	return e.err
}

// fromCheckpoint takes over the newest checkpoint and returns where it stands, 0:
// there is none, or it can't be read.
func (c *carried) fromCheckpoint(dir string) (index uint64) {
	err := journal.ReadCheckpoint(dir, func(b []byte) error {
		var o object
		if err := json.Unmarshal(b, &o); err != nil {
			return err
		}
		switch {
		case o.Head != nil:
			index = o.Head.Index
		case o.Door != nil:
			c.doors[o.Door.Door] = *o.Door
		case o.Mark != nil:
			c.marks[o.Mark.Code] = o.Mark.Mark
		case o.Value != nil:
			c.values[o.Value.Name] = o.Value.Value
		}
		return nil
	})
	if err != nil {
		c.lossy = c.lossy || !errors.Is(err, journal.ErrNoCheckpoint)
		return 0
	}
	return index
}

// checkpoint keeps the state that bbolt has, so that the journal may forget how
// it came about.
func (s *Store) checkpoint() (index uint64, err error) {
	dir := filepath.Join(s.dir, journalName)
	err = guard("state.db for a checkpoint", func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			if _, index, err = boltHead(tx); err != nil {
				return err
			}
			if have, err := journal.Checkpoint(dir); err == nil && have == index {
				return nil
			}
			return journal.WriteCheckpoint(dir, index, func(emit func([]byte) error) error { return emitState(tx, s.j.ID(), index, emit) })
		})
	})
	return index, s.suspect(err)
}

func emitState(tx *bbolt.Tx, id string, index uint64, emit func([]byte) error) error {
	next, err := getNumber(tx, metaNextGen)
	if err != nil {
		return err
	}
	e := &emitter{emit: emit}
	e.put(object{Head: &checkpointHead{Journal: id, Index: index, NextGen: next}})
	err = errors.Join(
		eachSealed(tx, bucketDoors, func(_, p []byte) error {
			var d locker.DoorRecord
			err := decodeJSON(p, &d)
			e.put(object{Door: &d})
			return err
		}),
		eachSealed(tx, bucketMarks, func(k, p []byte) error {
			var m locker.Mark
			key, ok := parseMarkKey(k)
			if !ok {
				return ErrDamaged
			}
			err := decodeMark(p, &m)
			e.put(object{Mark: &locker.MarkChange{Code: key, Mark: m}})
			return err
		}),
		eachSealed(tx, bucketValues, func(k, p []byte) error {
			e.put(object{Value: &namedValue{string(k), p}})
			return nil
		}),
		eachSealed(tx, bucketSets, func(k, p []byte) error { return emitSet(tx, string(k), p, e) }),
	)
	return errors.Join(err, e.err)
}

// emitSet writes a set: with its records if it was never loaded, or else as
// lost, because its records stand in state.db only.
func emitSet(tx *bbolt.Tx, name string, p []byte, e *emitter) error {
	var set setState
	if err := decodeJSON(p, &set); err != nil {
		return err
	}
	if set.Gen != 0 {
		set = setState{Gen: set.Gen, Lost: true}
	}
	e.put(object{Set: &namedSet{name, set}})
	if set.Gen != 0 {
		return nil
	}
	all, err := (&reader{tx: tx}).all(genID{name, 0})
	for i := range all {
		e.put(object{Code: &locker.CodeChange{Set: name, Put: &all[i].Code}})
	}
	return err
}

// checkpointFill returns what fills a new state.db from the newest checkpoint.
// Without one the whole journal is there to be replayed.
func (s *Store) checkpointFill() func(*bbolt.Tx) error {
	dir := filepath.Join(s.dir, journalName)
	if _, err := journal.Checkpoint(dir); errors.Is(err, journal.ErrNoCheckpoint) {
		return nil
	}
	return func(tx *bbolt.Tx) error {
		marks := map[locker.CodeKey]locker.Mark{}
		return journal.ReadCheckpoint(dir, func(b []byte) error {
			var o object
			if err := json.Unmarshal(b, &o); err != nil {
				return fmt.Errorf("cannot decode a checkpoint: %w", err)
			}
			return fillObject(tx, &o, marks)
		})
	}
}

func fillObject(tx *bbolt.Tx, o *object, marks map[locker.CodeKey]locker.Mark) error {
	switch {
	case o.Head != nil:
		return errors.Join(putNumber(tx, metaApplied, o.Head.Index), putNumber(tx, metaNextGen, o.Head.NextGen))
	case o.Door != nil:
		return putJSON(tx, bucketDoors, []byte(o.Door.Door.String()), o.Door)
	case o.Mark != nil:
		marks[o.Mark.Code] = o.Mark.Mark
		return putMark(tx, o.Mark.Code, o.Mark.Mark)
	case o.Value != nil:
		return putSealed(tx, bucketValues, []byte(o.Value.Name), o.Value.Value)
	case o.Set != nil:
		return putJSON(tx, bucketSets, []byte(o.Set.Name), o.Set.State)
	case o.Code != nil && o.Code.Put != nil:
		return fillCode(tx, o.Code, marks[locker.CodeKey{Set: o.Code.Set, ID: o.Code.Put.ID}])
	}
	return nil
}

func fillCode(tx *bbolt.Tx, ch *locker.CodeChange, m locker.Mark) error {
	g := genID{Set: ch.Set}
	f := &flusher{l: newLayer(), reader: &reader{tx: tx}}
	f.l.marks[locker.CodeKey{Set: ch.Set, ID: ch.Put.ID}] = m
	f.ls = layers{f.l}
	return f.codes(g, map[locker.Tag]code{ch.Put.Tag: ch.Put})
}

func parseMarkKey(k []byte) (locker.CodeKey, bool) {
	set, id, ok := bytes.Cut(k, []byte{0})
	return locker.CodeKey{Set: string(set), ID: string(id)}, ok
}
