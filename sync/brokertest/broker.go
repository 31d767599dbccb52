package brokertest

import (
	"net"
	"testing"
	"time"
)

// Broker is a broker that can be killed and come back at the same address.
type Broker interface {
	// URL is where MQTT is spoken: mqtt://127.0.0.1:port, or mqtts.
	URL() string
	// Addr is the same as host and port.
	Addr() string
	// Kill ends it as kill -9 does. It is no error if it is down.
	Kill()
	// Start starts it again and returns when it accepts connections.
	Start()
	// Stop ends it as its operator would.
	Stop()
}

// FreePort returns a port of 127.0.0.1 that nothing listened on a moment ago.
func FreePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends at once
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }() // only its port is wanted
	return l.Addr().(*net.TCPAddr).Port
}

// startTimeout is for a broker to accept connections, on a machine that is busy.
const startTimeout = 20 * time.Second

// accepting waits until something accepts connections at addr. gone, if not
// nil, ends the wait.
func accepting(tb testing.TB, addr string, gone <-chan struct{}) bool {
	tb.Helper()
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		nc, err := net.DialTimeout("tcp", addr, time.Second) //nolint:noctx // bounded
		if err == nil {
			_ = nc.Close() // it was only asked
			return true
		}
		select {
		case <-gone:
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}
