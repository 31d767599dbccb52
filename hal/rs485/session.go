package rs485

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"lockerd/hal"
)

// inputMax bounds the bytes that wait between two exchanges; a line that
// babbles on loses the rest.
const inputMax = 4096

// session is the time from one opening of the port to its loss.
type session struct {
	b       *bus
	port    Port
	timer   *time.Timer
	arrived chan struct{} // bytes came
	ended   chan error    // the receiver's last word
	gone    chan struct{} // the receiver has returned

	mu   sync.Mutex // guards in and lost
	in   []byte
	lost uint64 // bytes beyond inputMax

	echo    echoMode
	missed  int // replies in a row without an echo before them
	replied bool
	last    *Request
	heard   []byte  // came between exchanges and may become a frame
	taken   *unlock // was sent by direct, as started says
	started started
	quiet   time.Time // the line rests until then before a read
	clear   time.Time // and until then before an unlock
}

func newSession(b *bus, port Port) *session {
	s := &session{b: b, port: port, last: &b.boards[0].status, timer: time.NewTimer(horizon), arrived: make(chan struct{}, 1), ended: make(chan error, 1), gone: make(chan struct{})}
	go func() {
		defer close(s.gone)
		s.ended <- port.Receive(s.receive)
	}()
	return s
}

// receive is called by the port's receiver.
func (s *session) receive(p []byte) {
	s.mu.Lock()
	n := min(len(p), inputMax-len(s.in))
	s.in = append(s.in, p[:n]...)
	s.lost += uint64(len(p) - n)
	s.mu.Unlock()
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// take moves what has arrived to the matcher's side.
func (s *session) take(dst []byte) []byte {
	s.mu.Lock()
	dst = append(dst[:0], s.in...)
	s.in = s.in[:0]
	lost := s.lost
	s.lost = 0
	s.mu.Unlock()
	s.b.tally(tally{garbage: lost})
	return dst
}

// flush takes everything that came before now: it answers nothing.
func (s *session) flush() {
	s.port.Sync()
	s.overhear(false)
}

// overhear takes what no request has asked for. What may become a frame waits
// for the rest of it, if it is to be kept.
func (s *session) overhear(keep bool) {
	if p := s.take(nil); len(p)+len(s.heard) > 0 {
		s.account(newMatcher(s.last, s.echo, s.b.trace), append(s.heard, p...), keep)
	}
}

// account counts what a matcher saw, with what is left over, and heeds what
// boards reported.
func (s *session) account(m *matcher, rest []byte, keep bool) {
	s.heard = bytes.Clone(m.leftover(rest, keep))
	s.b.tally(m.tally)
	s.b.told(m.told)
}

// serve makes exchanges until the port fails, or Close is called.
func (s *session) serve() (err error) {
	defer func() { s.leave(err) }()
	for !s.b.closing() || s.taken != nil {
		if s.taken != nil {
			if err := s.finishTaken(); err != nil {
				return err
			}
			continue
		}
		if s.b.reports {
			s.overhear(true)
		}
		s.b.accept()
		now := time.Now()
		if s.clear.After(now) {
			s.b.expire(now)
			if err := s.wait(s.clear); err != nil {
				return err
			}
			continue
		}
		j, until := s.b.next(now, s.quiet, s.echo)
		var err error
		if j.board == nil {
			err = s.wait(until)
		} else {
			err = s.do(j)
		}
		if err != nil {
			return err
		}
	}
	s.rest()
	return nil
}

// wait sleeps until something is queued, the port fails, or the time has come.
// Meanwhile the line is free for direct.
func (s *session) wait(until time.Time) error {
	s.b.resting = s
	s.b.line.Unlock()
	defer func() {
		s.b.line.Lock()
		s.b.resting = nil
	}()
	s.timer.Reset(time.Until(until))
	var arrived <-chan struct{}
	if s.b.reports {
		arrived = s.arrived
	}
	select {
	case <-s.b.wake:
	case <-arrived:
	case <-s.b.quit:
	case <-s.timer.C:
	case err := <-s.ended:
		return s.broken(err)
	}
	return nil
}

func (s *session) broken(err error) error {
	return fmt.Errorf("cannot read port %q: %s: it is opened again by itself", s.b.cfg.Port, text(err))
}

// rest brings all boards that answer to their inert state before the port is
// closed.
func (s *session) rest() {
	end := time.Now().Add(closeBudget)
	for _, d := range s.b.boards {
		if d.lost {
			continue
		}
		for _, req := range s.b.codec.Inert(d.BoardConfig) {
			if !time.Now().Before(end) || s.pause() != nil {
				return
			}
			if r := s.exchange(&req, time.Time{}, end); r.err != nil {
				return
			}
		}
	}
}

// pause waits for the line to rest, whatever is queued.
func (s *session) pause() error {
	s.timer.Reset(time.Until(s.quiet))
	select {
	case <-s.timer.C:
		return nil
	case err := <-s.ended:
		return s.broken(err)
	}
}

func (s *session) close() {
	s.timer.Stop()
	if err := s.port.Close(); err != nil {
		s.b.count(func(st *hal.Stats) { st.LastError = err.Error() })
	}
	<-s.gone
	s.b.count(func(st *hal.Stats) { st.Up = false })
}
