package store

import (
	"errors"
	"testing"

	"lockerd/daemon/locker"
)

// fillState puts codes into a set until there is no room, and returns how many.
func fillState(t *testing.T, s *Store, from int) (n int) {
	t.Helper()
	for n = from; ; n += 1000 {
		left := roomNow(t, s)
		if left < 0 {
			return n
		}
		c := put("acme")
		for i := range 1000 {
			k := testCode(n + i)
			c.Codes = append(c.Codes, locker.CodeChange{Set: "acme", Put: &k})
		}
		must(t, s, c)
		if err := s.flush(); err != nil {
			t.Fatalf("with %d bytes left: %v", left, err)
		}
	}
}

func roomNow(t *testing.T, s *Store) int64 {
	t.Helper()
	left, err := s.Room()
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// TestRoom: when codes have taken all they may, the bank's own commits go on, a start
// too, and what is dropped makes room.
func TestRoom(t *testing.T) {
	o, dir := Options{StateBytes: 16 << 20}, t.TempDir()
	s := openStore(t, dir, o)
	n := fillState(t, s, 0)
	if n < 10_000 {
		t.Errorf("full with %d codes", n)
	}
	l, err := s.LoadSnapshot("globex")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add([]locker.Code{testCode(n)}); !errors.Is(err, ErrRoom) {
		t.Errorf("staged without room: %v", err)
	}
	l.Discard()
	for i := range 1000 {
		must(t, s, use("acme", i, 1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, dir, o)
	drop := &locker.Commit{}
	for i := range n / 2 {
		drop.Codes = append(drop.Codes, locker.CodeChange{Set: "acme", Drop: testCode(i).ID})
	}
	must(t, s, drop)
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	if left := roomNow(t, s); left < 1<<19 {
		t.Errorf("%d bytes of room after half the codes are gone", left)
	}
	n = fillState(t, s, n)
	all := &locker.Commit{} // touches every page
	for i := range n {
		all.Codes = append(all.Codes, locker.CodeChange{Set: "acme", Revoke: testCode(i).ID})
	}
	must(t, s, all)
	if err := s.flush(); err != nil {
		t.Error(err)
	}
}

// TestRoomStaged: a snapshot that has no room ends as one, and takes nothing else along.
func TestRoomStaged(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{StateBytes: 16 << 20})
	l, err := s.LoadSnapshot("acme")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; err == nil; n++ {
		err = l.Add([]locker.Code{testCode(n)})
	}
	if !errors.Is(err, ErrRoom) || n < 5_000 {
		t.Fatalf("%d codes, then %v", n, err)
	}
	if left := roomNow(t, s); left > 0 {
		t.Errorf("%d bytes of room beside a snapshot that takes it", left)
	}
	if _, err := l.Seal(); err != nil {
		t.Errorf("what was staged does not fit: %v", err)
	}
	l.Discard()
	if err := s.sweep(); err != nil {
		t.Fatal(err)
	}
	if left := roomNow(t, s); left < 2<<20 {
		t.Errorf("%d bytes of room after it has ended", left)
	}
	must(t, s, use("acme", 1, 1))
}

// TestRoomOnDisk: the journal may grow to five times its bound, and has that kept for
// it, or a tenth of a small disk.
func TestRoomOnDisk(t *testing.T) {
	var free, total int64 = 1 << 30, 16 << 30
	s := openStore(t, t.TempDir(), Options{Free: func(string) (int64, int64, error) { return free, total, nil }})
	is := func(want int64) {
		t.Helper()
		if left, err := s.Room(); err != nil || left != want {
			t.Errorf("%d bytes of room of %d free: %v, want %d", left, free, err, want)
		}
	}
	used, unused, err := s.stateBytes()
	if err != nil {
		t.Fatal(err)
	}
	within := 3*used - unused
	is((1<<30 - 5*DefaultJournalBytes - spareDisk - within) / 4)
	free = 0
	is((-5*DefaultJournalBytes - spareDisk - within) / 4)
	free, total = 200<<20, 1000<<20
	is((100<<20 - spareDisk - within) / 4)
	free = 1 << 40
	is(maxBoltSize/4 - used)
}

// TestMarks counts the marks of one set, in state.db and on the way to it.
func TestMarks(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	is := func(want int) {
		t.Helper()
		if n, err := s.Marks("acme"); err != nil || n != want {
			t.Errorf("%d marks, want %d: %v", n, want, err)
		}
	}
	is(0)
	must(t, s, use("acme", 1, 1))
	must(t, s, use("acm", 1, 1))
	must(t, s, use("acme2", 1, 1))
	must(t, s, &locker.Commit{Codes: []locker.CodeChange{{Set: "acme", Revoke: "c-x"}}})
	is(2)
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	is(2)
	must(t, s, use("acme", 2, 1))
	is(3)
}
