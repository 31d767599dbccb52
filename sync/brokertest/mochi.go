package brokertest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// MochiOptions are what differs from a plain mochi.
type MochiOptions struct {
	Allow     func(user, topic string, write bool) bool // its ACL; nil: everything
	Websocket bool
	TLS       *Files
}

// Mochi is a mochi inside the test's process. It keeps nothing over a Kill.
type Mochi struct {
	tb     testing.TB
	port   int
	o      MochiOptions
	server *mochi.Server
}

// StartMochi starts one, for as long as the test runs.
func StartMochi(tb testing.TB, o MochiOptions) *Mochi {
	tb.Helper()
	m := &Mochi{tb: tb, port: FreePort(tb), o: o}
	tb.Cleanup(m.Kill)
	m.Start()
	return m
}

// Addr implements Broker.
func (m *Mochi) Addr() string { return fmt.Sprintf("127.0.0.1:%d", m.port) }

// URL implements Broker.
func (m *Mochi) URL() string {
	scheme := "mqtt"
	if m.o.Websocket {
		scheme = "ws"
	}
	if m.o.TLS != nil {
		scheme += "s"
	}
	return scheme + "://" + m.Addr()
}

// Start implements Broker.
func (m *Mochi) Start() {
	m.tb.Helper()
	if m.server != nil {
		return
	}
	s := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	var hook mochi.Hook = new(auth.AllowHook)
	if m.o.Allow != nil {
		hook = &aclHook{allow: m.o.Allow}
	}
	if err := s.AddHook(hook, nil); err != nil {
		m.tb.Fatal(err)
	}
	if err := s.AddListener(m.listener()); err != nil {
		m.tb.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		m.tb.Fatal(err)
	}
	m.server = s
	if !accepting(m.tb, m.Addr(), nil) {
		m.tb.Fatal("mochi does not accept connections")
	}
}

func (m *Mochi) listener() listeners.Listener {
	c := listeners.Config{ID: "test", Address: m.Addr()}
	if m.o.TLS != nil {
		cert, err := tls.LoadX509KeyPair(m.o.TLS.Cert, m.o.TLS.Key)
		if err != nil {
			m.tb.Fatal(err)
		}
		c.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	if m.o.Websocket {
		return listeners.NewWebsocket(c)
	}
	return listeners.NewTCP(c)
}

// Knows tells whether there is anything left of a client. mochi 2.7.9 looks whether a
// session was taken over before it clears it away, not while it does: one that comes back
// in between is connected and hears nothing.
func (m *Mochi) Knows(client string) bool {
	_, ok := m.server.Clients.Get(client)
	return ok
}

// Kill implements Broker.
func (m *Mochi) Kill() {
	if m.server == nil {
		return
	}
	s := m.server
	m.server = nil
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = s.Close() // it is thrown away
	}()
	// A client that connects amid its closing is not told to go, and Close waits for it
	// for ever.
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-closed:
			return
		case <-look.C:
			for _, c := range s.Clients.GetAll() {
				c.Stop(errKilled)
			}
		}
	}
}

var errKilled = errors.New("the broker is killed")

// Stop implements Broker.
func (m *Mochi) Stop() { m.Kill() }

type aclHook struct {
	mochi.HookBase
	allow func(user, topic string, write bool) bool
}

// ID implements mochi.Hook.
func (*aclHook) ID() string { return "acl" }

// Provides implements mochi.Hook.
func (*aclHook) Provides(b byte) bool {
	return b == mochi.OnConnectAuthenticate || b == mochi.OnACLCheck
}

// OnConnectAuthenticate implements mochi.Hook.
func (*aclHook) OnConnectAuthenticate(*mochi.Client, packets.Packet) bool { return true }

// OnACLCheck implements mochi.Hook.
func (h *aclHook) OnACLCheck(cl *mochi.Client, topic string, write bool) bool {
	return h.allow(string(cl.Properties.Username), topic, write)
}

var _ Broker = (*Mochi)(nil)
