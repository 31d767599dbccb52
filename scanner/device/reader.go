package device

import (
	"io"
	"time"
)

// reader reads a device in a goroutine of its own and hands what comes to take
// there and then: a scan's last byte is not to wait for another goroutine.
type reader struct {
	port  io.ReadCloser
	take  func(at time.Time, data []byte)
	ended chan error // gets why the reading ended
	done  chan struct{}
}

func newReader(port io.ReadCloser, take func(at time.Time, data []byte)) *reader {
	r := &reader{port: port, take: take, ended: make(chan error, 1), done: make(chan struct{})}
	go r.run()
	return r
}

// close closes the device and waits until nobody reads from it.
func (r *reader) close() {
	_ = r.port.Close() // of a device that is only read nothing can be lost
	<-r.done
}

func (r *reader) run() {
	defer close(r.done)
	buf, empty := make([]byte, readBytes), 0
	for {
		n, err := r.port.Read(buf)
		at := time.Now()
		switch {
		case n > 0:
			empty = 0
			r.take(at, buf[:n])
		case err == nil:
			if empty++; empty >= maxEmptyReads {
				err = errSilent
			}
		}
		if err != nil {
			r.ended <- err
			return
		}
	}
}
