package store

import (
	"os"
	"path/filepath"
	"testing"

	"lockerd/daemon/locker"
)

// TestUsedAfterBackup copies a store, uses a code, and brings the copy back:
// nothing of it may open.
func TestUsedAfterBackup(t *testing.T) {
	dir, back := t.TempDir(), filepath.Join(t.TempDir(), "data")
	s := openStore(t, dir, Options{})
	must(t, s, put("acme", 1, 2))
	must(t, s, put(locker.SetLocal, 3))
	must(t, s, use("acme", 2, 1)) // before the backup: known for ever
	old := s.j.ID()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(back, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, Options{})
	must(t, s, use("acme", 1, 1))
	must(t, s, use(locker.SetLocal, 3, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	if err := MarkRestored(back, "test"); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, back, Options{})
	if s.j.ID() == old || s.Report().NewJournal != "restored from a backup: test" {
		t.Errorf("journal %q as before, report %+v", s.j.ID(), s.Report())
	}
	for i, set := range map[int]string{1: "acme", 2: "acme", 3: locker.SetLocal} {
		if found, ok, err := s.Find(testCode(i).Tag); err != nil || ok {
			t.Errorf("code %d of %s is there: %+v, %v", i, set, found, err)
		}
	}
	if _, err := os.Stat(filepath.Join(back, restoredName)); !os.IsNotExist(err) {
		t.Errorf("the mark stays: %v", err)
	}
	id := s.j.ID()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = openStore(t, back, Options{}); s.j.ID() != id {
		t.Error("the second start began yet another journal")
	}
}
