package uplink

import (
	"errors"
	"io"
	"time"

	"github.com/gorilla/websocket"
)

// wsConn is a websocket as a stream of bytes: message borders mean nothing to
// MQTT (3.1.1, 6.0).
type wsConn struct {
	*websocket.Conn
	r io.Reader
}

// Read implements net.Conn. One goroutine reads.
func (c *wsConn) Read(b []byte) (int, error) {
	for {
		if c.r == nil {
			_, r, err := c.NextReader()
			if err != nil {
				return 0, err
			}
			c.r = r
		}
		n, err := c.r.Read(b)
		if errors.Is(err, io.EOF) {
			c.r, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write implements net.Conn. One goroutine at a time writes.
func (c *wsConn) Write(b []byte) (int, error) {
	if err := c.WriteMessage(websocket.BinaryMessage, b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// SetDeadline implements net.Conn.
func (c *wsConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
