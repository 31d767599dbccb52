package rs485_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"

	"github.com/creack/pty"
)

// adapter is a serial adapter on a pty with a stable name and boards behind it.
type adapter struct {
	name string
	peer *os.File
	own  *os.File
	done chan struct{}
}

// plugIn gives the name to a new pty, at whose other end c answers.
func plugIn(tb testing.TB, name string, c *cabinet) *adapter {
	tb.Helper()
	peer, own, err := pty.Open()
	if err != nil {
		tb.Skipf("no pty here: %v", err)
	}
	_ = os.Remove(name) // the first time there is none
	if err := os.Symlink(own.Name(), name); err != nil {
		tb.Fatal(err)
	}
	a := &adapter{name: name, peer: peer, own: own, done: make(chan struct{})}
	go a.serve(c)
	tb.Cleanup(a.pull)
	return a
}

func (a *adapter) serve(c *cabinet) {
	defer close(a.done)
	var in []byte
	buf := make([]byte, 64)
	for {
		n, err := a.peer.Read(buf)
		if err != nil {
			return
		}
		for in = append(in, buf[:n]...); len(in) >= 5; in = in[5:] {
			for _, answer := range c.answer(in[:5]) {
				if _, err := a.peer.Write(answer.bytes); err != nil {
					return
				}
			}
		}
	}
}

func (a *adapter) pull() {
	_ = a.peer.Close() // pulled twice at the end of a test
	_ = a.own.Close()
	<-a.done
}

// feed is a sink of channels.
type feed struct {
	pulsed chan hal.Pulsed
	boards chan hal.Board
	reads  chan hal.Observed
}

func newFeed() *feed {
	return &feed{make(chan hal.Pulsed, 4096), make(chan hal.Board, 4096), make(chan hal.Observed, 4096)}
}

func (f *feed) Pulsed(_ string, p hal.Pulsed) { f.pulsed <- p }
func (f *feed) Board(_ string, b hal.Board)   { f.boards <- b }
func (f *feed) Observed(_ string, o hal.Observed) {
	select {
	case f.reads <- o:
	default: // nobody looks
	}
}

func next[T any](tb testing.TB, what string, c <-chan T) T {
	tb.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		tb.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

func openBus(tb testing.TB, name string) (hal.Bus, *feed) {
	tb.Helper()
	codec, err := rsCodec()
	if err != nil {
		tb.Fatal(err)
	}
	f := newFeed()
	cfg := xorConfig(1)
	cfg.Port = name
	bus, err := rs485.Open(cfg, codec, f, rs485.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := bus.Close(); err != nil {
			tb.Error(err)
		}
	})
	return bus, f
}

func TestRealPortUnpluggedAndBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "port")
	c := &cabinet{boards: []int{1}}
	a := plugIn(t, name, c)
	bus, f := openBus(t, name)
	if b := next(t, "the board", f.boards); b.Lost {
		t.Fatalf("lost: %v", b.Err)
	}
	for id := range uint64(3) {
		if id > 0 {
			a.pull()
			if b := next(t, "the loss", f.boards); !b.Lost || b.Err == nil {
				t.Fatalf("reported %+v", b)
			}
			a = plugIn(t, name, c)
			if b := next(t, "the return", f.boards); b.Lost {
				t.Fatalf("lost: %v", b.Err)
			}
		}
		bus.Unlock(hal.Unlock{ID: id, Lock: hal.Lock{Address: 1, Channel: 1}, Expires: time.Now().Add(10 * time.Second)})
		if p := next(t, "the pulse", f.pulsed); p.Err != nil || p.ID != id {
			t.Fatalf("pulsed %+v", p)
		}
	}
	if s := bus.Stats(); s.Reopened != 2 || !s.Up {
		t.Errorf("stats %+v", s)
	}
}

func TestRealPortHeldByAnother(t *testing.T) {
	name := filepath.Join(t.TempDir(), "port")
	plugIn(t, name, &cabinet{boards: []int{1}})
	first, f := openBus(t, name)
	next(t, "the board", f.boards)
	_, g := openBus(t, name)
	if b := next(t, "the refusal", g.boards); !b.Lost || b.Err == nil {
		t.Fatalf("reported %+v", b)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if b := next(t, "the port", g.boards); b.Lost {
		t.Fatalf("lost: %v", b.Err)
	}
}

// BenchmarkUnlockToWire measures from Unlock to the first byte at the peer of
// a pty, idle before.
func BenchmarkUnlockToWire(b *testing.B) {
	name := filepath.Join(b.TempDir(), "port")
	heard := make(chan time.Time, 1)
	c := &cabinet{boards: []int{1}}
	c.mangle = func(req, reply []byte) []chunk {
		if req[0] == 0x8A {
			heard <- time.Now()
		}
		return []chunk{{0, reply}}
	}
	plugIn(b, name, c)
	bus, f := openBus(b, name)
	next(b, "the board", f.boards)
	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		asked := time.Now()
		bus.Unlock(hal.Unlock{Lock: hal.Lock{Address: 1, Channel: 1 + n%24}, Expires: asked.Add(10 * time.Second)})
		took = append(took, next(b, "the wire", heard).Sub(asked))
		next(b, "the pulse", f.pulsed)
		time.Sleep(310 * time.Millisecond) // until the coil is free and the line rests
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "us_median")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "us_max")
}
