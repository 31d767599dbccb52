package rs485

import (
	"time"

	"lockerd/hal"
)

// started is a request that was handed to the line, as far as that took it at
// once.
type started struct {
	req   *Request
	begun time.Time
	n     int // bytes taken; with 0 the request has not left
}

// direct sends an unlock from its caller's goroutine if the line is at rest, and
// leaves the wait for its reply to the arbiter: else a scan would wait for
// another goroutine to wake after its commit. It holds to the arbiter's own
// rules, by the arbiter's own functions; it neither waits nor calls the sink. It
// returns false if the unlock is to be queued.
func (b *bus) direct(u hal.Unlock) bool {
	if !b.line.TryLock() {
		return false // an exchange is on the wire
	}
	defer b.line.Unlock()
	s := b.resting
	if s == nil || s.taken != nil || len(b.pending) > 0 || s.clear.After(time.Now()) {
		return false
	}
	w, err := b.ready(u)
	if err != nil || w.req.Twin && s.echo == echoUnknown || !b.enter(u) {
		return false // the arbiter says why, or asks how the line is first
	}
	b.pending = append(b.pending, w)
	if j, _ := b.nextUnlock(time.Now(), s.echo); j.unlock == w {
		s.send(w)
	}
	return true // what was not sent waits like any other
}

// send hands an unlock to the line and notes that for the arbiter.
func (s *session) send(u *unlock) {
	s.flush()
	begun := time.Now()
	if !u.Expires.After(begun) {
		return // the arbiter says so
	}
	st := started{&u.req, begun, s.port.TryWrite(u.req.Bytes)}
	if st.n > 0 {
		s.b.remove(u)
		s.taken, s.started = u, st
	}
}

// enter takes an unlock as outstanding, if nothing is queued before it.
func (b *bus) enter(u hal.Unlock) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue)+len(b.refused) > 0 || b.outstanding[u.Lock] || len(b.outstanding) >= queueMax {
		return false
	}
	b.outstanding[u.Lock] = true
	return true
}

// finishTaken waits for the reply to what direct has sent.
func (s *session) finishTaken() error {
	u := s.taken
	s.taken = nil
	r := s.finish(s.started, time.Time{})
	s.b.settle(u, r)
	return r.err
}

// leave settles what direct has sent when the port has failed since.
func (s *session) leave(err error) {
	if u := s.taken; u != nil {
		s.taken = nil
		s.b.settle(u, result{begun: s.started.begun, err: err})
	}
}
