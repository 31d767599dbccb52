package uplink

import "context"

// sendBulk sends what may wait: one piece at a time, and none while the broker has
// not taken all events. A piece that it has not taken when the connection ends
// comes again on the next.
func (s *session) sendBulk(ctx context.Context) {
	for {
		pause(ctx, BulkEvery) // in front of the first one, too: the events of a new connection go before it
		m, taken, err := s.u.bank.Bulk(ctx)
		if err != nil {
			return // only the end of ctx
		}
		select {
		case <-s.events.empty():
		case <-ctx.Done():
			return
		}
		there := make(chan struct{})
		err = s.bulk.publish(ctx, message{name: m.Topic, qos: 1, payload: m.Payload, taken: func() { taken(); close(there) }})
		if err != nil {
			return
		}
		select {
		case <-there:
		case <-ctx.Done():
			return
		}
	}
}
