package sim

import (
	"sync"
	"time"
)

// Wire is the host's end of a line without a pty: bytes in memory that take
// their time, so that boards and their driver run in the virtual time of
// testing/synctest. It is what hal/rs485 wants of a port.
type Wire struct {
	line *Line
	port *port
	ear  ear

	mu      sync.Mutex
	arrived sync.Cond
	in      []byte
	into    func([]byte)
	opened  int // times; Receive ends with the one it began in
	closed  bool
}

// NewWire builds a line that is reached by the wire alone. Close the line when
// the driver is done with it.
func NewWire(cfg LineConfig) (*Line, *Wire, error) {
	l, err := newLine(cfg)
	if err != nil {
		return nil, nil, err
	}
	w := &Wire{line: l}
	w.arrived.L = &w.mu
	w.port = &port{byteTime: cfg.ByteTime, queue: make(chan []byte, maxQueue), quit: make(chan struct{}), to: w.say}
	l.port, l.noise = w.port, newNoise(cfg.ByteTime)
	w.port.wg.Go(func() { w.port.write(l.noise) })
	return l, w, nil
}

// say takes what boards send.
func (w *Wire) say(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.in = append(w.in, b...)
	w.arrived.Broadcast()
}

// Receive hands on what boards send until the wire is closed.
func (w *Wire) Receive(into func([]byte)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.into = into
	for mine := w.opened; !w.closed && w.opened == mine; {
		w.handOver()
		w.arrived.Wait()
	}
	return errClosed
}

func (w *Wire) handOver() {
	if w.into != nil && len(w.in) > 0 {
		w.into(w.in)
		w.in = w.in[:0]
	}
}

// Sync hands on what has arrived.
func (w *Wire) Sync() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handOver()
}

// TryWrite hands a frame to the boards, which act at once and answer when its
// time on the wire is over.
func (w *Wire) TryWrite(p []byte) int {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return 0
	}
	w.line.hear(w.port, &w.ear, p, time.Now())
	return len(p)
}

// Write does the same.
func (w *Wire) Write(p []byte) (int, error) { return w.TryWrite(p), nil }

// Discard has nothing to drop: boards hear at once.
func (w *Wire) Discard() {}

// Reopen takes up a wire that was closed: nothing has come meanwhile.
func (w *Wire) Reopen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened++
	w.in, w.into, w.closed = nil, nil, false
	w.arrived.Broadcast()
}

// Close ends Receive.
func (w *Wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.arrived.Broadcast()
	return nil
}
