package rs485

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// limit is how long a test waits for what must happen at once.
const limit = 10 * time.Second

// pair makes a pty: the peer's end and the name of ours.
func pair(t *testing.T) (*os.File, string) {
	t.Helper()
	peer, own, err := pty.Open()
	if err != nil {
		t.Skipf("no pty here: %v", err)
	}
	name := own.Name()
	t.Cleanup(func() {
		_ = peer.Close() // a test may have closed it
		_ = own.Close()
	})
	return peer, name
}

func dialTTY(t *testing.T, name string) Port {
	t.Helper()
	port, err := openTTY(name, 9600, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = port.Close() }) // a test may have closed it
	return port
}

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(limit):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// received starts the receiver; what it got comes on the first channel, its
// end on the second.
func received(port Port) (<-chan []byte, <-chan error) {
	got, end := make(chan []byte, 64), make(chan error, 1)
	go func() { end <- port.Receive(func(p []byte) { got <- bytes.Clone(p) }) }()
	return got, end
}

func TestTTYCarriesAllBytes(t *testing.T) {
	peer, name := pair(t)
	port := dialTTY(t, name)
	got, end := received(port)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	if n, err := port.Write(all); n != len(all) || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	heard := make(chan []byte, 1)
	go func() {
		b := make([]byte, len(all))
		for n := 0; n < len(b); {
			m, err := peer.Read(b[n:])
			if err != nil {
				break
			}
			n += m
		}
		heard <- b
	}()
	if b := await(t, "the peer", heard); !bytes.Equal(b, all) {
		t.Errorf("the peer heard %x", b)
	}
	if _, err := peer.Write(all); err != nil {
		t.Fatal(err)
	}
	var in []byte
	for len(in) < len(all) {
		in = append(in, await(t, "bytes", got)...)
	}
	if !bytes.Equal(in, all) {
		t.Errorf("received %x", in)
	}
	if err := port.Close(); err != nil {
		t.Error(err)
	}
	if err := await(t, "the receiver's end", end); err == nil {
		t.Error("the receiver ended without a reason")
	}
}

func TestTTYIsHeldByOne(t *testing.T) {
	_, name := pair(t)
	first := dialTTY(t, name)
	if _, err := openTTY(name, 9600, false); err == nil || !strings.HasPrefix(err.Error(), "cannot open port ") {
		t.Errorf("opened twice: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := dialTTY(t, name).Close(); err != nil {
		t.Error(err)
	}
}

// TestPtyOutlivesAKill holds that a pty, whose other end lives on, is not left exclusive
// by a holder that was killed: nobody but root could open it then.
func TestPtyOutlivesAKill(t *testing.T) {
	_, name := pair(t)
	dialTTY(t, name)
	look, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close() //nolint:errcheck // of a test
	if on, err := unix.IoctlGetInt(int(look.Fd()), unix.TIOCGEXCL); err != nil || on != 0 {
		t.Fatalf("exclusive %d, %v", on, err)
	}
}

func TestTTYThatIsNone(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{plain, plain + ".absent"} {
		if _, err := openTTY(name, 9600, false); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTTYUnplugged(t *testing.T) {
	peer, name := pair(t)
	port := dialTTY(t, name)
	_, end := received(port)
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := await(t, "the receiver's end", end); err == nil {
		t.Error("the receiver ended without a reason")
	}
	if n, err := port.Write([]byte{1}); err == nil {
		t.Errorf("%d bytes written to nowhere", n)
	}
}

// A peer that takes nothing stops a write for writeLimit only, and what it has
// not taken can be dropped.
func TestTTYStalled(t *testing.T) {
	_, name := pair(t)
	port := dialTTY(t, name)
	type outcome struct {
		n   int
		err error
	}
	done := make(chan outcome, 1)
	begun := time.Now()
	go func() {
		n, err := port.Write(make([]byte, 1<<20))
		done <- outcome{n, err}
	}()
	o := await(t, "the write", done)
	if !errors.Is(o.err, os.ErrDeadlineExceeded) || o.n == 1<<20 {
		t.Errorf("%d bytes, %v", o.n, o.err)
	}
	if took := time.Since(begun); took < writeLimit || took > writeLimit+2*time.Second {
		t.Errorf("gave up after %v", took)
	}
	port.Discard()
	if n, err := port.Write([]byte{1, 2, 3}); n != 3 || err != nil {
		t.Errorf("after dropping: %d bytes, %v", n, err)
	}
	closed := make(chan error, 1)
	go func() { closed <- port.Close() }()
	if err := await(t, "the close", closed); err != nil {
		t.Error(err)
	}
}

// Sync and the receiver hand on each byte once between them.
func TestTTYSyncLosesNothing(t *testing.T) {
	peer, name := pair(t)
	port := dialTTY(t, name)
	const rounds = 200
	counted := make(chan int, 5*rounds)
	end := make(chan error, 1)
	go func() { end <- port.Receive(func(p []byte) { counted <- len(p) }) }()
	for range rounds {
		if _, err := peer.Write([]byte{1, 2, 3, 4, 5}); err != nil {
			t.Fatal(err)
		}
		port.Sync()
	}
	total := 0
	for total < 5*rounds {
		total += await(t, "the rest", counted)
	}
	if err := port.Close(); err != nil {
		t.Error(err)
	}
	if err := await(t, "the receiver's end", end); err == nil {
		t.Error("the receiver ended without a reason")
	}
	if len(counted) > 0 || total != 5*rounds {
		t.Errorf("%d bytes and %d chunks more, want %d", total, len(counted), 5*rounds)
	}
}
