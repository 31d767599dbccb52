package sim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const (
	// maxQueue bounds the frames that wait to be sent; what comes beyond it
	// collides and is lost.
	maxQueue = 64
	// maxUnread is how long a byte waits for a host that doesn't read before it
	// is lost, as it is on a wire.
	maxUnread = 50 * time.Millisecond
)

// port is one pty while it is plugged in: our end, and theirs held open so that
// it lives while no host has it.
type port struct {
	ours     *os.File
	theirs   *os.File
	byteTime time.Duration
	queue    chan []byte
	quit     chan struct{}
	wg       sync.WaitGroup
	to       func([]byte) // takes what is sent in place of the pty; nil: there is one
}

// openPort makes a pty in raw mode and puts link to it in place at once.
func openPort(link string, byteTime time.Duration) (*port, error) {
	ours, theirs, err := openPTY()
	if err != nil {
		return nil, fmt.Errorf("cannot open a pty: %w", err)
	}
	p := &port{ours: ours, theirs: theirs, byteTime: byteTime, queue: make(chan []byte, maxQueue), quit: make(chan struct{})}
	if err := relink(theirs.Name(), link); err != nil {
		p.closeFiles()
		return nil, fmt.Errorf("cannot name the pty %q: %w", link, err)
	}
	return p, nil
}

func openPTY() (ours, theirs *os.File, err error) {
	blocking, theirs, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = blocking.Close() }() // its descriptor lives on in ours
	if _, err := term.MakeRaw(int(theirs.Fd())); err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	ours, err = pollable(blocking)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// pollable returns f again such that closing it wakes who reads or writes it.
func pollable(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// relink points link to target without a moment in which there is none.
func relink(target, link string) error {
	tmp := filepath.Join(filepath.Dir(link), "."+filepath.Base(link)+rand.Text())
	if err := os.Symlink(target, tmp); err != nil {
		return err
	}
	return os.Rename(tmp, link)
}

// start reads what the host sends into hear and writes what is queued, and
// noise while there is any, until the port is closed.
func (p *port) start(hear func(b []byte, at time.Time), n *noise) {
	p.wg.Go(func() { p.read(hear) })
	p.wg.Go(func() { p.write(n) })
}

func (p *port) read(hear func(b []byte, at time.Time)) {
	buf := make([]byte, maxRequest)
	for {
		n, err := p.ours.Read(buf)
		if n > 0 {
			hear(buf[:n], time.Now())
		}
		if err != nil && !p.idle() {
			return
		}
	}
}

// idle tells whether the port is still ours after a failed read: Linux fails
// reads with EIO for as long as no host has a pty open, which we prevent, so
// that only closing is left.
func (p *port) idle() bool {
	select {
	case <-p.quit:
		return false
	case <-time.After(time.Millisecond):
		return true
	}
}

func (p *port) write(n *noise) {
	for {
		due, wait := n.due()
		if len(due) > 0 {
			p.put(due)
		}
		var again <-chan time.Time
		if wait > 0 {
			again = time.After(wait)
		}
		select {
		case b := <-p.queue:
			p.pace(b)
		case <-n.woken:
		case <-again:
		case <-p.quit:
			return
		}
	}
}

// pace writes bytes as they come over the wire.
func (p *port) pace(b []byte) {
	if p.byteTime == 0 {
		p.put(b)
		return
	}
	start, sent := time.Now(), 0
	for sent < len(b) {
		select {
		case <-time.After(time.Until(start.Add(time.Duration(sent+1) * p.byteTime))):
		case <-p.quit:
			return
		}
		whole := min(len(b), max(sent+1, int(time.Since(start)/p.byteTime)))
		p.put(b[sent:whole])
		sent = whole
	}
}

func (p *port) put(b []byte) {
	if p.to != nil {
		p.to(b)
		return
	}
	// Neither can fail but by closing or by a host that doesn't read, and then
	// the bytes are lost.
	_ = p.ours.SetWriteDeadline(time.Now().Add(maxUnread))
	_, _ = p.ours.Write(b)
}

// send queues a frame; it never blocks.
func (p *port) send(b []byte) {
	select {
	case p.queue <- b:
	default:
	}
}

// stall stops the host's writes, or lets them go again: XOFF at the terminal.
func (p *port) stall(on bool) error {
	const tcOff, tcOn = 0, 1 // TCOOFF and TCOON of tcflow(3)
	action := tcOn
	if on {
		action = tcOff
	}
	if err := unix.IoctlSetInt(int(p.theirs.Fd()), unix.TCXONC, action); err != nil {
		return fmt.Errorf("cannot stall %s: %w", p.theirs.Name(), err)
	}
	return nil
}

// close hangs the host up and waits until nothing runs.
func (p *port) close() {
	close(p.quit)
	p.closeFiles()
	p.wg.Wait()
}

func (p *port) closeFiles() {
	if p.to != nil {
		return
	}
	_ = errors.Join(p.ours.Close(), p.theirs.Close()) // a pty has nothing to lose
}
