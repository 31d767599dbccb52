package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/sync/wire"
)

// session is one connection.
type session struct {
	u      *Uplink
	conn   *conn
	client mqtt.Client
	inbox  *inbox
	state  wire.State // of this connection

	ctx    context.Context //nolint:containedctx // the life of the connection: callbacks of the library end with it
	end    context.CancelCauseFunc
	joined sync.WaitGroup

	began  bool  // Bank.Connect was called
	events *lane // publishes of up/events
	other  *lane // all other publishes but
	bulk   *lane // what may wait

	renewed chan struct{} // the subscription has been repeated: a birth is due
	unsaid  *message      // what the bank had said when the stop came
}

func newSession(u *Uplink, c *conn) *session {
	s := &session{
		u: u, conn: c, inbox: newInbox(), renewed: make(chan struct{}, 1),
		events: newLane(MaxEventPublishes), other: newLane(MaxOtherPublishes), bulk: newLane(MaxBulkPublishes),
	}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	return s
}

// open brings the connection to its birth.
func (s *session) open(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.end(context.Cause(ctx)) })
	defer stop()
	s.began = true
	state, err := s.u.bank.Connect(ctx)
	if err != nil {
		return fmt.Errorf("cannot begin a connection: %w", err)
	}
	s.state = state
	o, err := s.options()
	if err != nil {
		return err
	}
	s.client = mqtt.NewClient(o)
	if _, err := s.await("connect", ConnectTimeout, s.client.Connect); err != nil {
		return err
	}
	s.joined.Go(func() { s.inbox.serve(s.ctx, s.receive) })
	if err := s.subscribe(ConnectTimeout); err != nil {
		return err
	}
	return s.bear(ctx)
}

// await takes a step and waits for the broker's answer.
func (s *session) await(step string, limit time.Duration, call func() mqtt.Token) (mqtt.Token, error) {
	timer := time.AfterFunc(limit, func() {
		s.fail(fmt.Errorf("the broker gave no answer in %v", limit))
	})
	defer timer.Stop()
	t, err := s.hand(call)
	if err == nil {
		select {
		case <-t.Done():
			err = t.Error()
		case <-s.ctx.Done():
			err = context.Cause(s.ctx)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot %s: %w", step, err)
	}
	return t, nil
}

func (s *session) subscribe(limit time.Duration) error {
	filter := s.u.c.topic("down/+")
	t, err := s.await("subscribe "+filter, limit, func() mqtt.Token { return s.client.Subscribe(filter, s.u.c.DownQoS, nil) })
	if err != nil {
		return err
	}
	if st, ok := t.(*mqtt.SubscribeToken); ok && !wire.Granted(st.Result()[filter]) {
		return fmt.Errorf("cannot subscribe %s: the broker refuses it; let the bank read it in the broker's ACL", filter)
	}
	return nil
}

// resubscribe repeats the subscription, and has the birth repeated, for as long as the
// connection lives. The broker has as long for it as for the publishes that it may stand behind.
func (s *session) resubscribe() {
	t := time.NewTicker(SubscribeEvery)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
		}
		if err := s.subscribe(PubackTimeout); err != nil {
			s.fail(err)
			return
		}
		select {
		case s.renewed <- struct{}{}:
		default: // one is due already
		}
	}
}

// bear publishes the birth and waits until the broker has it.
func (s *session) bear(ctx context.Context) error {
	state, err := s.u.bank.Birth(ctx)
	if err != nil {
		return fmt.Errorf("cannot make the birth: %w", err)
	}
	b, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("cannot encode the birth: %w", err)
	}
	_, err = s.await("publish the birth", ConnectTimeout, func() mqtt.Token { return s.client.Publish(s.u.c.topic(wire.TopicState), 1, true, b) })
	return err
}

// onMessage is called by the library, which waits for it.
func (s *session) onMessage(_ mqtt.Client, m mqtt.Message) {
	l := letter{Inbound: Inbound{Topic: s.u.c.local(m.Topic()), Payload: m.Payload(), Retained: m.Retained()}, ack: m.Ack}
	before := s.inbox.dropped.Load()
	s.inbox.offer(l)
	if s.inbox.dropped.Load() != before {
		s.u.count(func(st *Stats) { st.Dropped++ })
	}
}

func (s *session) receive(ctx context.Context, m Inbound) {
	s.u.bank.Receive(ctx, m)
	s.u.count(func(st *Stats) { st.Received++ })
}

// serve works until the connection or ctx ends. In the second case it says
// goodbye.
func (s *session) serve(ctx context.Context) error {
	work, cancel := context.WithCancel(s.ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	s.joined.Go(s.resubscribe)
	var workers sync.WaitGroup
	for _, l := range s.lanes() {
		go s.pump(l) // ends by itself
		s.joined.Go(func() { s.reap(l) })
	}
	workers.Go(func() { _ = s.u.box.Run(work, s.sendBatch) }) // an error of it is the connection's
	workers.Go(func() { s.speak(work) })
	workers.Go(func() { s.watch(work) })
	workers.Go(func() { s.sendBulk(work) })
	<-work.Done()
	workers.Wait()
	if s.ctx.Err() == nil {
		s.lastWords()
		s.goodbye()
		s.u.box.Lost(false)
		return nil
	}
	s.u.box.Lost(s.blame(time.Now()))
	return context.Cause(s.ctx)
}

func (s *session) lanes() []*lane { return []*lane{s.events, s.other, s.bulk} }

// blame tells whether the end of the connection looks like the broker's answer
// to our events.
func (s *session) blame(now time.Time) bool {
	oldest := s.events.oldest()
	return !oldest.IsZero() && now.Sub(oldest) < BlameWithin && !errors.Is(context.Cause(s.ctx), errDead)
}

// lastWords publishes what the bank has handed out before it stops: the reply to the
// command restart comes in the moment that ends the session. They go before the
// death, if the broker takes them in time.
func (s *session) lastWords() {
	ctx, cancel := context.WithTimeout(s.ctx, StopTimeout/4)
	defer cancel()
	if m := s.unsaid; m != nil {
		_ = s.other.publish(ctx, *m) // only the end of ctx
	}
	for ctx.Err() == nil {
		select {
		case m := <-s.u.bank.Outgoing():
			_ = s.other.publish(ctx, message{name: m.Topic, qos: 1, payload: m.Payload}) // only the end of ctx
		default:
			select {
			case <-s.other.empty():
			case <-ctx.Done():
			}
			return
		}
	}
}

// goodbye publishes the death of a clean stop and disconnects.
func (s *session) goodbye() {
	death := s.death()
	death.Reason = "shutdown"
	b, err := json.Marshal(death)
	if err != nil {
		s.u.log.Error("cannot encode the death", slog.Any("error", err))
		return
	}
	timer := time.AfterFunc(StopTimeout/2, func() {
		s.fail(fmt.Errorf("the broker did not take the goodbye in %v", StopTimeout/2))
	})
	defer timer.Stop()
	t, err := s.hand(func() mqtt.Token { return s.client.Publish(s.u.c.topic(wire.TopicState), 1, true, b) })
	if err == nil {
		select {
		case <-t.Done():
			s.client.Disconnect(uint((StopTimeout / 4).Milliseconds()))
			return
		case <-s.ctx.Done():
			err = context.Cause(s.ctx)
		}
	}
	s.u.log.Warn("the bank leaves without goodbye", slog.Any("error", err))
}

// close ends whatever is left of the connection.
func (s *session) close() {
	s.end(errors.New("closed"))
	_ = s.conn.Close() // it may have been closed by the library
	if s.client != nil {
		s.client.Disconnect(0)
	}
	s.joined.Wait()
	if s.began {
		s.u.bank.Disconnected()
	}
}
