package store

import (
	"testing"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

// TestStricterMark: each of the two marks of a code holds by itself. A page of state.db
// that is an old one, and whole by its checksums, does not make a used code unused, nor
// a revoked one live.
func TestStricterMark(t *testing.T) {
	for _, has := range []locker.Mark{{Used: 1}, {Revoked: true}} {
		for name, old := range map[string]func(tx *bbolt.Tx) error{
			"in the record": func(tx *bbolt.Tx) error {
				c, m := testCode(1), locker.Mark{}
				return tx.Bucket([]byte(genID{"acme", 0}.codes())).Put(c.Tag[:], appendCode(nil, &c, &m))
			},
			"in the marks": func(tx *bbolt.Tx) error { return tx.Bucket([]byte(bucketMarks)).Delete(markKey(key("acme", 1))) },
		} {
			s := openStore(t, t.TempDir(), Options{})
			must(t, s, put("acme", 1))
			must(t, s, &locker.Commit{Marks: []locker.MarkChange{{Code: key("acme", 1), Mark: has}}})
			if err := s.flush(); err != nil {
				t.Fatal(err)
			}
			if err := s.update("an old page", old); err != nil {
				t.Fatal(err)
			}
			e, ok, err := s.Find(testCode(1).Tag)
			if err != nil || !ok || e.Mark.Used != has.Used || e.Mark.Revoked != has.Revoked {
				t.Errorf("old %s: %+v %v %v, want %+v", name, e.Mark, ok, err, has)
			}
		}
	}
}
