package rs485

import (
	"fmt"
	"time"

	"lockerd/hal"
)

// readGap is how long the line rests before a read, in bits: two characters, in
// which the board that spoke last lets go of the wires. A family may need more,
// and an unlock waits for no more than that (Limits.Gap).
const readGap = 2 * charBits

// charBits is what a character of 8N1 takes.
const charBits = 10

// optionalWait is how long the line is kept free for a reply that may not come
// and that nothing hangs on.
const optionalWait = 100 * time.Millisecond

// echoMisses is how many replies in a row without an echo show that a line
// that echoed does not any more.
const echoMisses = 3

// result is what came of one exchange.
type result struct {
	begun   time.Time // zero: nothing was sent
	replied bool
	expired bool // it was too late to send it
	answer  Answer
	err     error // the port failed
}

// exchange sends one request and waits for its reply, at most until limit if
// that is set.
func (s *session) exchange(req *Request, expires, limit time.Time) result {
	s.flush()
	begun := time.Now()
	if !expires.IsZero() && !expires.After(begun) {
		return result{expired: true}
	}
	return s.finish(started{req, begun, s.port.TryWrite(req.Bytes)}, limit)
}

// finish hands over what the line did not take at once and waits for the reply.
func (s *session) finish(st started, limit time.Time) result {
	req, begun, n, err := st.req, st.begun, st.n, error(nil)
	if n < len(req.Bytes) {
		var more int
		more, err = s.port.Write(req.Bytes[n:])
		n += more
	}
	s.last = req
	if n > 0 {
		s.b.trace.add(begun, hal.FrameRequest, req.Bytes[:n], Answer{})
	}
	if err != nil || n < len(req.Bytes) {
		s.port.Discard()
		if n == 0 {
			begun = time.Time{}
		}
		return result{begun: begun, err: fmt.Errorf("cannot write to port %q: %d of %d bytes taken: %s: it is opened again", s.b.cfg.Port, n, len(req.Bytes), text(err))}
	}
	s.b.count(func(st *hal.Stats) { st.Requests++ })
	deadline := begun.Add(s.wire(len(req.Bytes)) + s.patience(req))
	if !limit.IsZero() {
		deadline = earlier(deadline, limit)
	}
	r := s.await(req, deadline)
	r.begun = begun
	over := time.Now()
	s.quiet, s.clear = over.Add(s.bits(max(readGap, s.b.gap))), over.Add(s.bits(s.b.gap))
	return r
}

// text says what an error says; a short write has none.
func text(err error) string {
	if err == nil {
		return "short write"
	}
	return err.Error()
}

// wire is how long n characters take on the line.
func (s *session) wire(n int) time.Duration { return s.bits(charBits * n) }

// bits is how long n bits take.
func (s *session) bits(n int) time.Duration {
	return time.Duration(n) * time.Second / time.Duration(s.b.cfg.Baud)
}

// patience is how long after its last byte a request's reply may be complete.
func (s *session) patience(req *Request) time.Duration {
	if req.Optional && req.Then == nil {
		return min(s.b.cfg.ReplyTimeout, optionalWait)
	}
	return s.b.cfg.ReplyTimeout + req.Grace
}

// await looks for the reply until the deadline; Close brings that nearer.
func (s *session) await(req *Request, deadline time.Time) result {
	m := newMatcher(req, s.echo, s.b.trace)
	s.timer.Reset(time.Until(deadline))
	quit := s.b.quit
	// What direct has sent may have been answered while the arbiter was still
	// resting, and that has taken the word of it.
	buf := s.take(nil)
	if a, ok := m.feed(buf); ok {
		return s.matched(m, a)
	}
	for {
		select {
		case <-s.arrived:
			buf = s.take(buf)
			if a, ok := m.feed(buf); ok {
				return s.matched(m, a)
			}
		case <-s.timer.C:
			s.port.Sync() // on a busy machine the receiver may not have had its turn
			buf = s.take(buf)
			if a, ok := m.feed(buf); ok {
				return s.matched(m, a)
			}
			if a, ok := m.end(); ok {
				return s.matched(m, a)
			}
			return s.unanswered(m)
		case <-quit:
			quit = nil
			s.timer.Reset(time.Until(earlier(deadline, time.Now().Add(closeGrace))))
		case err := <-s.ended:
			r := s.unanswered(m)
			r.err = s.broken(err)
			return r
		}
	}
}

func (s *session) matched(m *matcher, a Answer) result {
	s.replied = true
	s.learn(m)
	s.b.count(func(st *hal.Stats) { st.Replies++ })
	s.account(m, m.buf, s.b.reports)
	return result{replied: true, answer: a}
}

func (s *session) unanswered(m *matcher) result {
	if !m.req.Optional {
		s.b.count(func(st *hal.Stats) { st.Timeouts++ })
	}
	s.account(m, m.buf, s.b.reports)
	if !m.req.Optional {
		s.b.trace.add(time.Now(), hal.FrameSilence, nil, Answer{})
	}
	s.port.Discard() // a frame that is still here must not leave later
	return result{}
}

// learn keeps up whether the line echoes. Only a reply that cannot equal its
// request tells.
func (s *session) learn(m *matcher) {
	switch {
	case m.req.Twin:
		if s.echo == echoUnknown && m.heard {
			s.echo = echoYes
		}
	case m.heard:
		s.echo, s.missed = echoYes, 0
	case s.echo == echoYes:
		if s.missed++; s.missed >= echoMisses {
			s.echo = echoNo
		}
	default:
		s.echo = echoNo
	}
}
