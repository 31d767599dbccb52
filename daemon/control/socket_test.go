package control

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestListenMakesSocketAndDirectory(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // the umask must not take the group's right
	path := filepath.Join(t.TempDir(), "run", "s")
	l, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket || info.Mode().Perm() != 0o660 {
		t.Errorf("socket is %v (%v), want mode 0660", info.Mode(), err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket stays after Close: %v", err)
	}
}

// dead leaves the socket of a daemon that was killed.
func dead(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestListenReplacesStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead(t, path)
	l, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestListenRefuses(t *testing.T) {
	live := filepath.Join(t.TempDir(), "live")
	l, err := Listen(t.Context(), live)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		live:                                     "another lockerd answers on it: stop that one",
		file:                                     "a file that is no socket is in the way",
		filepath.Join(file, "below"):             "cannot make the directory of control socket",
		"/" + strings.Repeat("x", maxSocketPath): "set control.socket to a shorter one",
	} {
		if _, err := Listen(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen(%.40q) = %v, want %q", path, err, want)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("the file in the way is %q (%v)", b, err)
	}
	if _, err := net.Dial("unix", live); err != nil {
		t.Errorf("the live socket was harmed: %v", err)
	}
}

func TestCloseLeavesAnothersSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	old, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".old"); err != nil { // keeps its inode taken
		t.Fatal(err)
	}
	next, err := Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("closing the old listener took the new one's socket: %v", err)
	}
}
