package serial

import (
	"io"
	"runtime"
	"time"
)

// chunk is the outcome of one read.
type chunk struct {
	data []byte
	at   time.Time
	err  error // the last chunk of a port carries why
}

// reader reads a port in a goroutine of its own.
type reader struct {
	port   io.ReadCloser
	chunks chan chunk
	quit   chan struct{}
	done   chan struct{}
}

func newReader(port io.ReadCloser) *reader {
	r := &reader{port: port, chunks: make(chan chunk), quit: make(chan struct{}), done: make(chan struct{})}
	go r.run()
	return r
}

// close closes the port and waits until nobody reads from it.
func (r *reader) close() {
	close(r.quit)
	_ = r.port.Close() // of a port that is only read nothing can be lost
	<-r.done
}

func (r *reader) run() {
	defer close(r.done)
	empty := 0
	for {
		buf := make([]byte, readBytes)
		n, err := r.port.Read(buf)
		c := chunk{data: buf[:n], at: time.Now(), err: err}
		if n == 0 && err == nil {
			if empty++; empty < maxEmptyReads {
				continue
			}
			c.err = errSilent
		} else {
			empty = 0
		}
		select {
		case r.chunks <- c:
			runtime.Gosched() // else the next read keeps the processor from whom the chunk is for
		case <-r.quit:
			return
		}
		if c.err != nil {
			return
		}
	}
}
