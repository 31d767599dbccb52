package store

import (
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// errNewer is returned for a state.db that a later program wrote.
var errNewer = errors.New("written by a newer lockerd")

// migrations leads from the format version of the key to the next one. A
// journal record is never migrated: its readers take every version there was.
func migrations() map[uint64]func(*bbolt.Tx) error {
	return map[uint64]func(*bbolt.Tx) error{} // 1 is the first version
}

// migrate brings state.db to FormatWrites, each step in its own transaction. One
// that a successor wrote, who was rolled back, is used as it is up to FormatReads.
func (s *Store) migrate() error { return migrateTo(s.db, FormatWrites, FormatReads, migrations()) }

func migrateTo(db *bbolt.DB, want, most uint64, steps map[uint64]func(*bbolt.Tx) error) error {
	for {
		var have uint64
		err := db.View(func(tx *bbolt.Tx) (err error) {
			have, err = getNumber(tx, metaFormat)
			return err
		})
		switch {
		case err != nil:
			return err
		case have >= want && have <= most:
			return nil
		case have > most:
			return fmt.Errorf("cannot use %q: format %d, this program knows %d: %w; install the newer lockerd again", db.Path(), have, most, errNewer)
		}
		step := steps[have]
		if step == nil {
			return fmt.Errorf("cannot use %q: no way from format %d to %d: %w", db.Path(), have, want, ErrDamaged)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			if err := step(tx); err != nil {
				return err
			}
			return putNumber(tx, metaFormat, have+1)
		})
		if err != nil {
			return fmt.Errorf("cannot bring %q from format %d to %d: %w", db.Path(), have, have+1, err)
		}
	}
}
