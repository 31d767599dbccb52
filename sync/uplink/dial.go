package uplink

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"
)

// systemDialer dials with probes on an idle connection, and with the kernel's
// bound on how long sent bytes may stay unacknowledged.
func systemDialer(dead time.Duration) *net.Dialer {
	dead = max(dead, 10*time.Second)
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: dead / 2, Interval: dead / 6, Count: 3},
		Control: func(_, _ string, rc syscall.RawConn) error {
			var err error
			if e := rc.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(dead.Milliseconds()))
			}); e != nil {
				return e
			}
			return err
		},
	}
}

// dial opens the way to the broker up to where MQTT begins.
func (u *Uplink) dial(ctx context.Context) (net.Conn, error) {
	b, err := u.c.broker()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	switch b.Scheme {
	case "mqtt":
		return u.o.Dial(ctx, "tcp", b.Host)
	case "mqtts":
		return u.dialTLS(ctx, "tcp", b.Host)
	}
	d := websocket.Dialer{
		NetDialContext: u.o.Dial, NetDialTLSContext: u.dialTLS,
		HandshakeTimeout: ConnectTimeout, Subprotocols: []string{"mqtt"},
	}
	ws, resp, err := d.DialContext(ctx, b.String(), nil)
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close() // nothing of it is wanted
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open a websocket to %s: %w", b.Redacted(), err)
	}
	ws.SetReadLimit(MaxPacket)
	return &wsConn{Conn: ws}, nil
}

func (u *Uplink) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	conf, err := u.c.tlsConfig(host, u.o.Clock)
	if err != nil {
		return nil, err
	}
	nc, err := u.o.Dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tc := tls.Client(nc, conf)
	if err := tc.HandshakeContext(ctx); err != nil {
		_ = nc.Close() // the handshake's error is told
		return nil, fmt.Errorf("cannot agree on TLS with %s: %w", addr, err)
	}
	return tc, nil
}
