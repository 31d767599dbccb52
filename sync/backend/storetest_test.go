package backend_test

import (
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
