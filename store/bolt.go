package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
	"lockerd/store/durable"
)

// pageSize is 4 KiB on every board: boards with 16 KiB pages would write 3.4
// times as much.
const pageSize = 4096

// maxBoltSize is both the largest state.db and the size of its map, which must
// never have to move: 4 GiB, and 512 MiB in a 32-bit address space.
const maxBoltSize = 1 << (29 + 3*(^uint(0)>>63))

const boltLockTimeout = 2 * time.Second // dir/lock is held: only a stranger can hold it

// Formats of state.db: what this program writes (migrations leads from older ones
// to it), and the newest that it reads. A program that is rolled back meets what its
// successor wrote: so one release reads a new format, a later one writes it.
const (
	FormatWrites = 1
	FormatReads  = 1
)

// Top-level buckets.
const (
	bucketMeta   = "meta"
	bucketDoors  = "doors"
	bucketMarks  = "marks"
	bucketValues = "values"
	bucketSets   = "sets"
	prefixCodes  = "codes."
	prefixIDs    = "ids."
)

// Keys of the bucket meta.
const (
	metaFormat  = "format"
	metaJournal = "journal"
	metaApplied = "applied"
	metaNextGen = "next_gen"
)

func (g genID) codes() string { return prefixCodes + g.suffix() }
func (g genID) ids() string   { return prefixIDs + g.suffix() }
func (g genID) suffix() string {
	return g.Set + "\x00" + strconv.FormatUint(g.N, 10)
}

func boltOptions() *bbolt.Options {
	return &bbolt.Options{
		PageSize:        pageSize,
		InitialMmapSize: maxBoltSize,
		MaxSize:         maxBoltSize,
		FreelistType:    bbolt.FreelistMapType,
		Timeout:         boltLockTimeout,
	}
}

// createBolt makes an empty state.db of a journal under its name, whole or not
// at all. fill may put more into its first transaction.
func createBolt(path, journalID string, fill func(*bbolt.Tx) error) error {
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("cannot remove the unfinished file %q: %w", tmp, err)
	}
	db, err := bbolt.Open(tmp, 0o600, boltOptions())
	if err != nil {
		return fmt.Errorf("cannot create state file %q: %w", tmp, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error { return initBolt(tx, journalID, fill) })
	if err == nil {
		err = db.Sync()
	}
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("cannot write state file %q: %w", tmp, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("cannot rename state file %q: %w", tmp, err)
	}
	return durable.SyncDir(filepath.Dir(path))
}

func initBolt(tx *bbolt.Tx, journalID string, fill func(*bbolt.Tx) error) error {
	for _, name := range []string{bucketMeta, bucketDoors, bucketMarks, bucketValues, bucketSets} {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	if err := errors.Join(putNumber(tx, metaFormat, FormatWrites), putNumber(tx, metaApplied, 0)); err != nil {
		return err
	}
	if err := putSealed(tx, bucketMeta, []byte(metaJournal), []byte(journalID)); err != nil {
		return err
	}
	if fill == nil {
		return nil
	}
	return fill(tx)
}

// guard turns a panic or a fault on the map into ErrDamaged: bbolt panics on
// pages that make no sense, and a sector that can't be read arrives as SIGBUS.
func guard(what string, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cannot read %s: %v: %w", what, p, ErrDamaged)
		}
	}()
	return fn()
}

// putSealed stores a value with its checksum.
func putSealed(tx *bbolt.Tx, bucket string, key, payload []byte) error {
	return tx.Bucket([]byte(bucket)).Put(key, seal(key, append(make([]byte, sumSize, sumSize+len(payload)), payload...)))
}

// getSealed returns the payload of a value, nil if there is none. It dies with
// the transaction.
func getSealed(tx *bbolt.Tx, bucket string, key []byte) ([]byte, error) {
	b := tx.Bucket([]byte(bucket))
	if b == nil {
		return nil, fmt.Errorf("cannot find bucket %q: %w", bucket, ErrDamaged)
	}
	v := b.Get(key)
	if v == nil {
		return nil, nil
	}
	p, err := unseal(key, v)
	if err != nil {
		return nil, fmt.Errorf("cannot read key %q of %s: %w", key, bucket, err)
	}
	return p, nil
}

func putNumber(tx *bbolt.Tx, key string, n uint64) error {
	return putSealed(tx, bucketMeta, []byte(key), binary.BigEndian.AppendUint64(nil, n))
}

// getNumber returns a number of the bucket meta, 0 if it is not there.
func getNumber(tx *bbolt.Tx, key string) (uint64, error) {
	p, err := getSealed(tx, bucketMeta, []byte(key))
	if err != nil || p == nil {
		return 0, err
	}
	if len(p) != 8 {
		return 0, fmt.Errorf("cannot read key %q of %s: %w", key, bucketMeta, ErrDamaged)
	}
	return binary.BigEndian.Uint64(p), nil
}

func putJSON(tx *bbolt.Tx, bucket string, key []byte, v any) error {
	p, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("cannot encode key %q of %s: %w", key, bucket, err)
	}
	return putSealed(tx, bucket, key, p)
}

// decodeJSON reads a stored JSON payload. One that passed its checksum and is
// no JSON was written by another program.
func decodeJSON(p []byte, v any) error {
	if err := json.Unmarshal(p, v); err != nil {
		return fmt.Errorf("cannot decode a stored record: %w: %w", err, ErrDamaged)
	}
	return nil
}

// eachSealed calls fn with every record of a bucket.
func eachSealed(tx *bbolt.Tx, bucket string, fn func(key, payload []byte) error) error {
	b := tx.Bucket([]byte(bucket))
	if b == nil {
		return fmt.Errorf("cannot find bucket %q: %w", bucket, ErrDamaged)
	}
	return b.ForEach(func(k, v []byte) error {
		p, err := unseal(k, v)
		if err != nil {
			return fmt.Errorf("cannot read key %q of %s: %w", k, bucket, err)
		}
		return fn(k, p)
	})
}

func markKey(k locker.CodeKey) []byte { return []byte(k.Set + "\x00" + k.ID) }
