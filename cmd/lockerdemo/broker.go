package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// broker is an MQTT broker in this process, on loopback and without a password.
// It keeps nothing over an unplug: the bank and the backend don't rely on one
// that does.
type broker struct {
	address string
	server  *mochi.Server // nil: unplugged
}

func newBroker(ctx context.Context) (*broker, error) {
	b := &broker{address: "127.0.0.1:0"}
	return b, b.plug(ctx)
}

// plug starts the broker, on the same port each time.
func (b *broker) plug(ctx context.Context) error {
	if b.server != nil {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", b.address)
	if err != nil {
		return fmt.Errorf("cannot open a port for the broker: %w", err)
	}
	s := mochi.New(&mochi.Options{Logger: slog.New(slog.DiscardHandler)})
	err = errors.Join(s.AddHook(new(auth.AllowHook), nil), s.AddListener(listeners.NewNet("demo", l)))
	if err == nil {
		err = s.Serve()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot start the broker: %w", err), l.Close())
	}
	b.address, b.server = l.Addr().String(), s
	return nil
}

// unplug takes the network away.
func (b *broker) unplug() error {
	if b.server == nil {
		return nil
	}
	s := b.server
	b.server = nil
	return s.Close()
}

func (b *broker) url() string { return "mqtt://" + b.address }

func (b *broker) port() string {
	_, port, _ := strings.Cut(b.address, ":")
	return port
}
