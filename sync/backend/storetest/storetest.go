// Package storetest checks that a Store keeps what package backend needs of one. Run
// it over your own in three lines.
package storetest

import (
	"errors"
	"fmt"
	"testing"

	"lockerd/sync/backend"
)

// Run checks the store that open makes, a new and empty one each time.
func Run(t *testing.T, open func(*testing.T) backend.Store) {
	t.Helper()
	t.Run("order", func(t *testing.T) { order(t, open(t)) })
	t.Run("atomic", func(t *testing.T) { atomic(t, open(t)) })
	t.Run("empty values", func(t *testing.T) { empty(t, open(t)) })
}

func order(t *testing.T, s backend.Store) {
	t.Helper()
	must(t, s.Update(func(tx backend.Tx) error {
		for _, k := range []string{"b\x00\xff", "a", "b\x00", "b", "c", "b\x00\x00"} {
			if err := tx.Put([]byte(k), []byte("v"+k)); err != nil {
				return err
			}
		}
		return tx.Delete([]byte("nothing"))
	}))
	must(t, s.View(func(r backend.Reader) error {
		for from, want := range map[string]string{
			"": `["b" "b\x00" "b\x00\x00" "b\x00\xff"]`, "b\x00\x00": `["b\x00\x00" "b\x00\xff"]`, "c": `[]`, "a": `["b" "b\x00" "b\x00\x00" "b\x00\xff"]`,
		} {
			got := []string{}
			err := r.Scan([]byte("b"), []byte(from), func(k, v []byte) bool {
				if string(v) != "v"+string(k) {
					t.Errorf("%q holds %q", k, v)
				}
				got = append(got, string(k))
				return true
			})
			if s := fmt.Sprintf("%q", got); err != nil || s != want {
				t.Errorf("from %q: %s, %v; want %s", from, s, err, want)
			}
		}
		n := 0
		err := r.Scan(nil, nil, func([]byte, []byte) bool { n++; return n < 3 })
		if n != 3 {
			t.Errorf("told to stop after 3, went to %d", n)
		}
		return err
	}))
}

func atomic(t *testing.T, s backend.Store) {
	t.Helper()
	failed := errors.New("changed my mind")
	must(t, s.Update(func(tx backend.Tx) error { return tx.Put([]byte("a"), []byte("1")) }))
	err := s.Update(func(tx backend.Tx) error {
		must(t, tx.Put([]byte("a"), []byte("2")))
		must(t, tx.Put([]byte("b"), []byte("2")))
		must(t, tx.Delete([]byte("a")))
		if v, err := tx.Get([]byte("b")); err != nil || string(v) != "2" {
			t.Errorf("a change does not see itself: %q, %v", v, err)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("the error came back as %v", err)
	}
	must(t, s.View(func(r backend.Reader) error {
		a, err := r.Get([]byte("a"))
		if string(a) != "1" {
			t.Errorf("a is %q", a)
		}
		if b, err := r.Get([]byte("b")); err != nil || b != nil {
			t.Errorf("b is %q, %v", b, err)
		}
		return err
	}))
}

func empty(t *testing.T, s backend.Store) {
	t.Helper()
	must(t, s.Update(func(tx backend.Tx) error { return tx.Put([]byte("a"), nil) }))
	must(t, s.View(func(r backend.Reader) error {
		v, err := r.Get([]byte("a"))
		if v == nil {
			t.Error("a key with an empty value is not there")
		}
		return err
	}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
