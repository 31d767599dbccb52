package uplink

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// lane sends the publishes of one kind in order, and bounds those that the
// broker has not taken, so that no kind keeps another from being sent.
type lane struct {
	slots   chan struct{}
	handed  chan *flight // to pump
	flown   chan *flight // to reap; neither is ever full
	mu      sync.Mutex
	flights []*flight     // oldest first
	idle    chan struct{} // closed while there are none; nil: nobody waits for that
}

// flight is a publish on its way.
type flight struct {
	message
	since time.Time
	token mqtt.Token
}

// message is what is published.
type message struct {
	name     string // below the bank's prefix
	qos      byte
	retained bool
	payload  []byte
	taken    func() // called when the broker has it; for QoS 0 when it is written
}

func newLane(most int) *lane {
	return &lane{slots: make(chan struct{}, most), handed: make(chan *flight, most), flown: make(chan *flight, most)}
}

// publish puts a message into a lane, waiting for a place. An error of the
// library ends the connection; what the broker has not taken then is never told
// as taken.
func (l *lane) publish(ctx context.Context, m message) error {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	f := &flight{message: m, since: time.Now()}
	l.mu.Lock()
	l.flights = append(l.flights, f)
	l.mu.Unlock()
	l.handed <- f
	return nil
}

// oldest returns since when the oldest waits, zero if none does.
func (l *lane) oldest() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flights) == 0 {
		return time.Time{}
	}
	return l.flights[0].since
}

// empty returns a channel that is closed when the broker has taken everything.
func (l *lane) empty() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flights) == 0 {
		now := make(chan struct{})
		close(now)
		return now
	}
	if l.idle == nil {
		l.idle = make(chan struct{})
	}
	return l.idle
}

// pump hands the messages to the library, in order. Nobody waits for its end:
// the library holds its caller for the whole write timeout if the connection has
// ended meanwhile. Such a call sends nothing, and pump ends after it.
func (s *session) pump(l *lane) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case f := <-l.handed:
			f.token = s.client.Publish(s.u.c.topic(f.name), f.qos, f.retained, f.payload)
			l.flown <- f
		}
	}
}

// reap waits for the broker to take them, in order.
func (s *session) reap(l *lane) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case f := <-l.flown:
			select {
			case <-s.ctx.Done():
				return
			case <-f.token.Done():
			}
			if s.ctx.Err() != nil {
				return
			}
			if err := f.token.Error(); err != nil {
				s.fail(fmt.Errorf("cannot publish %s: %w", f.name, err))
				return
			}
			l.leave(f)
			s.u.count(func(st *Stats) { st.Published++ })
			if f.taken != nil {
				f.taken()
			}
		}
	}
}

func (l *lane) leave(f *flight) {
	l.mu.Lock()
	if i := slices.Index(l.flights, f); i >= 0 {
		l.flights = slices.Delete(l.flights, i, i+1)
	}
	if len(l.flights) == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
	l.mu.Unlock()
	<-l.slots
}

// hand calls the library without waiting for longer than the connection lives.
func (s *session) hand(call func() mqtt.Token) (mqtt.Token, error) {
	handed := make(chan mqtt.Token, 1)
	go func() { handed <- call() }()
	select {
	case t := <-handed:
		return t, nil
	case <-s.ctx.Done():
		return nil, context.Cause(s.ctx)
	}
}

// fail ends the connection.
func (s *session) fail(err error) {
	s.end(err)
	_ = s.conn.Close() // the error tells why
}
