package store

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"lockerd/daemon/locker"
)

// ErrRoom is returned when codes would take what the bank itself may need.
var ErrRoom = errors.New("no room is left for more codes")

// Room is kept for what must never fail: uses, doors and events. A state.db that
// can't grow any more, or a disk that is full, ends the store, and every start after
// that. A transaction writes each page of state.db that it touches anew, may touch
// all, and splits those that have grown: four times what is in use is enough.
const (
	stateFactor = 4
	spareDisk   = 16 << 20 // beside what journal and state.db may still take
	sparePart   = 10       // the journal has at most a tenth of the disk kept for it

	journalFull  = 4  // times its bound that the journal may grow, see journal.Prune; and state as much as the bound
	besideRecord = 64 // bytes in state.db of a staged record's tag, id and place
)

// Room returns how many bytes codes from above may still take, beside those that are
// staged. Below nothing they take more than they should.
func (s *Store) Room() (int64, error) {
	used, unused, err := s.stateBytes()
	if err != nil {
		return 0, s.suspect(err)
	}
	free, total, err := s.o.Free(s.dir)
	if err != nil {
		return 0, fmt.Errorf("cannot tell how full the disk of %q is: %w", s.dir, err)
	}
	journal := max(0, (journalFull+1)*s.o.JournalBytes-s.j.EventBytes())
	state := max(0, (stateFactor-1)*used-unused)
	disk := free - spareDisk - min(journal, total/sparePart) - state
	return min(s.o.StateBytes/stateFactor-used, disk/stateFactor) - s.stagedBytes(), nil
}

func (s *Store) stagedBytes() (n int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, l := range s.staged {
		n += l.bytes + l.bytes/4 // pages are not full
	}
	return n
}

// stateBytes tells how many bytes of state.db are in use, and how many not, by bbolt's
// own counts: to look at each page would read the whole file and keep its writer waiting
// meanwhile. What is pending may still be read, and is free after that.
func (s *Store) stateBytes() (used, unused int64, err error) {
	err = guard("the pages of state.db", func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			st := s.db.Stats()
			unused = int64(st.FreePageN+st.PendingPageN) * pageSize
			used = tx.Size() - unused
			return nil
		})
	})
	return used, unused, err
}

// diskFree tells how many bytes of a directory's file system are free, of how many.
func diskFree(dir string) (free, total int64, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, 0, err
	}
	size := uint64(fs.Bsize)                                     //nolint:gosec,nolintlint // a block size is positive
	return int64(fs.Bavail * size), int64(fs.Blocks * size), nil //nolint:gosec // bytes of a disk
}

// Marks returns how many ids of a set have a mark: used or revoked. It looks at each.
func (s *Store) Marks(set string) (n int, err error) {
	s.mu.RLock()
	for _, l := range s.ls {
		if l == nil {
			continue
		}
		for key := range l.marks {
			if key.Set == set {
				n++
			}
		}
	}
	s.mu.RUnlock()
	prefix := markKey(locker.CodeKey{Set: set})
	err = guard("the use marks", func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte(bucketMarks)).Cursor()
			for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
				n++
			}
			return nil
		})
	})
	return n, s.suspect(err)
}
