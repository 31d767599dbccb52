// Package boltstore keeps a backend's state in one bbolt file.
//
// One process owns the file; a second Open fails with ErrBusy at once. A commit is on
// disk when Update returns. The file is made with mode 0600 under a temporary name and
// renamed, so that a cut while it is made leaves none. It holds tags and ids, never
// the text of a code, and no key.
//
// A copy made by Backup is a whole state, good to go on from: see what package backend
// promises of a store brought back.
package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"lockerd/store/durable"
	"lockerd/sync/backend"
)

// ErrBusy is returned when another process has the file.
var ErrBusy = errors.New("another process has it open")

const (
	pageSize = 4096
)

var bucketName = []byte("backend v1")

// Store is an open file.
type Store struct{ db *bbolt.DB }

var _ backend.Store = (*Store)(nil)

// Open opens the file, and makes it if there is none.
func Open(path string) (*Store, error) {
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("cannot make %s: %w", path, err)
		}
	}
	db, err := bbolt.Open(path, 0o600, options())
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("cannot open %s: %w", path, ErrBusy)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w; if it is damaged, put back a backup: banks and store will agree again", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucketName)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open %s: %w", path, err), db.Close())
	}
	return &Store{db: db}, nil
}

func options() *bbolt.Options {
	return &bbolt.Options{Timeout: 200 * time.Millisecond, PageSize: pageSize, FreelistType: bbolt.FreelistMapType}
}

// create makes a file whole before it has its name.
func create(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp := fmt.Sprintf("%s.new-%d", path, os.Getpid())
	db, err := bbolt.Open(tmp, 0o600, options())
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucketName)
		return err
	})
	if err = errors.Join(err, db.Close()); err == nil {
		err = os.Link(tmp, path) // not over one that somebody made meanwhile
		if errors.Is(err, os.ErrExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(tmp), durable.SyncDir(dir))
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Backup writes the present state to w, while the store goes on.
func (s *Store) Backup(w io.Writer) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// View implements backend.Store.
func (s *Store) View(read func(backend.Reader) error) error {
	return s.db.View(func(tx *bbolt.Tx) error { return read(bucket{tx.Bucket(bucketName)}) })
}

var errNoChange = errors.New("nothing was changed")

// Update implements backend.Store. What changes nothing costs no commit: a backend looks
// each second whether something is due.
func (s *Store) Update(change func(backend.Tx) error) error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		c := &changing{bucket: bucket{tx.Bucket(bucketName)}}
		if err := change(c); err != nil {
			return err
		}
		if !c.changed {
			return errNoChange
		}
		return nil
	})
	if errors.Is(err, errNoChange) {
		return nil
	}
	return err
}

type bucket struct{ b *bbolt.Bucket }

// changing is a bucket within a change.
type changing struct {
	bucket
	changed bool
}

func (c *changing) Put(key, value []byte) error {
	c.changed = true
	return c.b.Put(key, value)
}

func (c *changing) Delete(key []byte) error {
	c.changed = true
	return c.b.Delete(key)
}

func (b bucket) Get(key []byte) ([]byte, error) { return b.b.Get(key), nil }
func (b bucket) Scan(prefix, from []byte, each func(key, value []byte) bool) error {
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	c := b.b.Cursor()
	for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if !each(k, v) {
			break
		}
	}
	return nil
}

// Size is the size of the file in bytes.
func (s *Store) Size() (int64, error) {
	st, err := os.Stat(s.db.Path())
	if err != nil {
		return 0, fmt.Errorf("cannot look at the store: %w", err)
	}
	return st.Size(), nil
}
