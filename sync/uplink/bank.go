package uplink

import (
	"context"
	"errors"

	"lockerd/sync/wire"
)

// Inbound is one message from the broker, not yet believed.
type Inbound struct {
	Topic    string // below {prefix}/{bank}/: down/ack, …
	Payload  []byte
	Retained bool
}

// ErrStopped is returned by Birth, Doors, Stock and Health when the bank has ended
// before the session, whose end is near: nobody needs to be told.
var ErrStopped = errors.New("the bank has stopped")

// Bank is what the session needs of the bank. Its calls block at most for the
// disk.
type Bank interface {
	// Connect begins a connection: the count is on disk when it returns. The state
	// it returns is whole; its boot and conn go into the will.
	Connect(ctx context.Context) (wire.State, error)
	// Birth returns the state as it is now, of the same connection, to be published.
	Birth(ctx context.Context) (wire.State, error)
	// Doors, Stock and Health are the present snapshots.
	Doors(ctx context.Context) (wire.Doors, error)
	Stock(ctx context.Context) (wire.Stock, error)
	Health(ctx context.Context) (wire.Health, error)
	// Changed returns a channel that is closed at the next change of doors or stock.
	Changed() <-chan struct{}
	// Receive handles one message, one after another, in the session's own
	// goroutine for them, never in the MQTT library's.
	Receive(ctx context.Context, m Inbound)
	// Outgoing yields what the bank has to say beside events: replies and gets. What
	// was handed out and could not be sent comes again only if the bank says so.
	Outgoing() <-chan Outgoing
	// Bulk blocks until there is a piece of something large that may wait, and returns
	// the same piece until taken is called. One session at a time asks.
	Bulk(ctx context.Context) (m Outgoing, taken func(), err error)
	// Disconnected ends the trust that the connection gave (contract 8).
	Disconnected()
}

// Outgoing is one message of up/reply, up/get or up/bundle.
type Outgoing struct {
	Topic   string // wire.TopicReply, wire.TopicGet or wire.TopicBundle
	Payload []byte
}
