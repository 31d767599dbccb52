package bank

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"lockerd/daemon/locker"
	"lockerd/store"
)

var errPower = errors.New("the power is gone")

// cutStore is the store of one process: a power cut lands before or after any
// of its commits. What the bank asks it after that is not written.
type cutStore struct {
	Store

	mu   sync.Mutex
	in   int // the cut comes with that commit from now on; 0: none is due
	late bool
	gone bool
	dark func() // the relays and buses of the process are gone, too
}

// arm has the power go at the nth commit from now on: after it, or before.
func (s *cutStore) arm(n int, after bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in, s.late = n, after
}

func (s *cutStore) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose()
}

func (s *cutStore) lose() {
	s.gone = true
	s.dark()
}

func (s *cutStore) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

func (s *cutStore) Commit(c *locker.Commit) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.in == 1
	s.in = max(s.in-1, 0)
	if due && !s.late {
		s.lose()
	}
	if s.gone {
		return 0, errPower
	}
	first, err := s.Store.Commit(c)
	if due {
		s.lose()
	}
	return first, err
}

// media is what a store's data lies on between two processes.
type media interface {
	open() (st Store, clean bool, err error)
	// shut ends the store of an orderly stop.
	shut() error
	// image ends the store of a power cut: what it had on disk at this moment
	// is what the next open finds.
	image() error
}

// ram is the rig's store.
type ram struct {
	st    *memStore
	clean bool
}

func (r *ram) open() (st Store, clean bool, err error) { return r.st, r.clean, nil }
func (r *ram) shut() error                             { r.clean = true; return nil }
func (r *ram) image() error                            { r.st, r.clean = r.st.clone(), false; return nil }

// disk is the real store, its files on a file system in memory.
type disk struct {
	base string
	n    int
	st   *store.Store
}

// diskBase returns a place for the files of one seed.
func diskBase(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "lockerd-month-") //nolint:usetesting // t.TempDir is on a disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // leaves at worst a file in /dev/shm
	return dir
}

func (d *disk) dir() string { return filepath.Join(d.base, strconv.Itoa(d.n)) }

func (d *disk) open() (st Store, clean bool, err error) {
	d.st, err = store.Open(context.Background(), d.dir(), store.Options{SegmentBytes: 256 << 10})
	if err != nil {
		return nil, false, err
	}
	return d.st, d.st.Report().Clean, nil
}

func (d *disk) shut() error { return d.st.Close() }

// image copies the files as they are: everything in the bubble waits, so they
// are what a process that was killed here would leave.
func (d *disk) image() error {
	old := d.dir()
	d.n++
	if err := os.CopyFS(d.dir(), os.DirFS(old)); err != nil {
		return err
	}
	if err := d.st.Close(); err != nil {
		return err
	}
	return os.RemoveAll(old)
}
