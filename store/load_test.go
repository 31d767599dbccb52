package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"lockerd/daemon/locker"
)

func stage(t *testing.T, s *Store, set string, is ...int) *Load {
	t.Helper()
	l, err := s.LoadSnapshot(set)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range is {
		if err := l.Add([]locker.Code{testCode(i)}); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func finish(t *testing.T, l *Load, version int64) {
	t.Helper()
	if _, err := l.Finish(locker.SetInfo{Epoch: 1, Version: version}, &locker.Commit{Events: []locker.Event{{Type: locker.EvCodesApplied}}}); err != nil {
		t.Fatal(err)
	}
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestLoadReplacesSet(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	must(t, s, put("acme", 100, 101))
	must(t, s, use("acme", 3, 1))
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	l := stage(t, s, "acme", upTo(20)...)
	if _, ok, _ := s.Lookup(testCode(1).Tag); ok {
		t.Error("a staged code is seen")
	}
	must(t, s, use("acme", 4, 1)) // marks that come while the load is under way
	if _, err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	must(t, s, use("acme", 5, 1))
	must(t, s, &locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Revoke: testCode(6).ID}}})
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	finish(t, l, 7)
	must(t, s, put("acme", 200))
	check := func(t *testing.T, s *Store) {
		t.Helper()
		for i, used := range map[int]int{2: 0, 3: 1, 4: 1, 5: 1, 200: 0} {
			e, ok, err := s.Lookup(testCode(i).Tag)
			if err != nil || !ok || e.Mark.Used != used {
				t.Errorf("code %d: %+v %v %v", i, e.Mark, ok, err)
			}
			if e, ok, err := s.Code(key("acme", i)); err != nil || !ok || e.Code.Tag != testCode(i).Tag {
				t.Errorf("code %d by id: %v %v", i, ok, err)
			}
		}
		if e, ok, err := s.Lookup(testCode(6).Tag); err != nil || !ok || !e.Mark.Revoked {
			t.Errorf("revoked while loading: %+v %v %v", e, ok, err)
		}
		if _, ok, _ := s.Lookup(testCode(100).Tag); ok {
			t.Error("a code of the old generation is seen")
		}
		live := append(upTo(6), 200)
		for i := 7; i < 20; i++ {
			live = append(live, i)
		}
		if info := s.Sets()["acme"]; info.Count != 20 || info.Epoch != 1 || info.Version != 7 || info.Digest != digestOf(live...) {
			t.Errorf("set %+v", info)
		}
	}
	check(t, s)
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.sweep(); err != nil {
		t.Fatal(err)
	}
	if got := generations(t, s); len(got) != 2 {
		t.Errorf("buckets %q", got)
	}
	dir := s.dir
	crash(s)
	s = openStore(t, dir, Options{})
	check(t, s)
	dbLost(t, s)
	s = openStore(t, dir, Options{})
	if r := s.Report(); r.Rebuilt == "" || len(r.LostSets) != 1 {
		t.Errorf("report %+v", r)
	}
	if info := s.Sets()["acme"]; info != (locker.SetInfo{}) {
		t.Errorf("a lost set is at %+v", info)
	}
	if _, ok, _ := s.Lookup(testCode(200).Tag); ok {
		t.Error("a set that was lost has a code")
	}
	finish(t, stage(t, s, "acme", 3, 200), 9)
	if e, ok, err := s.Lookup(testCode(3).Tag); err != nil || !ok || e.Mark.Used != 1 {
		t.Errorf("mark after a new load: %+v %v %v", e.Mark, ok, err)
	}
}

func generations(t *testing.T, s *Store) (out []string) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if _, ok := genSuffix(string(name)); ok {
				out = append(out, string(name))
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLoadOfManyRuns goes over several runs and many slices.
func TestLoadOfManyRuns(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	n := 2*runCodes + 77
	loadSet(t, s, "acme", n)
	if info := s.Sets()["acme"]; info.Count != n {
		t.Fatalf("%+v", info)
	}
	for i := 0; i < n; i += 997 {
		if e, ok, err := s.Lookup(testCode(i).Tag); err != nil || !ok || e.Code.ID != testCode(i).ID {
			t.Fatalf("code %d: %v %v", i, ok, err)
		}
		if e, ok, err := s.Code(key("acme", i)); err != nil || !ok || e.Code.ID != testCode(i).ID {
			t.Fatalf("code %d by id: %v %v", i, ok, err)
		}
	}
	if _, ok, err := s.Code(key("acme", n+1)); ok || err != nil {
		t.Fatalf("unknown id: %v %v", ok, err)
	}
	must(t, s, use("acme", 5, 1))
	must(t, s, &locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Drop: testCode(6).ID}}})
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	var e locker.Entry
	err := s.read("", func(r *reader) error {
		_, err := r.stored(genID{"acme", 1}, []byte(genID{"acme", 1}.codes()), testCode(5).Tag, &e)
		return err
	})
	if err != nil || e.Mark.Used != 1 {
		t.Fatalf("the record's own mark: %+v %v", e.Mark, err)
	}
	if _, ok, _ := s.Lookup(testCode(6).Tag); ok {
		t.Error("dropped code is there")
	}
	if err := tx0(s, func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			return err
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func tx0(s *Store, fn func(*bbolt.Tx) error) error { return s.db.View(fn) }

func TestLoadRefusals(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	l := stage(t, s, "acme", 1, 2)
	want := digestOf(1, 2)
	if info, err := l.Seal(); err != nil || info.Count != 2 || info.Digest != want {
		t.Fatalf("%+v %v", info, err)
	}
	if err := l.Add([]locker.Code{testCode(3)}); err == nil {
		t.Error("added after Seal")
	}
	if _, err := l.Finish(locker.SetInfo{Digest: digestOf(1)}, nil); !errors.Is(err, ErrDigest) {
		t.Errorf("got %v", err)
	}
	if _, err := l.Finish(locker.SetInfo{Epoch: 1, Digest: want}, nil); err != nil {
		t.Error(err)
	}
	twice := stage(t, s, "acme", 1, 1)
	if _, err := twice.Seal(); err == nil || !strings.Contains(err.Error(), ErrTwice.Error()) {
		t.Errorf("got %v", err)
	}
	twice.Discard()
	if _, err := twice.Finish(locker.SetInfo{}, nil); err == nil {
		t.Error("finished after Discard")
	}
	if info := s.Sets()["acme"]; info.Count != 2 {
		t.Errorf("%+v", info)
	}
}

// TestUnfinishedLoad leaves no trace, whether discarded or cut by a crash.
func TestUnfinishedLoad(t *testing.T) {
	for _, how := range []string{"discard", "crash", "close"} {
		t.Run(how, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir, Options{})
			l := stage(t, s, "acme", upTo(50)...)
			if _, err := l.Seal(); err != nil {
				t.Fatal(err)
			}
			switch how {
			case "discard":
				l.Discard()
			case "crash":
				crash(s)
				s = openStore(t, dir, Options{})
			case "close":
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = openStore(t, dir, Options{})
			}
			if err := s.sweep(); err != nil {
				t.Fatal(err)
			}
			if got := generations(t, s); len(got) != 0 {
				t.Errorf("buckets %q", got)
			}
			if left, err := filepath.Glob(filepath.Join(dir, stagePattern)); err != nil || len(left) != 0 {
				t.Errorf("%v %v", left, err)
			}
			finish(t, stage(t, s, "acme", 1), 1)
		})
	}
}

// TestPrunedStateIsRebuilt: what the journal has forgotten is in the checkpoint.
func TestPrunedStateIsRebuilt(t *testing.T) {
	o := Options{JournalBytes: 8 << 10, SegmentBytes: 4 << 10}
	dir := t.TempDir()
	s := openStore(t, dir, o)
	must(t, s, put(locker.SetLocal, 1, 2, 3))
	must(t, s, use(locker.SetLocal, 2, 1))
	finish(t, stage(t, s, "acme", 10, 11), 1)
	must(t, s, use("acme", 10, 1))
	for i := range 200 {
		must(t, s, &locker.Commit{
			Events: []locker.Event{{Type: locker.EvScanRefused, Scanner: "front"}},
			Values: map[string][]byte{"n": fmt.Append(nil, i)},
		})
	}
	s.Acked(50, s.o.Now())
	if err := s.prune(); err != nil {
		t.Fatal(err)
	}
	if s.EventBytes() > 12<<10 || s.First() < 20 {
		t.Errorf("%d bytes, first %d", s.EventBytes(), s.First())
	}
	dbLost(t, s)
	s = openStore(t, dir, o)
	if r := s.Report(); r.Rebuilt == "" || r.NewJournal != "" || len(r.LostSets) != 1 {
		t.Fatalf("report %+v", r)
	}
	if e, ok, err := s.Lookup(testCode(2).Tag); err != nil || !ok || e.Mark.Used != 1 || e.Set != locker.SetLocal {
		t.Errorf("local code: %+v %v %v", e, ok, err)
	}
	if e, ok, err := s.Code(key(locker.SetLocal, 3)); err != nil || !ok || e.Code.ID != testCode(3).ID {
		t.Errorf("local code by id: %v %v", ok, err)
	}
	if info := s.Sets()[locker.SetLocal]; info.Count != 3 || info.Digest != digestOf(1, 2, 3) {
		t.Errorf("local: %+v", info)
	}
	if info := s.Sets()["acme"]; info != (locker.SetInfo{}) {
		t.Errorf("acme: %+v", info)
	}
	if m, ok, err := s.Mark(key("acme", 10)); err != nil || !ok || m.Used != 1 {
		t.Errorf("mark: %+v %v %v", m, ok, err)
	}
	if v, _, err := s.Value("n"); err != nil || string(v) != "199" {
		t.Errorf("value %q %v", v, err)
	}
	if v, err := s.Verify(t.Context()); err != nil || !v.OK {
		t.Errorf("%+v %v", v, err)
	}
}

func TestLookupPrefersLive(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	for _, set := range []string{"a", "b", "c"} {
		must(t, s, put(set, 1))
	}
	for _, set := range []string{"a", "c"} {
		must(t, s, &locker.Commit{Codes: []locker.CodeChange{{Set: set, Revoke: testCode(1).ID}}})
	}
	stages(t, s, func(t *testing.T, s *Store) {
		t.Helper()
		if e, ok, err := s.Lookup(testCode(1).Tag); err != nil || !ok || e.Set != "b" {
			t.Errorf("%+v %v %v", e, ok, err)
		}
	})
}

func TestMain(m *testing.M) {
	if path, ok := os.LookupEnv("LOCKERD_STORE_TEST_CHECK"); ok { // the child of TestInChild and TestChildIsBounded
		if path == "keeper" {
			os.Exit(keeper())
		}
		if err := errors.Join(BoundChild(), childCheck(path)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childCheck is CheckFile, or for the path "hungry" a check that takes memory
// as one in circles does: up to 2 GiB, so that a missing bound fails this test
// and not the machine.
func childCheck(path string) error {
	if path != "hungry" {
		return CheckFile(path)
	}
	var held [][]byte
	for range 2 << 10 {
		held = append(held, bytes.Repeat([]byte{1}, 1<<20))
	}
	fmt.Fprintln(os.Stderr, "took", len(held), "MiB, and was let")
	return nil
}

// keeper exits 1 where a limit on memory that was set is not there: qemu-user
// takes RLIMIT_DATA and drops it, for its own memory would be under it, too.
func keeper() int {
	want, got := unix.Rlimit{Cur: 1 << 30, Max: 1 << 30}, unix.Rlimit{}
	if err := errors.Join(unix.Setrlimit(unix.RLIMIT_DATA, &want), unix.Getrlimit(unix.RLIMIT_DATA, &got)); err != nil || got != want {
		return 1
	}
	return 0
}

func TestChildIsBounded(t *testing.T) {
	t.Setenv("LOCKERD_STORE_TEST_CHECK", "keeper")
	if err := exec.CommandContext(t.Context(), os.Args[0]).Run(); err != nil {
		t.Skipf("this kernel drops RLIMIT_DATA, as qemu-user does: %v", err)
	}
	t.Setenv("LOCKERD_STORE_TEST_CHECK", "hungry")
	err := InChild(os.Args[0])(t.Context(), "hungry")
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "alloc") && !strings.Contains(err.Error(), "memory") { // the runtime's words, or the race detector's
		t.Fatalf("got %v", err)
	}
}

func TestInChild(t *testing.T) {
	dir := filled(t)
	t.Setenv("LOCKERD_STORE_TEST_CHECK", statePath(dir))
	check := InChild(os.Args[0])
	if err := check(t.Context(), statePath(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(statePath(dir), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(t.Context(), statePath(dir)); !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v", err)
	}
}

// TestWhoHoldsTag: within a set any record, elsewhere only a live one.
func TestWhoHoldsTag(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	finish(t, stage(t, s, "acme", 1, 2, 3), 1)
	tag := func(i int) locker.Tag { c := testCode(i); return c.Tag }
	if n := s.Records("acme"); n != 3 {
		t.Errorf("%d records", n)
	}
	if e, ok, err := s.Within("acme", tag(2)); err != nil || !ok || e.Code.ID != testCode(2).ID {
		t.Errorf("%+v %v %v", e, ok, err)
	}
	if _, ok, err := s.Within("globex", tag(2)); err != nil || ok {
		t.Error("found in another set", err)
	}
	if _, ok, err := s.Elsewhere("acme", []locker.Tag{tag(1), tag(2)}); err != nil || ok {
		t.Error("its own set counts as another", err)
	}
	if e, ok, err := s.Elsewhere("globex", []locker.Tag{tag(9), tag(2)}); err != nil || !ok || e.Code.Tag != tag(2) {
		t.Errorf("%+v %v %v", e, ok, err)
	}
	revoke := &locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Revoke: testCode(2).ID}}}
	if _, err := s.Commit(revoke); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Elsewhere("globex", []locker.Tag{tag(2)}); err != nil || ok {
		t.Error("a revoked code holds its tag", err)
	}
}

// TestFreshen brings marks into a sealed load while commits go on, and Finish
// brings those that came after it.
func TestFreshen(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	l := stage(t, s, "acme", 1, 2, 3)
	if err := l.Freshen(); err == nil {
		t.Error("freshened before Seal")
	}
	if _, err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	mark := func(i int) {
		t.Helper()
		key := locker.CodeKey{Set: "acme", ID: testCode(i).ID}
		if _, err := s.Commit(&locker.Commit{Marks: []locker.MarkChange{{Code: key, Mark: locker.Mark{Used: 1}}}}); err != nil {
			t.Fatal(err)
		}
	}
	mark(1)
	if err := l.Freshen(); err != nil {
		t.Fatal(err)
	}
	mark(2)
	finish(t, l, 1)
	for i, used := range map[int]int{1: 1, 2: 1, 3: 0} {
		c := testCode(i)
		if e, ok, err := s.Lookup(c.Tag); err != nil || !ok || e.Mark.Used != used {
			t.Errorf("code %d: %+v %v %v", i, e.Mark, ok, err)
		}
	}
}
