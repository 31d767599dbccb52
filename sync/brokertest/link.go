package brokertest

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// link is one connection through the proxy.
type link struct {
	p              *Proxy
	client, broker net.Conn
	half           atomic.Bool
	once           sync.Once
	over           chan struct{}
}

// chunk is what was read, and when it may go on.
type chunk struct {
	at time.Time
	b  []byte
}

// inFlight bounds the chunks on their way in one direction.
const inFlight = 4096

func (l *link) run() {
	var both sync.WaitGroup
	both.Go(func() { l.flow(l.client, l.broker, true) })
	both.Go(func() { l.flow(l.broker, l.client, false) })
	both.Wait()
}

// flow moves bytes in one direction until an end is closed.
func (l *link) flow(from, to net.Conn, up bool) {
	way := make(chan chunk, inFlight)
	var writer sync.WaitGroup
	writer.Go(func() { l.write(to, way, up) })
	defer writer.Wait()
	defer close(way)
	for {
		b := make([]byte, 16<<10)
		n, err := from.Read(b)
		if n > 0 {
			f, _ := l.p.now()
			select {
			case way <- chunk{time.Now().Add(f.delay), b[:n]}:
			case <-l.over:
				return
			}
		}
		if err != nil {
			if l.half.Load() {
				<-l.over
			}
			return
		}
	}
}

func (l *link) write(to net.Conn, way <-chan chunk, up bool) {
	sent := 0
	for c := range way {
		if !l.hold(c) {
			continue // the link is over: drain
		}
		if l.half.Load() {
			continue
		}
		f, _ := l.p.now()
		if up && f.cut > 0 && sent+len(c.b) > f.cut {
			_, _ = to.Write(c.b[:max(f.cut-sent, 0)]) // then it is cut
			l.end()
			continue
		}
		sent += len(c.b)
		if _, err := to.Write(c.b); err != nil && !l.half.Load() {
			l.end()
		}
		if f.rate > 0 {
			l.wait(time.Duration(len(c.b)) * time.Second / time.Duration(f.rate))
		}
	}
	if !l.half.Load() {
		l.end()
	}
}

// hold waits until a chunk may go on, false if the link is over.
func (l *link) hold(c chunk) bool {
	l.wait(time.Until(c.at))
	for {
		f, moved := l.p.now()
		if !f.hole {
			break
		}
		select {
		case <-moved:
		case <-l.over:
			return false
		}
	}
	select {
	case <-l.over:
		return false
	default:
		return true
	}
}

func (l *link) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.over:
	}
}

func (l *link) end() {
	l.once.Do(func() {
		close(l.over)
		_, _ = l.client.Close(), l.broker.Close() // nobody reads them any more
	})
}

func (l *link) reset() {
	for _, nc := range []net.Conn{l.client, l.broker} {
		if tc, ok := nc.(*net.TCPConn); ok {
			_ = tc.SetLinger(0) // makes the close a reset
		}
	}
	l.end()
}

func (l *link) halfOpen() {
	l.half.Store(true)
	_ = l.broker.Close() // the client hears nothing of it
}
