package backend_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"lockerd/sync/backend"
	"lockerd/sync/backend/boltstore"
	"lockerd/sync/backend/storetest"
)

func TestMemoryStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) backend.Store { return backend.NewMemory() })
}

func TestBoltStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) backend.Store {
		t.Helper()
		s, err := boltstore.Open(filepath.Join(t.TempDir(), "fleet.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}

// TestNoChangeNoCommit: a tick in which nothing is due leaves the disk alone.
func TestNoChangeNoCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s, err := boltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	read := func() []byte {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	before := read()
	for range 2 { // bbolt writes its two first pages in turn
		if err := s.Update(func(tx backend.Tx) error { _, err := tx.Get([]byte("k")); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(before, read()) {
		t.Error("reading has written")
	}
	if err := s.Update(func(tx backend.Tx) error { return tx.Put([]byte("k"), nil) }); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(before, read()) {
		t.Error("a change was not written")
	}
}
