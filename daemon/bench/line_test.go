package bench

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// line is a pair of ptys, one for the scanner and one for the bus, and the
// boards of the bank at the other end of it.
type line struct {
	scanner, bus         *os.File // masters
	scannerPort, busPort string
	unlocked             chan time.Time // first byte of each unlock frame
	open                 map[[2]byte]time.Time
}

const stands = 100 * time.Millisecond // how long a door stands open

func newLine(tb testing.TB) *line {
	tb.Helper()
	l := &line{unlocked: make(chan time.Time, 16), open: map[[2]byte]time.Time{}}
	l.scanner, l.scannerPort = openPTY(tb)
	l.bus, l.busPort = openPTY(tb)
	go l.boards()
	return l
}

func openPTY(tb testing.TB) (*os.File, string) {
	tb.Helper()
	m, s, err := pty.Open()
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := term.MakeRaw(int(s.Fd())); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close(); _ = s.Close() })
	return m, s.Name()
}

// boards answers as xor8a boards do and notes when an unlock begins.
func (l *line) boards() {
	buf, have := make([]byte, 256), []byte(nil)
	for {
		n, err := l.bus.Read(buf)
		now := time.Now()
		if err != nil {
			return
		}
		if len(have) == 0 && buf[0] == 0x8A {
			l.unlocked <- now
		}
		have = append(have, buf[:n]...)
		for len(have) >= 5 {
			l.answer(have[:5])
			have = have[5:]
		}
	}
}

func (l *line) answer(f []byte) {
	board, lock := f[1], f[2]
	if f[0] == 0x8A {
		l.open[[2]byte{board, lock}] = time.Now().Add(stands)
		_, _ = l.bus.Write(sum([]byte{0x8A, board, lock, 0x00}))
		return
	}
	bits := uint32(0xFFFFFF)
	for k, until := range l.open {
		switch {
		case time.Now().After(until):
			delete(l.open, k)
		case k[0] == board:
			bits &^= 1 << (k[1] - 1)
		}
	}
	if lock > 0 { // read one
		_, _ = l.bus.Write(sum([]byte{0x80, board, lock, 0x11 * byte(bits>>(lock-1)&1)}))
		return
	}
	_, _ = l.bus.Write(sum([]byte{0x80, board, byte(bits >> 16), byte(bits >> 8), byte(bits), 0x33}))
}

func sum(b []byte) []byte {
	x := byte(0)
	for _, c := range b {
		x ^= c
	}
	return append(b, x)
}

// scan sends a code and returns the time from its last byte to the unlock.
func (l *line) scan(text string) (time.Duration, error) {
	for len(l.unlocked) > 0 {
		<-l.unlocked
	}
	if _, err := l.scanner.WriteString(text); err != nil {
		return 0, err
	}
	time.Sleep(time.Millisecond) // the code comes over 25 ms at 9600 baud; its last byte is what counts
	t0 := time.Now()
	if _, err := l.scanner.WriteString("\r"); err != nil {
		return 0, err
	}
	select {
	case t := <-l.unlocked:
		return t.Sub(t0), nil
	case <-time.After(5 * time.Second):
		return 0, errors.New("no unlock within five seconds")
	}
}
