package serial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"lockerd/scanner/device"
	"lockerd/scanner/scannertest"
)

// plug makes a pty and lets the stable name point to it.
func plug(t *testing.T, name string) *os.File {
	t.Helper()
	end, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no ptys here: %v", err)
	}
	t.Cleanup(func() { _ = end.Close() })
	defer tty.Close() //nolint:errcheck // only its name is needed
	_ = os.Remove(name)
	if err := os.Symlink(tty.Name(), name); err != nil {
		t.Fatal(err)
	}
	return end
}

func closeSource(t *testing.T, s *device.Source) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func send(t *testing.T, end *os.File, s string) {
	t.Helper()
	if _, err := end.WriteString(s); err != nil {
		t.Fatal(err)
	}
}

func TestPty(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scanner")
	end := plug(t, name)
	l := scannertest.NewLog()
	s, err := Open(Config{Name: "front", Port: name, Baud: 9600, Suffix: "\r"}, l)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	if got := l.Wait(t); got != "front back" {
		t.Fatal(got)
	}
	send(t, end, "\x02]Q3 12345678901234567890123456 \x03\r\n")
	if got := l.Wait(t); got != "12345678901234567890123456" {
		t.Errorf("scanned %q", got)
	}
	send(t, end, "\x03\x11\x13\xff\r") // bytes that a tty that is not raw would eat
	if got := l.Wait(t); got != "malformed" {
		t.Errorf("scanned %q", got)
	}

	_ = end.Close() // unplug
	if got := l.Wait(t); !strings.HasPrefix(got, "front lost: cannot read port") {
		t.Errorf("told %q", got)
	}
	end = plug(t, name)
	if got := l.Wait(t); got != "front back" {
		t.Errorf("told %q", got)
	}
	send(t, end, "ABCD\r")
	if got := l.Wait(t); got != "ABCD" {
		t.Errorf("scanned %q", got)
	}
}

func TestPtyTakenByAnother(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scanner")
	plug(t, name)
	first, err := dial(name, 9600)
	if err != nil {
		t.Fatal(err)
	}
	l := scannertest.NewLog()
	s, err := Open(Config{Name: "front", Port: name, Baud: 9600, Suffix: "\r"}, l)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	if got := l.Wait(t); !strings.Contains(got, "another program holds it") {
		t.Errorf("told %q", got)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if got := l.Wait(t); got != "front back" {
		t.Errorf("told %q", got)
	}
}

// TestPtyOutlivesAKill holds that a pty, whose other end lives on, is not left exclusive
// by a holder that was killed: nobody but root could open it then.
func TestPtyOutlivesAKill(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scanner")
	plug(t, name)
	port, err := dial(name, 9600)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close() //nolint:errcheck // of a test
	look, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close() //nolint:errcheck // of a test
	if on, err := unix.IoctlGetInt(int(look.Fd()), unix.TIOCGEXCL); err != nil || on != 0 {
		t.Fatalf("exclusive %d, %v", on, err)
	}
}

func TestPtyMissing(t *testing.T) {
	l := scannertest.NewLog()
	s, err := Open(Config{Name: "front", Port: filepath.Join(t.TempDir(), "none"), Baud: 9600}, l)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	if got := l.Wait(t); !strings.Contains(got, "no such file") {
		t.Errorf("told %q", got)
	}
}

func TestNoTerminal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := dial(name, 9600); err == nil {
		_ = p.Close()
		t.Error("a plain file was opened as a port")
	}
	if p, err := dial(name, 9600); err == nil || strings.Contains(err.Error(), "another program") {
		t.Errorf("the lock of a failed opening stayed: %v, %v", p, err)
	}
}
