package brokertest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
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

// Ports for brokers lie below those that Linux gives to connections and to port 0
// (32768 on, net.ipv4.ip_local_port_range): between the look and the broker's own
// bind another test's connection would take one of those now and then.
const (
	firstPort = 20000
	lastPort  = 32000
)

// ports counts through them. A process begins anywhere, so that two seldom look at one.
var ports = rand.Int64N(lastPort - firstPort)

// FreePort returns a port of 127.0.0.1 that nothing listens on, and that this process
// has not returned for thousands of calls.
func FreePort(tb testing.TB) int {
	tb.Helper()
	for range lastPort - firstPort {
		port := firstPort + int(atomic.AddInt64(&ports, 1)%(lastPort-firstPort))
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // ends at once
		if err == nil {
			_ = l.Close() // only its port is wanted
			return port
		}
	}
	tb.Fatalf("no port of 127.0.0.1 between %d and %d is free", firstPort, lastPort)
	return 0
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
