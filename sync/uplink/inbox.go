package uplink

import (
	"context"
	"sync/atomic"
)

// inbox is the bounded queue between the MQTT library, which must not be kept
// waiting, and the bank.
type inbox struct {
	queue   chan letter
	bytes   atomic.Int64
	dropped atomic.Uint64
	room    chan struct{} // capacity 1: the queue is empty after something was dropped
	lossy   atomic.Bool
}

// letter is a message and how to tell the broker that it was handled.
type letter struct {
	Inbound
	ack func()
}

func newInbox() *inbox {
	return &inbox{queue: make(chan letter, InboundMessages), room: make(chan struct{}, 1)}
}

// offer never blocks. What does not fit is dropped and acknowledged: the broker
// would else hold it for the rest of the connection.
func (q *inbox) offer(l letter) {
	if len(l.Payload) > MaxDown+1 {
		l.Payload = append([]byte(nil), l.Payload[:MaxDown+1]...)
	}
	size := int64(len(l.Payload))
	if q.bytes.Add(size) <= InboundBytes {
		select {
		case q.queue <- l:
			return
		default:
		}
	}
	q.bytes.Add(-size)
	q.dropped.Add(1)
	q.lossy.Store(true)
	l.ack()
}

// serve hands the messages to the bank, one after another, until ctx ends.
func (q *inbox) serve(ctx context.Context, receive func(context.Context, Inbound)) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case l := <-q.queue:
			receive(ctx, l.Inbound)
			q.bytes.Add(-int64(len(l.Payload)))
			l.ack()
			if len(q.queue) == 0 && q.lossy.Swap(false) {
				select {
				case q.room <- struct{}{}:
				default:
				}
			}
		}
	}
}
