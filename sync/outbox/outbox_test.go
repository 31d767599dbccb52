package outbox

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shelf is a journal in memory.
type shelf struct {
	mu    sync.Mutex
	lines [][]byte
	next  uint64
	grown chan struct{}
	acked uint64
	err   error
	bad   uint64 // err is met at this event, 0: at once
	reads int
}

func newShelf(n uint64) *shelf {
	return &shelf{lines: run(1, n), next: n + 1, grown: make(chan struct{})}
}

func (s *shelf) add(n uint64) { s.put(run(s.Next(), s.Next()+n-1)...) }

func (s *shelf) put(lines ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines, s.next = append(s.lines, lines...), s.next+uint64(len(lines))
	close(s.grown)
	s.grown = make(chan struct{})
}

func (s *shelf) drop(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = s.lines[n:]
}

// from returns the lines with a seq of at least seq.
func (s *shelf) from(seq uint64) [][]byte {
	i, _ := slices.BinarySearchFunc(s.lines, seq, func(l []byte, seq uint64) int {
		n, _ := seqOf(l)
		return cmp.Compare(n, seq)
	})
	return s.lines[i:]
}

func (s *shelf) First() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lines) == 0 {
		return s.next
	}
	n, _ := seqOf(s.lines[0])
	return n
}

func (s *shelf) Next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

func (s *shelf) Lines(from uint64, fn func([]byte) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	for _, l := range s.from(from) {
		if n, _ := seqOf(l); s.err != nil && n >= s.bad {
			return s.err
		}
		if !fn(l) {
			break
		}
	}
	return nil
}

func (s *shelf) Wait(ctx context.Context, next uint64) error {
	for {
		s.mu.Lock()
		grown := s.grown
		s.mu.Unlock()
		if s.Next() > next {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *shelf) AckedUpTo() uint64 { return s.acked }

// sender collects what a connection sends.
type sender struct {
	mu  sync.Mutex
	got []Batch
	o   *Outbox
}

func (s *sender) send(_ context.Context, b Batch) error {
	s.mu.Lock()
	s.got = append(s.got, b)
	s.mu.Unlock()
	s.o.Taken(b.Last)
	return nil
}

// sent returns first and last of the batches since the last call.
func (s *sender) sent() (out [][2]uint64) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.got {
		out = append(out, [2]uint64{b.First, b.Last})
	}
	s.got = nil
	return out
}

func connect(t *testing.T, o *Outbox) (s *sender, end func()) {
	t.Helper()
	s = &sender{o: o}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- o.Run(ctx, s.send) }()
	return s, func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
		o.Lost(false)
	}
}

func open(t *testing.T, j Journal) *Outbox {
	t.Helper()
	o, err := New(j, Options{Bank: "lon-042", JournalID: "j1"})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func expect(t *testing.T, got [][2]uint64, want ...[2]uint64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newShelf(230)
		o := open(t, j)
		s, end := connect(t, o)
		expect(t, s.sent(), [2]uint64{1, 50}, [2]uint64{51, 100}, [2]uint64{101, 150}, [2]uint64{151, 200})
		o.Acked(50)
		expect(t, s.sent(), [2]uint64{201, 230})
		if o.Acked(231) || o.Acked(1<<60) {
			t.Error("an acknowledgement of what is not there counts")
		}
		o.Acked(230)
		expect(t, s.sent())
		j.add(2)
		expect(t, s.sent(), [2]uint64{231, 232})
		end()
		j.add(1)
		s, end = connect(t, o)
		expect(t, s.sent(), [2]uint64{231, 233})
		time.Sleep(4 * time.Second)
		expect(t, s.sent())
		time.Sleep(time.Second)
		expect(t, s.sent(), [2]uint64{231, 233})
		o.Resync(200)
		expect(t, s.sent(), [2]uint64{200, 233})
		o.Resync(1 << 60)
		expect(t, s.sent())
		if st := o.Stats(); st.Acked != 233 || st.InFlight != 0 || st.Timeouts != 1 {
			t.Errorf("%+v", st)
		}
		end()
	})
}

func TestBeginsAtTheKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newShelf(10)
		j.acked = 7
		s, end := connect(t, open(t, j))
		expect(t, s.sent(), [2]uint64{8, 10})
		end()
		j.acked = 99 // of a journal that was replaced
		s, end = connect(t, open(t, j))
		expect(t, s.sent())
		j.add(1)
		expect(t, s.sent(), [2]uint64{11, 11})
		end()
	})
}

func TestPrunedUnderTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newShelf(300)
		o := open(t, j)
		s, end := connect(t, o)
		s.sent()
		j.drop(260)
		time.Sleep(6 * time.Second) // what was on its way goes again
		expect(t, s.sent(), [2]uint64{261, 300})
		if st := o.Stats(); st.Holes != 1 {
			t.Errorf("%+v", st)
		}
		o.Acked(300)
		expect(t, s.sent())
		end()
	})
}

func TestUnreadableJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newShelf(10)
		j.err = errors.New("bad sector")
		o := open(t, j)
		s, end := connect(t, o)
		for range 100 {
			j.add(1) // nudges
			synctest.Wait()
		}
		expect(t, s.sent())
		if j.reads != 1 {
			t.Errorf("read %d times within %v", j.reads, ReadRetry)
		}
		j.mu.Lock()
		j.err = nil
		j.mu.Unlock()
		time.Sleep(ReadRetry)
		expect(t, s.sent(), [2]uint64{1, 50}, [2]uint64{51, 100}, [2]uint64{101, 110})
		end()
	})
}

// TestBadSpot holds that a spot that can't be read keeps nothing back that lies
// in front of it.
func TestBadSpot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newShelf(200)
		j.err, j.bad = errors.New("bad sector"), 71
		o := open(t, j)
		s, end := connect(t, o)
		expect(t, s.sent(), [2]uint64{1, 50}, [2]uint64{51, 70})
		time.Sleep(ReadRetry - time.Millisecond)
		o.Acked(70)
		expect(t, s.sent())
		j.mu.Lock()
		j.err = nil
		j.mu.Unlock()
		time.Sleep(time.Millisecond)
		expect(t, s.sent(), [2]uint64{71, 120}, [2]uint64{121, 170}, [2]uint64{171, 200})
		end()
	})
}

// TestBoundedMemory holds that not more than a window is ever read ahead.
func TestBoundedMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := open(t, newShelf(10_000))
		s, end := connect(t, o)
		s.sent()
		if n := len(o.ahead.batches); n > Window {
			t.Errorf("%d batches cut ahead", n)
		}
		end()
	})
}
