package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
)

const longDelay = time.Hour // the applier stays out of the way

func openStore(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	if o.ApplyDelay == 0 {
		o.ApplyDelay = longDelay
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// crash closes the files without any of what a clean stop does.
func crash(s *Store) {
	s.closing.Do(func() {
		close(s.stop)
		s.workers.Wait()
		s.release()
	})
}

func must(t *testing.T, s *Store, c *locker.Commit) uint64 {
	t.Helper()
	first, err := s.Commit(c)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

func testCode(i int) locker.Code {
	return locker.Code{
		ID: fmt.Sprintf("c-%07d", i), Tag: locker.TagOf("lon-042", fmt.Sprintf("text-%d", i)), Kind: locker.Collect,
		Ref: fmt.Sprintf("REQ%07d", i), Door: locker.DoorID{Locker: 1, Door: uint8(1 + i%34)},
		NotBefore: 1795428000000, NotAfter: 1795628000000, Name: "A. Lovelace",
	}
}

func put(set string, is ...int) *locker.Commit {
	c := &locker.Commit{}
	for _, i := range is {
		k := testCode(i)
		c.Codes = append(c.Codes, locker.CodeChange{Set: set, Put: &k})
	}
	return c
}

func use(set string, i, used int) *locker.Commit {
	return &locker.Commit{
		Events: []locker.Event{{At: 1795428000000, Clock: locker.ClockSynced, Boot: 1, Type: locker.EvCodeAccepted, Code: testCode(i).ID, Set: set}},
		Marks:  []locker.MarkChange{{Code: key(set, i), Mark: locker.Mark{Used: used}}},
	}
}

func key(set string, i int) locker.CodeKey { return locker.CodeKey{Set: set, ID: testCode(i).ID} }

func digestOf(is ...int) (d locker.Digest) {
	for _, i := range is {
		c := testCode(i)
		d.Toggle(c.DigestPart())
	}
	return d
}

// stages runs check with a commit unapplied, applied, after a crash and after a
// clean stop.
func stages(t *testing.T, s *Store, check func(t *testing.T, s *Store)) {
	t.Helper()
	dir := s.dir
	t.Run("overlay", func(t *testing.T) { check(t, s) })
	crash(s)
	s = openStore(t, dir, Options{})
	t.Run("replayed", func(t *testing.T) { check(t, s) })
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	t.Run("applied", func(t *testing.T) { check(t, s) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, Options{})
	if !s.Report().Clean {
		t.Error("a clean stop was not seen as one")
	}
	t.Run("reopened", func(t *testing.T) { check(t, s) })
	dbLost(t, s)
	s = openStore(t, dir, Options{})
	if s.Report().Rebuilt == "" {
		t.Error("a rebuild was not reported")
	}
	t.Run("rebuilt", func(t *testing.T) { check(t, s) })
}

func TestCommitIsSeen(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	if r := s.Report(); !r.Created || !r.Clean {
		t.Fatalf("a new store reports %+v", r)
	}
	must(t, s, put("acme", 1, 2, 3))
	door := locker.DoorRecord{Door: locker.DoorID{Locker: 1, Door: 7}, Item: &locker.Item{Tenant: "acme", SKU: "laptop-14", Condition: locker.Ready}, Intent: &locker.Intent{Code: key("acme", 1), At: 5}}
	c := use("acme", 1, 1)
	c.Doors = []locker.DoorRecord{door}
	c.Values = map[string][]byte{locker.ValueBoot: []byte("7"), "gone": []byte("x"), "empty": {}}
	if first := must(t, s, c); first != 1 || c.Events[0].Seq != 1 || len(c.Events[0].Hash) != 64 {
		t.Fatalf("first %d, event %+v", first, c.Events[0])
	}
	must(t, s, &locker.Commit{Values: map[string][]byte{"gone": nil}})
	must(t, s, &locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Revoke: testCode(2).ID}, {Set: "acme", Revoke: "t-unknown"}, {Set: "acme", Drop: testCode(3).ID}}})
	stages(t, s, func(t *testing.T, s *Store) {
		t.Helper()
		e, ok, err := s.Lookup(testCode(1).Tag)
		if err != nil || !ok || e.Set != "acme" || !reflect.DeepEqual(e.Code, testCode(1)) || e.Mark.Used != 1 {
			t.Errorf("lookup: %+v %v %v", e, ok, err)
		}
		if e, ok, err := s.Lookup(testCode(2).Tag); err != nil || !ok || !e.Mark.Revoked {
			t.Errorf("revoked: %+v %v %v", e, ok, err)
		}
		if _, ok, err := s.Lookup(testCode(3).Tag); err != nil || ok {
			t.Errorf("dropped: %v %v", ok, err)
		}
		if m, ok, err := s.Mark(locker.CodeKey{Set: "acme", ID: "t-unknown"}); err != nil || !ok || !m.Revoked {
			t.Errorf("unknown id revoked: %+v %v %v", m, ok, err)
		}
		if e, ok, err := s.Code(key("acme", 1)); err != nil || !ok || e.Code.Ref != testCode(1).Ref {
			t.Errorf("by id: %+v %v %v", e, ok, err)
		}
		if info := s.Sets()["acme"]; info.Count != 1 || info.Digest != digestOf(1) {
			t.Errorf("set %+v", info)
		}
		if ds, err := s.Doors(); err != nil || !reflect.DeepEqual(ds, []locker.DoorRecord{door}) {
			t.Errorf("doors %+v %v", ds, err)
		}
		if v, ok, err := s.Value(locker.ValueBoot); err != nil || !ok || string(v) != "7" {
			t.Errorf("boot %q %v %v", v, ok, err)
		}
		if v, ok, err := s.Value("empty"); err != nil || !ok || len(v) != 0 {
			t.Errorf("empty %q %v %v", v, ok, err)
		}
		if _, ok, err := s.Value("gone"); err != nil || ok {
			t.Errorf("deleted value: %v %v", ok, err)
		}
		n := 0
		for _, err := range s.Codes("acme") {
			if err != nil {
				t.Error(err)
			}
			n++
		}
		if n != 2 {
			t.Errorf("%d records in acme", n)
		}
		lines, err := s.Events(1, 10)
		if err != nil || len(lines) != 1 || !strings.Contains(string(lines[0]), `"type":"code.accepted"`) {
			t.Errorf("events %s %v", lines, err)
		}
		if v, err := s.Verify(t.Context()); err != nil || !v.OK {
			t.Errorf("verify %+v %v", v, err)
		}
	})
}

func TestPutKeepsMark(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	must(t, s, put("acme", 1))
	must(t, s, use("acme", 1, 1))
	again := testCode(1)
	again.Rev, again.Tag = 1, locker.TagOf("lon-042", "other text")
	must(t, s, &locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Put: &again}}})
	must(t, s, &locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Revoke: testCode(5).ID}}})
	must(t, s, put("acme", 5))
	stages(t, s, func(t *testing.T, s *Store) {
		t.Helper()
		if _, ok, _ := s.Lookup(testCode(1).Tag); ok {
			t.Error("the old tag is still known")
		}
		if e, ok, err := s.Lookup(again.Tag); err != nil || !ok || e.Mark.Used != 1 || e.Code.Rev != 1 {
			t.Errorf("%+v %v %v", e, ok, err)
		}
		if e, ok, err := s.Lookup(testCode(5).Tag); err != nil || !ok || !e.Mark.Revoked {
			t.Errorf("put after revoke: %+v %v %v", e, ok, err)
		}
		want := again.DigestPart()
		if info := s.Sets()["acme"]; info.Count != 1 || info.Digest != want {
			t.Errorf("set %+v, want digest %s", info, want)
		}
	})
}

func TestOneSyncPerCommit(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	must(t, s, put("acme", 1))
	before := s.Stats()
	must(t, s, use("acme", 1, 1))
	if d := s.Stats().Syncs - before.Syncs; d != 1 {
		t.Fatalf("%d syncs in one commit", d)
	}
}

func TestSecondStoreIsRefused(t *testing.T) {
	dir := t.TempDir()
	openStore(t, dir, Options{})
	_, err := Open(t.Context(), dir, Options{})
	if err == nil || !strings.Contains(err.Error(), "another lockerd runs on it") {
		t.Fatalf("got %v", err)
	}
}

func TestWait(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	got := make(chan error, 1)
	go func() { got <- s.Wait(t.Context(), 1) }()
	must(t, s, use("acme", 1, 1))
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
