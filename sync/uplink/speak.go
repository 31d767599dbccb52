package uplink

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"lockerd/sync/outbox"
	"lockerd/sync/wire"
)

// sendBatch publishes events. In front of a hole goes a birth: its
// journal.first is how the backend knows that nothing will fill it.
func (s *session) sendBatch(ctx context.Context, b outbox.Batch) error {
	if b.Hole > 0 {
		state, err := s.u.bank.Birth(ctx)
		s.put(ctx, wire.TopicState, 1, state, err)
	}
	return s.events.publish(ctx, message{
		name: wire.TopicEvents, qos: 1, payload: b.Payload,
		taken: func() { s.u.box.Taken(b.Last) },
	})
}

// speaker says all that goes up beside events, in one goroutine.
type speaker struct {
	*session
	taken chan *snapshot // the broker has it; at most one of each is on its way
	born  time.Time      // when the last birth was published
	again bool           // another is due
	lost  bool           // for something that came down was dropped
}

func (s *session) speak(ctx context.Context) {
	p := &speaker{session: s, taken: make(chan *snapshot, 2), born: time.Now()}
	s.u.doors.fresh()
	s.u.stock.fresh()
	changed := s.u.bank.Changed()
	beat := time.NewTicker(s.u.c.Heartbeat)
	defer beat.Stop()
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	p.health(ctx)
	for ctx.Err() == nil {
		alarm.Reset(time.Until(p.say(ctx, time.Now())))
		select {
		case <-ctx.Done():
		case <-alarm.C:
		case <-changed:
			changed = s.u.bank.Changed() // before they are read
			s.u.doors.dirty, s.u.stock.dirty = true, true
		case t := <-p.taken:
			t.busy = false
		case <-beat.C:
			p.health(ctx)
		case m := <-s.u.bank.Outgoing():
			said := message{name: m.Topic, qos: 1, payload: m.Payload}
			if s.other.publish(ctx, said) != nil { // only the end of ctx
				s.unsaid = &said
			}
		case <-s.inbox.room:
			p.again, p.lost = true, true
		case <-s.renewed:
			p.again = true
		}
	}
}

// say publishes what is due and returns when something will be.
func (p *speaker) say(ctx context.Context, now time.Time) time.Time {
	wake := now.Add(time.Hour)
	for _, snap := range []*snapshot{p.u.stock, p.u.doors} {
		at, ok := snap.due()
		switch {
		case ok && !at.After(now):
			p.snapshot(ctx, snap, now)
		case ok && at.Before(wake):
			wake = at
		}
	}
	if at := p.born.Add(RebirthEvery); p.again && !at.After(now) {
		p.rebirth(ctx, now)
	} else if p.again && at.Before(wake) {
		wake = at
	}
	return wake
}

func (p *speaker) snapshot(ctx context.Context, snap *snapshot, now time.Time) {
	payload, err := snap.take(ctx, now)
	if worth(ctx, err) {
		p.u.log.Error("cannot make a snapshot", slog.String("topic", snap.name), slog.Any("error", err))
	}
	if payload == nil {
		return
	}
	_ = p.other.publish(ctx, message{ // only the end of ctx
		name: snap.name, qos: 1, retained: true, payload: payload,
		taken: func() { p.taken <- snap },
	})
}

// rebirth publishes the state once more: something that came down was dropped, or may have
// been missed, as the birth itself may.
func (p *speaker) rebirth(ctx context.Context, now time.Time) {
	if p.lost {
		p.u.log.Warn("messages from the broker were dropped: the backend is asked by a birth for what is missing", slog.Uint64("dropped", p.inbox.dropped.Load()))
	}
	p.again, p.lost, p.born = false, false, now
	state, err := p.u.bank.Birth(ctx)
	p.put(ctx, wire.TopicState, 1, state, err)
}

func (p *speaker) health(ctx context.Context) {
	h, err := p.u.bank.Health(ctx)
	p.put(ctx, wire.TopicHealth, 0, h, err)
}

// worth tells whether an error is worth a line: none is that the end of the session
// or of the bank has caused.
func worth(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && !errors.Is(err, ErrStopped)
}

// put publishes a retained message.
func (s *session) put(ctx context.Context, name string, qos byte, v any, err error) {
	var b []byte
	if err == nil {
		b, err = json.Marshal(v)
	}
	if err != nil {
		if worth(ctx, err) {
			s.u.log.Error("cannot make a message", slog.String("topic", name), slog.Any("error", err))
		}
		return
	}
	_ = s.other.publish(ctx, message{name: name, qos: qos, retained: true, payload: b}) // only the end of ctx
}

// watchEvery is how often the watchdog looks: often enough for its bounds not to
// be stretched by more than an eighth of a keepalive.
func (s *session) watchEvery() time.Duration {
	return min(max(s.u.c.KeepAlive/8, 100*time.Millisecond), 5*time.Second)
}

// watch ends a connection that has died without a word, or whose broker takes
// nothing.
func (s *session) watch(ctx context.Context) {
	t := time.NewTicker(s.watchEvery())
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := time.Now()
		if s.conn.silent(now) > s.u.c.silence() {
			s.fail(errDead)
		}
		for _, l := range s.lanes() {
			if at := l.oldest(); !at.IsZero() && now.Sub(at) > PubackTimeout {
				s.fail(errNotTaken)
			}
		}
	}
}
