package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"lockerd/daemon/locker"
)

// dbLost stops the store as a crash does and takes state.db away.
func dbLost(t *testing.T, s *Store) {
	t.Helper()
	crash(s)
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
}

// filled is a closed store with a bit of everything in it.
func filled(t *testing.T) string {
	t.Helper()
	s := openStore(t, t.TempDir(), Options{})
	must(t, s, put("acme", 1, 2))
	must(t, s, put(locker.SetLocal, 9))
	c := use("acme", 1, 1)
	c.Doors = []locker.DoorRecord{{
		Door: locker.DoorID{Locker: 1, Door: 7}, Item: &locker.Item{Tenant: "acme", SKU: "x", Condition: locker.Ready},
		Intent: &locker.Intent{Code: key("acme", 1), At: 5}, Last: &locker.LastUse{Code: key("acme", 1)}, Out: []locker.Cause{locker.CauseJammed},
	}}
	c.Values = map[string][]byte{locker.ValueBoot: []byte("7"), locker.ValueFloor: []byte("99"), "desired": []byte("{}")}
	must(t, s, c)
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	must(t, s, &locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Revoke: testCode(2).ID}}})
	crash(s)
	return s.dir
}

func edit(t *testing.T, path string, fn func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fn(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func checkFilled(t *testing.T, s *Store) {
	t.Helper()
	if e, ok, err := s.Lookup(testCode(1).Tag); err != nil || !ok || e.Mark.Used != 1 {
		t.Errorf("used code: %+v %v %v", e, ok, err)
	}
	if e, ok, err := s.Lookup(testCode(2).Tag); err != nil || !ok || !e.Mark.Revoked {
		t.Errorf("revoked code: %+v %v %v", e, ok, err)
	}
	if info := s.Sets()["acme"]; info.Count != 1 || info.Digest != digestOf(1) {
		t.Errorf("set: %+v", info)
	}
	if v, err := s.Verify(t.Context()); err != nil || !v.OK {
		t.Errorf("verify: %+v %v", v, err)
	}
	must(t, s, use("acme", 2, 1))
}

// TestStateFileFaults: whatever becomes of state.db, the journal makes it anew.
func TestStateFileFaults(t *testing.T) {
	tests := map[string]struct {
		harm func(b []byte) []byte
		why  string
	}{
		"cut short":    {func(b []byte) []byte { return b[:5000] }, "cannot"},
		"empty":        {func([]byte) []byte { return nil }, "cannot"},
		"both metas":   {func(b []byte) []byte { b[30] ^= 1; b[4096+30] ^= 1; return b }, "cannot"},
		"garbage":      {func(b []byte) []byte { clear(b[2*pageSize:]); return b }, "cannot"},
		"code records": {func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "REQ0000001", "REQ0000009")) }, "damaged"},
		"door records": {func(b []byte) []byte {
			return []byte(strings.ReplaceAll(string(b), `"condition":"ready"`, `"condition":"reads"`))
		}, "damaged"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			edit(t, statePath(dir), tt.harm)
			s := openStore(t, dir, Options{})
			if r := s.Report(); r.Rebuilt == "" || !strings.Contains(r.Rebuilt, tt.why) || r.NewJournal != "" {
				t.Errorf("report %+v", r)
			}
			checkFilled(t, s)
		})
	}
}

// TestBucketLength: a bucket's length that leads out of the page is found before
// anything is written: bbolt reads it then only, and copies as many bytes.
func TestBucketLength(t *testing.T) {
	const bucketElement = "\x01\x00\x00\x00" // flags of an element
	for _, bit := range []int{13, 20, 29, 31} {
		t.Run(strconv.Itoa(bit), func(t *testing.T) {
			dir := filled(t)
			n := 0
			edit(t, statePath(dir), func(b []byte) []byte {
				for page := 2 * pageSize; page+pageSize <= len(b); page += pageSize {
					for at := page + boltHeader; bytes.HasPrefix(b[at:], []byte(bucketElement)) && at < page+pageSize/4; at += boltElement {
						b[at+12+bit/8] ^= 1 << (bit % 8)
						n++
					}
				}
				return b
			})
			if err := CheckFile(statePath(dir)); n == 0 || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "not within the page") {
				t.Errorf("%d buckets: %v", n, err)
			}
			s := openStore(t, dir, Options{})
			if s.Report().Rebuilt == "" {
				t.Errorf("report %+v", s.Report())
			}
			checkFilled(t, s)
		})
	}
}

// TestMetaRollback: a bit in the newest meta page silently takes a transaction
// back; the journal brings it again.
func TestMetaRollback(t *testing.T) {
	for page := range 2 {
		dir := filled(t)
		edit(t, statePath(dir), func(b []byte) []byte { b[page*pageSize+16+20] ^= 8; return b })
		s := openStore(t, dir, Options{})
		if s.Report().Rebuilt != "" {
			t.Logf("page %d: rebuilt: %s", page, s.Report().Rebuilt)
		}
		checkFilled(t, s)
	}
}

// TestHungCheck: a check that does not come to an end is damage.
func TestHungCheck(t *testing.T) {
	dir := filled(t)
	s := openStore(t, dir, Options{Check: func(context.Context, string) error { return context.DeadlineExceeded }})
	if s.Report().Rebuilt == "" || s.Report().RebuiltOld == "" {
		t.Errorf("report %+v", s.Report())
	}
	checkFilled(t, s)
}

// TestDamagedCodeIsNotServed: it is an error now, and a rebuild at the next
// start.
func TestDamagedCodeIsNotServed(t *testing.T) {
	dir := filled(t)
	s := openStore(t, dir, Options{})
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	crash(s)
	edit(t, statePath(dir), func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "REQ0000001", "REQ0000009")) })
	s = openStore(t, dir, Options{Check: trusting})
	if _, ok, err := s.Lookup(testCode(1).Tag); ok || !errors.Is(err, ErrDamaged) {
		t.Fatalf("%v %v", ok, err)
	}
	crash(s)
	s = openStore(t, dir, Options{})
	if s.Report().Rebuilt == "" {
		t.Error("not rebuilt")
	}
	checkFilled(t, s)
}

// trusting is a check that had no time to read the codes.
func trusting(context.Context, string) error { return nil }

func TestScrubFindsDamage(t *testing.T) {
	dir := filled(t)
	edit(t, statePath(dir), func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), "REQ0000001", "REQ0000009")) })
	s := openStore(t, dir, Options{Check: trusting})
	if _, err := s.scrubSlice(genID{Set: "acme"}.codes(), nil); !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(s.path + badSuffix); err != nil {
		t.Error(err)
	}
}

// TestRepairedBit: one bit of a commit is mended and reported.
func TestRepairedBit(t *testing.T) {
	dir := filled(t)
	edit(t, filepath.Join(dir, journalName, "0000000000000001.seg"), func(b []byte) []byte {
		b[strings.Index(string(b), `"revoke"`)+3] ^= 2
		return b
	})
	s := openStore(t, dir, Options{})
	if r := s.Report(); len(r.Repaired) != 1 || r.NewJournal != "" || r.TornBytes != 0 {
		t.Errorf("report %+v", r)
	}
	checkFilled(t, s)
}

// TestReplacedJournal: a journal that can't be mended is replaced, and nothing
// that could open a door is carried over.
func TestReplacedJournal(t *testing.T) {
	segment := func(dir string) string { return filepath.Join(dir, journalName, "0000000000000001.seg") }
	tests := map[string]func(t *testing.T, dir string){
		"damage in the middle": func(t *testing.T, dir string) {
			t.Helper()
			edit(t, segment(dir), func(b []byte) []byte {
				clear(b[strings.Index(string(b), `"put"`):][:60])
				return b
			})
		},
		"applied commits gone": func(t *testing.T, dir string) {
			t.Helper()
			edit(t, segment(dir), func(b []byte) []byte {
				at := strings.Index(string(b), `"put"`)
				clear(b[at-at%8:])
				return b
			})
		},
		"directory gone": func(t *testing.T, dir string) {
			t.Helper()
			if err := os.RemoveAll(filepath.Join(dir, journalName)); err != nil {
				t.Fatal(err)
			}
		},
		"cut short between the renames": func(t *testing.T, dir string) {
			t.Helper()
			edit(t, segment(dir), func([]byte) []byte { return []byte("nothing") })
			cutReplacement(t, dir)
		},
	}
	for name, harm := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filled(t)
			harm(t, dir)
			s := openStore(t, dir, Options{})
			r := s.Report()
			if r.NewJournal == "" || r.Clean {
				t.Errorf("report %+v", r)
			}
			checkReplaced(t, s)
			must(t, s, put("acme", 1))
			crash(s)
			s = openStore(t, dir, Options{})
			if s.Report().NewJournal != "" {
				t.Error("reported twice")
			}
		})
	}
}

func checkReplaced(t *testing.T, s *Store) {
	t.Helper()
	for _, i := range []int{1, 2, 9} {
		if _, ok, err := s.Lookup(testCode(i).Tag); ok || err != nil {
			t.Errorf("code %d: %v %v", i, ok, err)
		}
	}
	for name, info := range s.Sets() {
		if info != (locker.SetInfo{}) {
			t.Errorf("set %s: %+v", name, info)
		}
	}
	if m, ok, err := s.Mark(key("acme", 1)); err != nil || !ok || m.Used != 1 {
		t.Errorf("mark: %+v %v %v", m, ok, err)
	}
	ds, err := s.Doors()
	if err != nil || len(ds) != 1 || ds[0].Intent != nil || ds[0].Last != nil || ds[0].Item == nil || ds[0].Item.Condition != locker.Uncertain || len(ds[0].Out) != 1 {
		t.Errorf("doors: %+v %v", ds, err)
	}
	if v, _, _ := s.Value(locker.ValueBoot); string(v) != "7" {
		t.Errorf("boot %q", v)
	}
	if v, _, _ := s.Value(locker.ValueFloor); string(v) != "99" {
		t.Errorf("floor %q", v)
	}
	if _, ok, _ := s.Value("desired"); ok {
		t.Error("another value was carried over")
	}
	if s.Next() != 1 {
		t.Errorf("next %d", s.Next())
	}
}

// cutReplacement runs a replacement up to the moment in which the old journal
// has lost its name and the new one has none yet.
func cutReplacement(t *testing.T, dir string) {
	t.Helper()
	s := openStore(t, dir, Options{})
	crash(s)
	j := filepath.Join(dir, journalName)
	if err := os.Rename(j, j+".new"); err != nil {
		t.Fatal(err)
	}
	if s.Report().NewJournal == "" {
		t.Fatal("nothing was replaced")
	}
}

func TestDiskFull(t *testing.T) {
	full := false
	o := Options{WriteAt: func(f *os.File, b []byte, off int64) (int, error) {
		if full {
			return 0, unix.ENOSPC
		}
		return f.WriteAt(b, off)
	}}
	dir := t.TempDir()
	s := openStore(t, dir, o)
	must(t, s, put("acme", 1))
	full = true
	if _, err := s.Commit(use("acme", 1, 1)); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	full = false
	if _, err := s.Commit(use("acme", 1, 1)); err == nil {
		t.Fatal("a commit after a failed one was taken")
	}
	if m, ok, err := s.Mark(key("acme", 1)); ok || err != nil {
		t.Errorf("the failed commit is seen: %+v %v", m, err)
	}
	if err := s.Close(); err == nil {
		t.Error("closed without a word")
	}
	s = openStore(t, dir, Options{})
	if s.Report().Clean {
		t.Error("reported as clean")
	}
	if e, ok, err := s.Lookup(testCode(1).Tag); err != nil || !ok || e.Mark.Used != 0 {
		t.Errorf("%+v %v %v", e, ok, err)
	}
}

func TestMigration(t *testing.T) {
	dir := filled(t)
	db, err := openBolt(statePath(dir), maxBoltSize)
	if err != nil {
		t.Fatal(err)
	}
	var ran []uint64
	step := func(n uint64) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			ran = append(ran, n)
			return putSealed(tx, bucketValues, []byte("migrated"), []byte{byte(n)})
		}
	}
	steps := map[uint64]func(*bbolt.Tx) error{1: step(1), 2: step(2)}
	if err := migrateTo(db, 3, 3, steps); err != nil || len(ran) != 2 {
		t.Fatalf("%v %v", ran, err)
	}
	if err := migrateTo(db, 1, 3, nil); err != nil { // the program before, that reads what its successor wrote
		t.Fatalf("a rolled back program that reads 3: %v", err)
	}
	if err := migrateTo(db, 1, 2, nil); !errors.Is(err, errNewer) {
		t.Fatalf("a rolled back program that reads 2 only: %v", err)
	}
	if err := migrateTo(db, 5, 5, steps); !errors.Is(err, ErrDamaged) {
		t.Fatalf("without a way: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, Options{}); !errors.Is(err, errNewer) {
		t.Fatalf("a newer format: %v", err)
	}
}

func TestKeepsThreeDamaged(t *testing.T) {
	dir := filled(t)
	for range 5 {
		if err := os.WriteFile(statePath(dir), []byte("nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := openStore(t, dir, Options{})
		checkFilled(t, s)
		crash(s)
	}
	got, err := filepath.Glob(statePath(dir) + ".damaged-*")
	if err != nil || len(got) != keepDamaged {
		t.Fatalf("%v %v", got, err)
	}
}

// noSync is for tests that are about something else than durability.
func noSync(*os.File) error { return nil }
