package rs485

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// writeLimit is how long a frame may wait for room in the port's buffer, which
// is empty at that moment unless the port is stuck.
const writeLimit = 500 * time.Millisecond

// tty is a Port on a serial device. go.bug.st/serial sets the line up and
// keeps it exclusive; the bytes go over a second, non-blocking descriptor,
// because that package's Write has no deadline and nothing frees it (neither
// TCFLSH nor Close, measured on a pty), and because reading without blocking
// under a mutex lets Sync be exact.
type tty struct {
	line serial.Port
	file *os.File
	raw  syscall.RawConn
	note string // what could not be set, though the port works

	mu   sync.Mutex
	into func([]byte)
	buf  [256]byte
}

var _ Port = (*tty)(nil)

// held is what to do about a port that somebody else has.
const held = "another program holds it; stop that one, or give this bus its own port"

// openTTY opens a serial device for this process alone. TIOCEXCL does not keep
// root out, so the descriptor carries an advisory lock too. With turn the
// port's driver is to switch the direction of an RS-485 line: before the line
// is set up, as that raises RTS, and again where that undid it.
func openTTY(name string, baud int, turn bool) (_ Port, err error) {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open port %q: %s: %s", name, err.Error(), cureOpen(err))
	}
	file := os.NewFile(uintptr(fd), name)
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("cannot open port %q: %s: %s", name, err.Error(), held)
	}
	if turn {
		takeDirection(fd, directionIoctl)
	}
	line, err := serial.Open(name, &serial.Mode{BaudRate: baud})
	if err != nil {
		return nil, fmt.Errorf("cannot set up port %q at %d baud: %s: is it a serial port?", name, baud, err.Error())
	}
	letGoOfPty(fd)
	raw, err := file.SyscallConn()
	if err == nil {
		err = file.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot watch port %q: %s", name, err.Error()), line.Close())
	}
	t := &tty{line: line, file: file, raw: raw}
	if turn {
		t.note = takeDirection(fd, directionIoctl)
	}
	return t, nil
}

// letGoOfPty takes TIOCEXCL back where the port is a pty. A line loses it with its last
// close, however its holder has ended; a pty keeps it for as long as its other end
// lives (socat, a simulator), and a lockerd that was killed would shut itself out.
// There the lock alone keeps others off. Only a kill in the microseconds between
// serial.Open and this still leaves it.
func letGoOfPty(fd int) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err == nil && fs.Type == unix.DEVPTS_SUPER_MAGIC {
		_ = unix.IoctlSetInt(fd, unix.TIOCNXCL, 0) // no tty refuses it
	}
}

// noted is a port that works, though not all of it could be set up.
type noted interface{ Note() string }

// Note implements noted.
func (t *tty) Note() string { return t.note }

func cureOpen(err error) string {
	switch {
	case errors.Is(err, unix.ENOENT):
		return "plug the adapter in; it is looked for again by itself"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return "let the user of lockerd into the group of the device (dialout)"
	case errors.Is(err, unix.EBUSY):
		return held
	}
	return "it is tried again by itself"
}

// Receive implements Port.
func (t *tty) Receive(into func([]byte)) error {
	t.mu.Lock()
	t.into = into
	t.mu.Unlock()
	for {
		var failed error
		err := t.raw.Read(func(fd uintptr) bool {
			var again bool
			again, failed = t.pull(int(fd))
			return !again
		})
		if err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
	}
}

// pull reads once without waiting and says whether there was nothing.
func (t *tty) pull(fd int) (again bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.into == nil {
		return true, nil
	}
	n, err := unix.Read(fd, t.buf[:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return true, nil
	case errors.Is(err, unix.EINTR):
		return false, nil
	case err != nil:
		return false, err
	case n == 0: // a tty that was hung up
		return false, io.EOF
	}
	t.into(t.buf[:n])
	return false, nil
}

// syncReads bounds one Sync: a line that fills 16 buffers before a request
// could be sent is flooded, and what it brings is not a reply anyway.
const syncReads = 16

// Sync implements Port.
func (t *tty) Sync() {
	_ = t.raw.Control(func(fd uintptr) { // closed: Receive tells
		for range syncReads {
			if again, err := t.pull(int(fd)); again || err != nil {
				return
			}
		}
	})
}

// TryWrite implements Port.
func (t *tty) TryWrite(p []byte) int {
	n := 0
	_ = t.raw.Control(func(fd uintptr) { n, _ = unix.Write(int(fd), p) }) // closed: Write tells
	return max(n, 0)
}

// Write implements Port.
func (t *tty) Write(p []byte) (int, error) {
	if err := t.file.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return 0, err
	}
	return t.file.Write(p)
}

// Discard implements Port.
func (t *tty) Discard() {
	_ = t.raw.Control(func(fd uintptr) {
		_ = unix.IoctlSetInt(int(fd), unix.TCFLSH, unix.TCOFLUSH) // a device that is gone has nothing to drop
	})
}

// Close implements Port. Output that cannot leave is dropped first: close(2)
// would wait for it (closing_wait, 30 s by default).
func (t *tty) Close() error {
	t.Discard()
	return errors.Join(t.file.Close(), t.line.Close())
}
