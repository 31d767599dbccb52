package hid

import (
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// grab is EVIOCGRAB, _IOW('E', 0x90, int) of include/uapi/linux/input.h.
const grab = 0x40044590

// readEvents is how many events one read takes: a code of 26 digits with shift
// and syncs has some 160.
const readEvents = 128

// openDevice opens an event device for this process alone. Its descriptor is
// non-blocking, so that Close ends a Read: go-evdev's own Open makes it
// blocking, and a Read under way then outlives Close.
func openDevice(name string) (io.ReadCloser, error) {
	return openFor(name, func(fd int) error { return unix.IoctlSetInt(fd, grab, 1) })
}

// openFor opens a device and keeps it if it can be claimed.
func openFor(name string, claim func(fd int) error) (io.ReadCloser, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) {
		return nil, errors.New("permission denied: let the user of lockerd into group input")
	}
	if err != nil {
		return nil, err
	}
	if err := claim(fd); err != nil {
		_ = unix.Close(fd) // the reason is err
		return nil, grabFault(err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func grabFault(err error) error {
	if errors.Is(err, unix.EBUSY) {
		return errors.New("another program has grabbed it")
	}
	return errors.New("cannot grab it: " + err.Error() + ": is it an event device, as /dev/input/by-id/…-event-kbd?")
}

// textPort reads an event device as the text that its keys give.
type textPort struct {
	device io.ReadCloser
	keys   *keyboard
	split  splitter
	buf    []byte
	ready  []byte // text that was not taken yet
}

func newTextPort(device io.ReadCloser, keys *keyboard) *textPort {
	return &textPort{device: device, keys: keys, split: splitter{size: eventSize}, buf: make([]byte, readEvents*eventSize)}
}

// Read implements io.Reader. It waits until there is text.
func (p *textPort) Read(into []byte) (int, error) {
	for len(p.ready) == 0 {
		n, err := p.device.Read(p.buf)
		at := time.Now()
		p.split.feed(p.buf[:n], func(e event) { p.ready = p.keys.feed(p.ready, at, e) })
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && len(p.ready) == 0 {
			return 0, err
		}
	}
	n := copy(into, p.ready)
	p.ready = append(p.ready[:0], p.ready[n:]...)
	return n, nil
}

// Close implements io.Closer.
func (p *textPort) Close() error { return p.device.Close() }
