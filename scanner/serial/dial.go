package serial

import (
	"errors"
	"io"
	"sync"

	bugst "go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// dial opens a port with 8N1, alone, and empty of what came before.
func dial(name string, baud int) (io.ReadWriteCloser, error) {
	lock, err := lockPort(name)
	if err != nil {
		return nil, err
	}
	p, err := bugst.Open(name, &bugst.Mode{BaudRate: baud, DataBits: 8})
	if err != nil {
		_ = unix.Close(lock) // the reason is err
		return nil, err
	}
	letGoOfPty(lock)
	port := &lockedPort{Port: p, lock: lock}
	if err := p.ResetInputBuffer(); err != nil {
		_ = port.Close() // the reason is err
		return nil, errors.New("cannot empty its buffer: " + err.Error())
	}
	return port, nil
}

// lockPort takes the lock of a port on a descriptor of its own: the exclusive
// mode of a tty does not stop root, and two readers would share the bytes.
func lockPort(name string) (int, error) {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EBUSY) {
		return -1, heldBy(err)
	}
	if err != nil {
		return -1, err
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = unix.Close(fd) // the reason is err
		return -1, heldBy(err)
	}
	return fd, nil
}

func heldBy(err error) error { return errors.New("another program holds it: " + err.Error()) }

// letGoOfPty takes TIOCEXCL back where the port is a pty. A line loses it with its last
// close, however its holder has ended; a pty keeps it for as long as its other end
// lives, and a lockerd that was killed would shut itself out. There the lock alone
// keeps others off.
func letGoOfPty(fd int) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err == nil && fs.Type == unix.DEVPTS_SUPER_MAGIC {
		_ = unix.IoctlSetInt(fd, unix.TIOCNXCL, 0) // no tty refuses it
	}
}

// lockedPort gives the lock back with the port, and writes by the lock's
// descriptor: it is non-blocking, and nothing would free a write on a line that
// takes nothing.
type lockedPort struct {
	bugst.Port
	mu   sync.Mutex // guards lock against use after its closing
	lock int        // -1: closed
}

// Write implements io.Writer. It does not wait: a command fits into what every
// line takes at once.
func (p *lockedPort) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lock < 0 {
		return 0, io.ErrClosedPipe
	}
	n, err := unix.Write(p.lock, b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return max(n, 0), err
}

// Close implements io.Closer.
func (p *lockedPort) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lock < 0 {
		return nil
	}
	err := errors.Join(p.Port.Close(), unix.Close(p.lock))
	p.lock = -1
	return err
}
