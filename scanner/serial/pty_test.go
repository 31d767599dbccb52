package serial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// patience is how long a test on a real pty waits for what must come.
const patience = 10 * time.Second

// wait returns the next line the sink is told.
func (l *log) wait(t *testing.T) string {
	t.Helper()
	select {
	case <-l.news:
	case <-time.After(patience):
		t.Fatalf("nothing came; so far:\n%s", l.all())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[len(l.lines)-1-len(l.news)]
}

// plug makes a pty and lets the stable name point to it.
func plug(t *testing.T, name string) (device *os.File) {
	t.Helper()
	device, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no ptys here: %v", err)
	}
	t.Cleanup(func() { _ = device.Close() })
	defer tty.Close() //nolint:errcheck // only its name is needed
	_ = os.Remove(name)
	if err := os.Symlink(tty.Name(), name); err != nil {
		t.Fatal(err)
	}
	return device
}

func send(t *testing.T, device *os.File, s string) {
	t.Helper()
	if _, err := device.WriteString(s); err != nil {
		t.Fatal(err)
	}
}

func TestPty(t *testing.T) {
	name := filepath.Join(t.TempDir(), "scanner")
	device := plug(t, name)
	l := newLog()
	s, err := Open(Config{Name: "front", Port: name, Baud: 9600, Suffix: "\r"}, l, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	if got := l.wait(t); got != "front back" {
		t.Fatal(got)
	}
	send(t, device, "\x02]Q3 12345678901234567890123456 \x03\r\n")
	if got := l.wait(t); got != "12345678901234567890123456" {
		t.Errorf("scanned %q", got)
	}
	send(t, device, "\x03\x11\x13\xff\r") // bytes that a tty that is not raw would eat
	if got := l.wait(t); got != "malformed" {
		t.Errorf("scanned %q", got)
	}

	_ = device.Close() // unplug
	if got := l.wait(t); !strings.HasPrefix(got, "front lost: cannot read port") {
		t.Errorf("told %q", got)
	}
	device = plug(t, name)
	if got := l.wait(t); got != "front back" {
		t.Errorf("told %q", got)
	}
	send(t, device, "ABCD\r")
	if got := l.wait(t); got != "ABCD" {
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
	l := newLog()
	s, err := Open(Config{Name: "front", Port: name, Baud: 9600, Suffix: "\r"}, l, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	if got := l.wait(t); !strings.Contains(got, "another program holds it") {
		t.Errorf("told %q", got)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if got := l.wait(t); got != "front back" {
		t.Errorf("told %q", got)
	}
}

func TestPtyMissing(t *testing.T) {
	l := newLog()
	s, err := Open(Config{Name: "front", Port: filepath.Join(t.TempDir(), "none"), Baud: 9600}, l, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeSource(t, s)
	if got := l.wait(t); !strings.Contains(got, "no such file") {
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
