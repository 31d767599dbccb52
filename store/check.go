package store

import (
	"errors"
	"fmt"

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
