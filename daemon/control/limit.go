package control

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
)

// Bounds of simultaneous connections.
const (
	maxServed = 64 // served
	maxTold   = 16 // more, accepted only to be told that there are too many
)

// limiter is a listener that never has more than maxServed + maxTold
// connections open; who comes later waits in the kernel's backlog.
type limiter struct {
	net.Listener
	slots  chan struct{}
	served atomic.Int64
	done   chan struct{}
	once   sync.Once
}

func newLimiter(l net.Listener) *limiter {
	return &limiter{Listener: l, slots: make(chan struct{}, maxServed+maxTold), done: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *limiter) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	over := l.served.Add(1) > maxServed
	if over {
		l.served.Add(-1)
	}
	return &conn{Conn: c, from: l, over: over}, nil
}

// Close implements net.Listener.
func (l *limiter) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// conn is one accepted connection; over marks one past the bound.
type conn struct {
	net.Conn
	from *limiter
	over bool
	once sync.Once
}

// Close implements net.Conn.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		if !c.over {
			c.from.served.Add(-1)
		}
		<-c.from.slots
	})
	return err
}

// who is what the server knows of the other end of a connection.
type who struct {
	user string
	over bool
}

type whoKey struct{}

// remember keeps the other end of a new connection in its context.
func remember(ctx context.Context, c net.Conn) context.Context {
	w := who{user: peerUser(c)}
	if own, ok := c.(*conn); ok {
		w.over = own.over
	}
	return context.WithValue(ctx, whoKey{}, w)
}

func whoIs(ctx context.Context) who {
	w, ok := ctx.Value(whoKey{}).(who)
	if !ok {
		return who{user: "unknown"}
	}
	return w
}
