package uplink

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// lane bounds the publishes of one kind that the broker has not taken, so that
// no kind keeps another from being sent.
type lane struct {
	slots chan struct{}

	mu      sync.Mutex
	flights []*time.Time // when each was handed over, oldest first
}

func newLane(most int) *lane { return &lane{slots: make(chan struct{}, most)} }

// enter waits for a place.
func (l *lane) enter(ctx context.Context) (*time.Time, error) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.flights = append(l.flights, &now)
	return &now, nil
}

func (l *lane) leave(f *time.Time) {
	l.mu.Lock()
	if i := slices.Index(l.flights, f); i >= 0 {
		l.flights = slices.Delete(l.flights, i, i+1)
	}
	l.mu.Unlock()
	<-l.slots
}

// oldest returns since when the oldest waits, zero if none does.
func (l *lane) oldest() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flights) == 0 {
		return time.Time{}
	}
	return *l.flights[0]
}

// message is what is published.
type message struct {
	name     string // below the bank's prefix
	qos      byte
	retained bool
	payload  []byte
	taken    func() // called when the broker has it; for QoS 0 when it is written
}

// publish hands a message over, waiting for its turn. What the broker has not
// taken when the connection ends is never told as taken.
func (s *session) publish(ctx context.Context, l *lane, m message) error {
	f, err := l.enter(ctx)
	if err != nil {
		return err
	}
	t, err := s.hand(func() mqtt.Token { return s.client.Publish(s.u.c.topic(m.name), m.qos, m.retained, m.payload) })
	if err != nil {
		err = fmt.Errorf("cannot publish %s: %w", m.name, err)
		s.fail(err)
		return err
	}
	s.u.count(func(st *Stats) { st.Published++ })
	s.joined.Go(func() {
		select {
		case <-t.Done():
			if t.Error() != nil || s.ctx.Err() != nil {
				return
			}
			l.leave(f)
			if m.taken != nil {
				m.taken()
			}
		case <-s.ctx.Done():
		}
	})
	return nil
}

// hand calls the library, which takes a packet at once while it writes, and
// holds its caller for its whole write timeout if the connection has ended
// meanwhile. Such a call is left behind; it ends by itself and sends nothing.
func (s *session) hand(call func() mqtt.Token) (mqtt.Token, error) {
	handed := make(chan mqtt.Token, 1)
	go func() { handed <- call() }()
	select {
	case t := <-handed:
		select {
		case <-t.Done():
			return t, t.Error()
		default:
			return t, nil
		}
	case <-s.ctx.Done():
		return nil, context.Cause(s.ctx)
	}
}

// fail ends the connection.
func (s *session) fail(err error) {
	s.end(err)
	_ = s.conn.Close() // the error tells why
}
