package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// fullCheckBytes is up to how many used bytes a start waits for the check of
// everything: some 100,000 codes.
const fullCheckBytes = 16 << 20

// CheckFile looks at a state.db as far as a start can wait for. It opens the
// file, which reads both metas and the free list, and reads every record of the
// small buckets. Of a file that is not large it reads everything else too; of a
// large one the scrub reads the codes while the bank runs. It may panic, fault
// or hang on a damaged file: see InChild.
func CheckFile(path string) error {
	return guard(path, func() error {
		o := boltOptions()
		o.ReadOnly, o.PreLoadFreelist = true, true
		db, err := bbolt.Open(path, 0o600, o)
		if err != nil {
			return fmt.Errorf("cannot open %q: %w: %w", path, err, ErrDamaged)
		}
		defer func() { _ = db.Close() }() // was only read
		return db.View(func(tx *bbolt.Tx) error {
			if err := checkBuckets(tx); err != nil {
				return err
			}
			if tx.Size() > fullCheckBytes { // the file itself grows by 16 MiB at a time
				return checkRecords(tx, false)
			}
			return errors.Join(checkTree(tx), checkRecords(tx, true))
		})
	})
}

// checkTree runs bbolt's own check. All of its findings are read, because it
// runs in a goroutine that must end with the transaction.
func checkTree(tx *bbolt.Tx) (first error) {
	for err := range tx.Check() {
		if first == nil {
			first = fmt.Errorf("cannot trust the pages of %q: %w: %w", tx.DB().Path(), err, ErrDamaged)
		}
	}
	return first
}

// What checkBuckets must know of bbolt's pages; internal/common of bbolt has it.
// A page begins with id (8 bytes), flags (2), count (2) and overflow (4); its
// elements follow. Numbers are in the order of the processor.
const (
	boltHeader   = 16 // bytes of a page's header
	boltElement  = 16 // bytes of an element: in a leaf flags, pos, ksize, vsize; in a branch pos, ksize, child (8)
	boltFlags    = 8  // where they stand in a header
	boltCount    = 10
	boltOverflow = 12
	boltBranch   = 0x01
	boltDepth    = 8 // of a tree of some dozens of buckets: a deeper one is a circle
)

// checkBuckets looks at the lengths of the elements that hold the buckets
// themselves. bbolt's check does not, and reading never needs them, but the next
// write copies that many bytes, from beyond the map if need be.
func checkBuckets(tx *bbolt.Tx) error {
	f, err := os.Open(tx.DB().Path())
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // was only read
	return checkElements(f, uint64(tx.Cursor().Bucket().Root()), boltDepth)
}

func checkElements(f *os.File, id uint64, depth int) error {
	page := make([]byte, pageSize)
	if _, err := f.ReadAt(page, int64(id)*pageSize); err != nil {
		return fmt.Errorf("cannot read page %d: %w: %w", id, err, ErrDamaged)
	}
	order := binary.NativeEndian
	branch := order.Uint16(page[boltFlags:]) == boltBranch
	size := (1 + uint64(order.Uint32(page[boltOverflow:]))) * pageSize
	for i := range int(order.Uint16(page[boltCount:])) {
		at := boltHeader + i*boltElement
		if at+boltElement > pageSize { // bbolt splits a page long before
			return fmt.Errorf("cannot trust the count of page %d: %w", id, ErrDamaged)
		}
		e := page[at : at+boltElement]
		if branch {
			if depth == 0 {
				return fmt.Errorf("cannot find the end of the tree at page %d: %w", id, ErrDamaged)
			}
			if err := checkElements(f, order.Uint64(e[8:]), depth-1); err != nil {
				return err
			}
			continue
		}
		pos, key, value := uint64(order.Uint32(e[4:])), uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
		if uint64(at)+pos+key+value > size {
			return fmt.Errorf("cannot trust bucket %d of page %d: its %d bytes are not within the page: %w", i, id, value, ErrDamaged)
		}
	}
	return nil
}

func checkRecords(tx *bbolt.Tx, codes bool) error {
	sound := func(_, _ []byte) error { return nil }
	for _, name := range []string{bucketMeta, bucketDoors, bucketMarks, bucketValues, bucketSets} {
		if err := eachSealed(tx, name, sound); err != nil {
			return err
		}
	}
	return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		if _, ok := genSuffix(string(name)); ok && codes {
			return eachSealed(tx, string(name), sound)
		}
		b.Cursor().First() // walks from the root to the first leaf
		return nil
	})
}
