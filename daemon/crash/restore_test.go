package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/store/storetest"
)

// Codes of the recorded restore, by their number.
const (
	usedBefore = 1 // the backup
	usedSince  = 2 // the backup
	localSince = 3 // of set local
	neverUsed  = 4
	revoked    = 5 // since the backup
)

const envRestores = "LOCKERD_RESTORES"

// restored is a recorded restore: an old backup over a bank that has gone on since.
type restored struct {
	log   *storetest.Log
	begin int // operations before the restore
	end   int // after it
	old   string
	open  store.Options // of the starts on what a cut has left
}

// cuts are all operations of the restore, and of the start after it.
func (r *restored) cuts() (out []int) {
	for at := r.begin; at <= r.log.Len(); at++ {
		out = append(out, at)
	}
	return out
}

func restoreCode(n int) locker.Code {
	return locker.Code{
		ID: fmt.Sprintf("c-%d", n), Tag: locker.TagOf("lon-042", fmt.Sprintf("text-%d", n)), Kind: locker.Collect,
		Door: locker.DoorID{Locker: 1, Door: uint8(n)}, NotAfter: 1795628000000,
	}
}

func restoreKey(n int) locker.CodeKey {
	set := "acme"
	if n == localSince {
		set = locker.SetLocal
	}
	return locker.CodeKey{Set: set, ID: restoreCode(n).ID}
}

func restoreUse(n int) *locker.Commit {
	return &locker.Commit{
		Events: []locker.Event{{At: 1795428000000, Clock: locker.ClockSynced, Boot: 1, Type: locker.EvCodeAccepted, Code: restoreKey(n).ID, Set: restoreKey(n).Set}},
		Marks:  []locker.MarkChange{{Code: restoreKey(n), Mark: locker.Mark{Used: 1}}},
	}
}

// recordRestore makes a backup of a bank in use, uses codes, restores it, and starts.
func recordRestore(t *testing.T, o store.RestoreOptions) *restored {
	t.Helper()
	rec := storetest.Mount(t)
	s, err := store.Open(t.Context(), rec.Dir(), store.Options{SegmentBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	commit := func(c *locker.Commit) {
		if _, err := s.Commit(c); err != nil {
			t.Fatal(err)
		}
	}
	put := &locker.Commit{Values: map[string][]byte{locker.ValueFloor: []byte("1795428000000"), locker.ValueTrust: []byte(`{"version":3,"jwks":{"keys":[]}}`)}}
	for n := usedBefore; n <= revoked; n++ {
		c := restoreCode(n)
		put.Codes = append(put.Codes, locker.CodeChange{Set: restoreKey(n).Set, Put: &c})
		put.Doors = append(put.Doors, locker.DoorRecord{Door: c.Door, Item: &locker.Item{Tenant: "acme", SKU: "x", Condition: locker.Ready}, Intent: &locker.Intent{Code: restoreKey(n), At: 5}})
	}
	commit(put)
	commit(restoreUse(usedBefore))
	files := map[string][]byte{}
	err = s.Backup(func(name string, _ int64, r io.Reader) (err error) {
		files[name], err = io.ReadAll(r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	commit(restoreUse(usedSince))
	commit(restoreUse(localSince))
	commit(&locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Revoke: restoreKey(revoked).ID}}})
	r := &restored{old: s.JournalID()}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r.begin = rec.Mark("the restore begins")
	_, err = store.Restore(rec.Dir(), o, func(to string) error {
		var errs []error
		for name, b := range files {
			path := filepath.Join(to, name)
			errs = append(errs, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, bytes.Clone(b), 0o600))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	r.end = rec.Mark("restored")
	if s, err = store.Open(t.Context(), rec.Dir(), store.Options{SegmentBytes: 64 << 10}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r.log = rec.Log()
	return r
}

// image starts a store on what a cut has left: the old one, or one that opens
// nothing. What was used, before the backup or since, is used for ever.
func (r *restored) image(dir string, im storetest.Image) error {
	if im.At < r.begin {
		return nil
	}
	o := r.open
	o.SegmentBytes = 64 << 10
	s, err := store.Open(context.Background(), dir, o)
	if err != nil {
		return fmt.Errorf("it does not start: %w", err)
	}
	id := s.JournalID()
	err = r.judge(s, im)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if s, err = store.Open(context.Background(), dir, o); err != nil {
		return fmt.Errorf("it does not start again: %w", err)
	}
	defer func() { _ = s.Close() }()
	if s.JournalID() != id {
		return errors.New("the second start begins yet another journal")
	}
	return r.judge(s, im)
}

func (r *restored) judge(s *store.Store, im storetest.Image) error {
	old := s.JournalID() == r.old
	if old && im.At >= r.end {
		return errors.New("after the restore the old journal goes on")
	}
	for _, n := range []int{usedBefore, usedSince, localSince} {
		m, _, err := s.Mark(restoreKey(n))
		if err != nil {
			return err
		}
		if m.Used == 0 {
			return fmt.Errorf("code %d was used, and is not", n)
		}
	}
	if m, _, err := s.Mark(restoreKey(revoked)); err != nil || !m.Revoked {
		return fmt.Errorf("a revoked code is not: %+v %w", m, err)
	}
	for n := usedBefore; n <= revoked; n++ {
		e, ok, err := s.Find(restoreCode(n).Tag)
		if err != nil {
			return err
		}
		if ok && !old {
			return fmt.Errorf("the restored store knows code %d: %+v", n, e.Mark)
		}
		if !ok && old && n == neverUsed {
			return errors.New("the old store has lost a code")
		}
	}
	if old {
		return nil
	}
	doors, err := s.Doors()
	if err != nil {
		return err
	}
	for _, d := range doors {
		if d.Intent != nil || d.Item == nil || d.Item.Condition != locker.Uncertain {
			return fmt.Errorf("door %s: %+v, item %v", d.Door, d.Intent, d.Item)
		}
	}
	if len(doors) != revoked {
		return fmt.Errorf("%d doors are known", len(doors))
	}
	if v, _, err := s.Value(locker.ValueTrust); err != nil || !bytes.Contains(v, []byte(`"version":3`)) {
		return fmt.Errorf("the key set is %q: %w", v, err)
	}
	return nil
}

// TestPowerCutsInRestore cuts the power at every operation of a restore and of the start
// after it.
func TestPowerCutsInRestore(t *testing.T) {
	rng, _ := seeded(t)
	r := recordRestore(t, store.RestoreOptions{Why: "test"})
	per := size(t, envRestores, 3, 8)
	n := storetest.Each(t, r.log.ImagesAt(rng, r.cuts(), per), r.image)
	t.Logf("%d images of %d cuts", n, len(r.cuts()))
}
