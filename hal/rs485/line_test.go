package rs485_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
)

// chunk is something a virtual board says, so long after it was asked.
type chunk struct {
	after time.Duration
	bytes []byte
}

// sent is one frame that was handed to the line.
type sent struct {
	at    time.Time
	bytes []byte
}

// line is a serial line in memory: what is written goes to answer, which says
// what comes back and when.
type line struct {
	answer func(req []byte) []chunk

	mu      sync.Mutex
	arrived sync.Cond
	into    func([]byte)
	in      []byte
	err     error
	stuck   bool
	idle    bool          // the receiver is not given the time to run: only Sync hands over
	slow    time.Duration // what Sync takes
	wrote   []sent
}

func newLine(answer func([]byte) []chunk) *line {
	l := &line{answer: answer}
	l.arrived.L = &l.mu
	return l
}

func (l *line) Receive(into func([]byte)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.into = into
	for l.err == nil {
		if !l.idle {
			l.handOver()
		}
		l.arrived.Wait()
	}
	return l.err
}

func (l *line) handOver() {
	if l.into != nil && len(l.in) > 0 {
		l.into(l.in)
		l.in = nil
	}
}

func (l *line) Sync() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slow := l.slow; slow > 0 {
		l.mu.Unlock()
		time.Sleep(slow)
		l.mu.Lock()
	}
	l.handOver()
}

func (l *line) TryWrite(p []byte) int {
	l.mu.Lock()
	stuck := l.stuck || l.err != nil
	l.mu.Unlock()
	if stuck {
		return 0
	}
	n, _ := l.Write(p)
	return n
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	if l.stuck {
		l.mu.Unlock()
		time.Sleep(500 * time.Millisecond)
		l.mu.Lock()
		return 0, os.ErrDeadlineExceeded
	}
	l.wrote = append(l.wrote, sent{time.Now(), bytes.Clone(p)})
	for _, c := range l.answer(p) {
		time.AfterFunc(c.after, func() { l.say(c.bytes) })
	}
	return len(p), nil
}

func (l *line) say(p []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.in = append(l.in, p...)
	l.arrived.Broadcast()
}

func (l *line) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	l.arrived.Broadcast()
}

func (l *line) stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stuck = true
}

func (l *line) Discard() {}

func (l *line) Close() error {
	l.fail(io.ErrClosedPipe)
	return nil
}

// frames returns what was written so far, all or what begins with head.
func (l *line) frames(head ...byte) []sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []sent
	for _, s := range l.wrote {
		if bytes.HasPrefix(s.bytes, head) {
			out = append(out, s)
		}
	}
	return out
}

// socket is where lines are plugged in.
type socket struct {
	mu    sync.Mutex
	line  *line
	tries []time.Time
}

func (s *socket) plug(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = l
}

func (s *socket) dials() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

func (s *socket) dial(string, int) (rs485.Port, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries = append(s.tries, time.Now())
	if s.line == nil {
		return nil, errors.New("cannot open port: not there")
	}
	return s.line, nil
}

// sink keeps what a bus said.
type sink struct {
	mu       sync.Mutex
	pulsed   []hal.Pulsed
	observed []hal.Observed
	boards   []hal.Board
}

func (s *sink) Pulsed(_ string, p hal.Pulsed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pulsed = append(s.pulsed, p)
}

func (s *sink) Observed(_ string, o hal.Observed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observed = append(s.observed, o)
}

func (s *sink) Board(_ string, b hal.Board) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boards = append(s.boards, b)
}

func (s *sink) pulses() []hal.Pulsed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]hal.Pulsed(nil), s.pulsed...)
}

// seen returns the reads of one board.
func (s *sink) seen(address int) []hal.Observed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []hal.Observed
	for _, o := range s.observed {
		if o.Address == address {
			out = append(out, o)
		}
	}
	return out
}

// reports returns what was said of one board: true is lost.
func (s *sink) reports(address int) []bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []bool
	for _, b := range s.boards {
		if b.Address == address {
			out = append(out, b.Lost)
		}
	}
	return out
}

// rig is a bus under test in a bubble.
type rig struct {
	*socket

	hal.Bus

	t     *testing.T
	first *line
	sink  *sink
}

// change alters the virtual boards while the line is not asking them.
func (r *rig) change(f func()) {
	r.first.mu.Lock()
	defer r.first.mu.Unlock()
	f()
}

// bubble runs a test of one bus in virtual time.
func bubble(t *testing.T, cfg hal.Config, codec rs485.Codec, first *line, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, first: first, socket: &socket{}, sink: &sink{}}
		if first != nil {
			r.plug(first)
		}
		bus, err := rs485.Open(cfg, codec, r.sink, rs485.Options{Dial: r.dial})
		if err != nil {
			t.Fatal(err)
		}
		r.Bus = bus
		f(r)
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
}

// pass lets virtual time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// unlock queues a pulse that is worth something for five seconds.
func (r *rig) unlock(id uint64, address, channel int) {
	r.Unlock(hal.Unlock{ID: id, Lock: hal.Lock{Address: address, Channel: channel}, Pulse: 300 * time.Millisecond, Expires: time.Now().Add(5 * time.Second)})
}

// outcome returns what became of an unlock.
func (r *rig) outcome(t *testing.T, id uint64) hal.Pulsed {
	t.Helper()
	var found []hal.Pulsed
	for _, p := range r.sink.pulses() {
		if p.ID == id {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		t.Fatalf("unlock %d was answered %d times: %+v", id, len(found), r.sink.pulses())
	}
	return found[0]
}
