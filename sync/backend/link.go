package backend

import "context"

// Link is one connection to a broker. It is never used again once Done is closed;
// package mqttlink makes them.
type Link interface {
	// Subscribe asks for the messages of filters with QoS 1; they go to Receive of
	// whoever made the link. It is called again for filters over which nothing comes.
	Subscribe(ctx context.Context, filters ...string) error
	// Publish hands a message to the connection; it may wait for room. That it
	// returned is no proof of delivery, and nothing here takes it for one.
	Publish(ctx context.Context, topic string, payload []byte) error
	// Done is closed when the connection is over.
	Done() <-chan struct{}
}

// Message is what a broker delivered.
type Message struct {
	Topic    string // whole: lockers/v1/lon-042/up/events
	Payload  []byte
	Retained bool
}
