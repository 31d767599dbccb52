package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
	"lockerd/store/durable"
	"lockerd/store/journal"
)

const keepDamaged = 3 // files of each kind that are kept for examination

// rebuild makes state.db anew from checkpoint and journal. The old one is kept
// aside. A crash in between leads here again.
func (s *Store) rebuild(why string) error {
	if s.db != nil {
		_ = s.db.Close() // nothing was written
		s.db = nil
	}
	old, err := setAside(s.path)
	if err != nil {
		return err
	}
	if err := os.Remove(s.path + badSuffix); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("cannot remove %q: %w", s.path+badSuffix, err)
	}
	if err := createBolt(s.path, s.j.ID(), s.checkpointFill()); err != nil {
		return err
	}
	if !s.report.Created && s.report.Rebuilt == "" {
		s.report.Rebuilt = why
	}
	if old != "" {
		s.report.RebuiltOld = old
	}
	if s.db, err = openBolt(s.path, s.o.StateBytes); err != nil {
		return err
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		_, s.ls[0].index, err = boltHead(tx)
		return err
	})
}

// setAside renames a file or directory to its damaged name and keeps no more
// than the newest of those.
func setAside(path string) (string, error) {
	if _, err := os.Lstat(path); os.IsNotExist(err) {
		return "", nil
	}
	n := 1
	for ; ; n++ {
		if _, err := os.Lstat(damagedName(path, n)); os.IsNotExist(err) && !asideBehind(path, n) {
			break
		}
	}
	to := damagedName(path, n)
	if err := os.Rename(path, to); err != nil {
		return "", fmt.Errorf("cannot set %q aside: %w", path, err)
	}
	if err := os.RemoveAll(damagedName(path, n-keepDamaged)); err != nil {
		return "", fmt.Errorf("cannot remove %q: %w", damagedName(path, n-keepDamaged), err)
	}
	return to, durable.SyncDir(filepath.Dir(path))
}

func damagedName(path string, n int) string { return fmt.Sprintf("%s.damaged-%d", path, n) }

// asideBehind tells whether a higher number is taken: the lower ones were
// removed to make room.
func asideBehind(path string, n int) bool {
	for k := n + 1; k <= n+keepDamaged; k++ {
		if _, err := os.Lstat(damagedName(path, k)); err == nil {
			return true
		}
	}
	return false
}

// replaceJournal begins a new journal. Of the state it carries over only what
// can open nothing: doors without intents, items as uncertain, use marks, the
// clock floor and the count of starts.
func (s *Store) replaceJournal(ctx context.Context, why string) error {
	dir := filepath.Join(s.dir, journalName)
	if s.j != nil {
		_ = s.j.Close() // nothing was appended
		s.j = nil
	}
	if s.db != nil {
		_ = s.db.Close() // nothing was written
		s.db = nil
	}
	c := s.carry(ctx)
	id := s.o.NewJournalID()
	err := journal.Prepare(dir, id, why, s.o.journal(), func(tmp string) error {
		return journal.WriteCheckpoint(tmp, 0, func(emit func([]byte) error) error { return c.emit(id, emit) })
	})
	if err != nil {
		return err
	}
	old, err := setAside(dir)
	if err != nil {
		return err
	}
	if old != "" {
		s.report.JournalOld = old
	}
	if err := journal.Adopt(dir); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", errRetry, why)
}

// carried is what a recovery takes from a state it can't trust.
type carried struct {
	doors  map[locker.DoorID]locker.DoorRecord
	marks  map[locker.CodeKey]locker.Mark
	values map[string][]byte
	lossy  bool // something was there that could not be read
}

// salvage reads what can be found in a data directory. It writes nothing there.
func (s *Store) salvage(ctx context.Context, data string) *carried {
	c := &carried{doors: map[locker.DoorID]locker.DoorRecord{}, marks: map[locker.CodeKey]locker.Mark{}, values: map[string][]byte{}}
	dir := filepath.Join(data, journalName)
	id, applied, ok := c.fromBolt(ctx, s, statePath(data))
	if have := journal.ID(dir); !ok || have != "" && have != id { // of another journal: a cut came before it was built anew
		applied = c.fromCheckpoint(dir)
	}
	next, last := applied+1, uint64(0)
	err := journal.Salvage(dir, func(r journal.Record) {
		last = max(last, r.Index)
		if r.Index <= applied {
			return
		}
		c.lossy = c.lossy || r.Index != next
		next = r.Index + 1
		st, err := decodeState(&r)
		if err != nil {
			c.lossy = true
			return
		}
		c.take(st.Commit)
	})
	// A journal that is gone leaves what state.db knows, one that ends before it has lost
	// its end: the last commits were in no other place.
	c.lossy = c.lossy || err != nil || last < applied
	return c
}

// fromBolt reads what state.db knows, record by record: a damaged one is left
// out. It tells of which journal and how far state.db is, and whether it could be
// read at all.
func (c *carried) fromBolt(ctx context.Context, s *Store, path string) (id string, applied uint64, ok bool) {
	if _, err := os.Stat(path); err != nil || s.o.Check(ctx, path) != nil {
		return "", 0, false
	}
	db, err := openBolt(path, maxBoltSize)
	if err != nil {
		return "", 0, false
	}
	defer func() { _ = db.Close() }() // was only read
	err = guard(path, func() error {
		return db.View(func(tx *bbolt.Tx) error {
			if id, applied, err = boltHead(tx); err != nil {
				return err
			}
			return c.fromTx(tx)
		})
	})
	return id, applied, err == nil
}

func (c *carried) fromTx(tx *bbolt.Tx) error {
	sound := func(bucket string, fn func(k, p []byte)) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return ErrDamaged
		}
		return b.ForEach(func(k, v []byte) error {
			p, err := unseal(k, v)
			if err != nil {
				c.lossy = true
				return nil //nolint:nilerr // the others are wanted
			}
			fn(k, p)
			return nil
		})
	}
	return errors.Join(
		sound(bucketDoors, func(_, p []byte) {
			var d locker.DoorRecord
			if json.Unmarshal(p, &d) == nil {
				c.doors[d.Door] = d
			}
		}),
		sound(bucketMarks, func(k, p []byte) {
			var m locker.Mark
			if key, ok := parseMarkKey(k); ok && decodeMark(p, &m) == nil {
				c.marks[key] = m
			}
		}),
		sound(bucketValues, func(k, p []byte) { c.values[string(k)] = slices.Clone(p) }),
	)
}

// take adds what one commit says.
func (c *carried) take(st *locker.Commit) {
	for _, d := range st.Doors {
		c.doors[d.Door] = d
	}
	for _, m := range st.Marks {
		c.marks[m.Code] = m.Mark
	}
	maps.Copy(c.values, st.Values)
	for _, ch := range st.Codes {
		if ch.Revoke != "" {
			key := locker.CodeKey{Set: ch.Set, ID: ch.Revoke}
			m := c.marks[key]
			m.Revoked = true
			c.marks[key] = m
		}
	}
}

// disarm makes a door record such that nothing opens or is given out on its
// ground.
func disarm(d locker.DoorRecord) locker.DoorRecord {
	d.Intent, d.Last, d.Named, d.Awaits, d.Reserved = nil, nil, nil, nil, locker.CodeKey{}
	if d.Item != nil {
		item := *d.Item
		item.Condition = locker.Uncertain
		d.Item = &item
	}
	return d
}
