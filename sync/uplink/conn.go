package uplink

import (
	"bufio"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conn is the connection below the MQTT library: it knows when something last
// came in, gives each write a deadline of its own (the library's ping has none)
// and ends the connection before a packet beyond MaxPacket is read.
type conn struct {
	net.Conn
	writeTimeout time.Duration
	in           *bufio.Reader // the library reads a packet's head byte by byte
	guard        guard
	start        time.Time    // for its monotonic reading: the system clock may jump by fifty years
	lastRead     atomic.Int64 // nanoseconds since start
	writing      sync.Mutex   // the library writes pings beside all else
}

func newConn(nc net.Conn, writeTimeout time.Duration) *conn {
	c := &conn{Conn: nc, writeTimeout: writeTimeout, start: time.Now()}
	c.in = bufio.NewReader(heard{c})
	return c
}

// heard is the connection itself, noting when something comes in.
type heard struct{ c *conn }

// Read implements io.Reader.
func (h heard) Read(b []byte) (int, error) {
	n, err := h.c.Conn.Read(b)
	if n > 0 {
		h.c.lastRead.Store(int64(time.Since(h.c.start)))
	}
	return n, err
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.in.Read(b)
	if e := c.guard.pass(b[:n]); e != nil {
		_ = c.Close() // the error says why
		return 0, e
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetDeadline implements net.Conn; writes have their own.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn; writes have their own.
func (*conn) SetWriteDeadline(time.Time) error { return nil }

// silent returns for how long nothing has come in.
func (c *conn) silent(now time.Time) time.Duration {
	return now.Sub(c.start) - time.Duration(c.lastRead.Load())
}

// guard walks over a stream of MQTT packets (MQTT 3.1.1, 2.2) and looks at
// their lengths.
type guard struct {
	skip   int  // bytes of the present packet still to come
	length int  // remaining length, as far as read
	shift  uint // of its next digit
	inside bool // in the fixed header, behind its first byte
}

func (g *guard) pass(b []byte) error {
	for len(b) > 0 {
		if g.skip > 0 {
			n := min(g.skip, len(b))
			g.skip -= n
			b = b[n:]
			continue
		}
		c := b[0]
		b = b[1:]
		if !g.inside {
			*g = guard{inside: true}
			continue
		}
		g.length |= int(c&0x7f) << g.shift
		g.shift += 7
		if g.length > MaxPacket || g.shift > 28 {
			return fmt.Errorf("cannot read a packet of %d bytes or more: the bound is %d; look for what publishes to down/+", g.length, MaxPacket)
		}
		if c&0x80 == 0 {
			g.inside, g.skip = false, g.length
		}
	}
	return nil
}
