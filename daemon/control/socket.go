package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketMode    = 0o660
	dirMode       = 0o750       // of a directory that had to be made: its group may reach the socket
	maxSocketPath = 107         // sockaddr_un holds 108 bytes, the last is 0 (unix(7))
	probeTimeout  = time.Second // for the daemon that may still own the socket
)

// Listen makes the control socket at path, and its directory. A socket left by
// a dead daemon is replaced; one that answers, or a file that is no socket, is
// refused. Closing the listener removes the socket if it is still its own.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("cannot make control socket %q: the path has %d bytes, the kernel takes %d: set control.socket to a shorter one", path, len(path), maxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, fmt.Errorf("cannot make the directory of control socket %q: %w: make it, writable for the user of lockerd, or set control.socket", path, err)
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	l, err := bind(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("cannot make control socket %q: %w: look who may write to its directory", path, err)
	}
	return l, nil
}

// removeStale removes the socket of a daemon that no longer lives.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look at control socket %q: %w", path, err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("cannot make control socket %q: a file that is no socket is in the way: move it, or set control.socket", path)
	}
	d := net.Dialer{Timeout: probeTimeout}
	c, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("cannot make control socket %q: another lockerd answers on it: stop that one, or set control.socket", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("cannot tell whether another lockerd owns control socket %q: %w: stop it, then remove the file", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("cannot remove the control socket %q of a dead lockerd: %w", path, err)
	}
	return nil
}

// bind makes the socket so that at no moment more than its group may write to
// it: Linux gives the file the mode of the descriptor, less the umask.
func bind(ctx context.Context, path string) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if cerr := raw.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), socketMode) }); cerr != nil {
			return cerr
		}
		return err
	}}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	own := &socket{Listener: l, path: path}
	if err := os.Chmod(path, socketMode); err != nil { // what the umask took
		_ = own.Close()
		return nil, err
	}
	if own.info, err = os.Lstat(path); err != nil {
		_ = own.Close()
		return nil, err
	}
	return own, nil
}

// socket is a listener that removes its own socket file, never another's that
// has taken its place.
type socket struct {
	net.Listener
	path string
	info os.FileInfo
	once sync.Once
}

// Close implements net.Listener.
func (s *socket) Close() error {
	s.once.Do(func() {
		now, err := os.Lstat(s.path)
		if err == nil && (s.info == nil || os.SameFile(now, s.info)) {
			_ = os.Remove(s.path)
		}
	})
	return s.Listener.Close()
}
