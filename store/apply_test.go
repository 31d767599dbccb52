package store

import (
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

func appliedIndex(t *testing.T, s *Store) (n uint64) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) (err error) {
		n, err = getNumber(tx, metaApplied)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestApplierWaitsForQuiet: while the bank is busy bbolt is left alone.
func TestApplierWaitsForQuiet(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openStore(t, dir, Options{ApplyDelay: DefaultApplyDelay})
		time.Sleep(2 * DefaultApplyDelay)
		for range 20 {
			must(t, s, use("acme", 1, 1))
			time.Sleep(DefaultApplyDelay / 2)
		}
		if n := appliedIndex(t, s); n != 0 {
			t.Errorf("commit %d applied while busy", n)
		}
		time.Sleep(DefaultApplyDelay)
		synctest.Wait()
		if n := appliedIndex(t, s); n != 20 {
			t.Errorf("commit %d applied after quiet", n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestApplierAtBound: a full overlay does not wait.
func TestApplierAtBound(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{Datasync: noSync})
	for range 6 * maxPendingCommits {
		must(t, s, &locker.Commit{Marks: []locker.MarkChange{{Code: key("acme", 1), Mark: locker.Mark{Used: 1}}}})
	}
	if n := appliedIndex(t, s); n == 0 {
		t.Error("nothing was applied")
	}
}
