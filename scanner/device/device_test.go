package device

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/scanner"
	"lockerd/scanner/scannertest"
)

// line is a port in memory.
type line struct {
	in     chan string
	closed chan struct{}
	once   sync.Once
}

func newLine() *line { return &line{in: make(chan string), closed: make(chan struct{})} }

func (l *line) Read(p []byte) (int, error) {
	select {
	case s, ok := <-l.in:
		if !ok {
			return 0, io.ErrUnexpectedEOF
		}
		return copy(p, s), nil
	case <-l.closed:
		return 0, io.ErrClosedPipe
	}
}

func (l *line) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func open(t *testing.T, suffix string, sink scanner.Sink, dial func() (io.ReadCloser, error)) *Source {
	t.Helper()
	s, err := Open(Config{Name: "front", Kind: "port", Port: "/dev/x", Suffix: suffix, Dial: dial}, sink)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeSource(t *testing.T, s *Source) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func want(t *testing.T, l *scannertest.Log, lines ...string) {
	t.Helper()
	synctest.Wait()
	if got := l.All(); got != strings.Join(lines, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(lines, "\n"))
	}
}

func TestScans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, port := scannertest.NewLog(), newLine()
		s := open(t, "\r", l, func() (io.ReadCloser, error) { return port, nil })
		defer closeSource(t, s)
		port.in <- "ABCD\r\nEF"
		port.in <- "GH\r"
		want(t, l, "front back", "ABCD", "EFGH")
		if at := l.Scans()[1].At; !at.Equal(time.Now()) {
			t.Errorf("scanned at %s, want %s", at, time.Now())
		}
		port.in <- "EFGH\rXY\r"
		want(t, l, "front back", "ABCD", "EFGH", "malformed")

		port.in <- "half"
		time.Sleep(scanner.MaxPause)
		port.in <- "IJKL\r"
		want(t, l, "front back", "ABCD", "EFGH", "malformed", "IJKL")
	})
}

func TestScansBySilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, port := scannertest.NewLog(), newLine()
		s := open(t, "", l, func() (io.ReadCloser, error) { return port, nil })
		defer closeSource(t, s)
		port.in <- "AB"
		time.Sleep(scanner.Silence - time.Millisecond)
		port.in <- "CD"
		read := time.Now()
		time.Sleep(scanner.Silence - time.Nanosecond)
		want(t, l, "front back")
		time.Sleep(time.Nanosecond)
		want(t, l, "front back", "ABCD")
		if at := l.Scans()[0].At; !at.Equal(read) {
			t.Errorf("scanned at %s, want %s, when the last byte was read", at, read)
		}
	})
}

// TestUnplug holds that a lost device is told once, looked for with growing
// pauses, and told once when it is there again.
func TestUnplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := scannertest.NewLog()
		start := time.Now()
		var dials []time.Duration
		first, second := newLine(), newLine()
		ports := []*line{nil, nil, nil, nil, nil, nil, first, nil, second}
		s := open(t, "\r", l, func() (io.ReadCloser, error) {
			dials = append(dials, time.Since(start))
			p := ports[0]
			ports = ports[1:]
			if p == nil {
				return nil, errors.New("no such device")
			}
			return p, nil
		})
		lost := `front lost: cannot open port "/dev/x": no such device; check the cable and the name of the port`
		time.Sleep(10 * time.Second)
		want(t, l, lost, "front back")
		first.in <- "ABCD\rhalf"
		close(first.in)
		time.Sleep(10 * time.Second)
		second.in <- "EFGH\r"
		want(t, l, lost, "front back", "ABCD",
			`front lost: cannot read port "/dev/x": unexpected EOF; check the cable`, "front back", "EFGH")
		closeSource(t, s)

		ms := time.Millisecond
		for i, at := range []time.Duration{0, 100 * ms, 300 * ms, 700 * ms, 1500 * ms, 3100 * ms, 5100 * ms, 10100 * ms, 10300 * ms} {
			if i >= len(dials) || dials[i] != at {
				t.Fatalf("dialled after %v, want number %d at %s", dials, i, at)
			}
		}
	})
}

// TestFlickering holds that a port that opens and fails at once is not opened
// in a busy loop.
func TestFlickering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		s := open(t, "\r", scannertest.NewLog(), func() (io.ReadCloser, error) {
			dials++
			p := newLine()
			close(p.in)
			return p, nil
		})
		time.Sleep(time.Minute)
		closeSource(t, s)
		if dials > 36 {
			t.Errorf("opened %d times in a minute", dials)
		}
	})
}

// empty is a port whose reads return nothing, as with a read timeout.
type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, nil }
func (empty) Close() error             { return nil }

func TestEmptyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := scannertest.NewLog()
		s := open(t, "\r", l, func() (io.ReadCloser, error) { return empty{}, nil })
		defer closeSource(t, s)
		want(t, l, "front back", `front lost: cannot read port "/dev/x": `+errSilent.Error()+"; check the cable")
	})
}

// stuck is a port that can't be closed before it is let go.
type stuck struct{ *line }

func (s stuck) Close() error { <-s.in; return s.line.Close() }

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, port := scannertest.NewLog(), stuck{newLine()}
		s := open(t, "\r", l, func() (io.ReadCloser, error) { return port, nil })
		want(t, l, "front back")
		began := time.Now()
		if err := s.Close(); err == nil || time.Since(began) != closeWithin {
			t.Errorf("closed after %s with %v", time.Since(began), err)
		}
		close(port.in)
		<-s.done
	})
}

func TestBadSuffix(t *testing.T) {
	if _, err := Open(Config{Name: "front", Suffix: ";"}, scannertest.NewLog()); err == nil {
		t.Error("suffix ; was taken")
	}
}
