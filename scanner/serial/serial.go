// Package serial is a barcode scanner on a serial line: RS-232, a UART, or USB
// in its CDC mode.
//
// A Source owns its port: it opens it, reads scans from it, and when the device
// goes away opens it again by the same name, after pauses that double from
// 100 ms to 2 s, for ever. It waits on bytes and deadlines only. What was
// scanned while the port was not open is thrown away: nobody stands before the
// doors any more. Nothing is ever written to the scanner.
package serial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"lockerd/scanner"
)

// Bounds of a source.
const (
	minBackoff    = 100 * time.Millisecond
	maxBackoff    = 2 * time.Second
	readBytes     = 512 // of one read
	maxEmptyReads = 16  // reads in a row without bytes or error
	closeWithin   = 2 * time.Second
)

// Config is one scanner.
type Config struct {
	Name   string
	Port   string // stable name, best below /dev/serial/by-id
	Baud   int
	Suffix string // "\r", "\n", "\t", or "" for silence
}

// Options are what tests replace.
type Options struct {
	// Dial opens a port. Close of what it returns must end a Read under way.
	// Nil: the real one.
	Dial func(port string, baud int) (io.ReadCloser, error)
}

// Source is one scanner at work. Its methods may be called from any goroutine.
type Source struct {
	cfg     Config
	sink    scanner.Sink
	dial    func(port string, baud int) (io.ReadCloser, error)
	mu      sync.Mutex // guards decoder, which reader and timer share
	decoder *scanner.Decoder
	stop    context.CancelFunc
	done    chan struct{}
	state   state // of the source's goroutine
}

// state is what was last told of the device.
type state uint8

const (
	stateNew state = iota
	stateThere
	stateLost
)

// Open starts a scanner. A missing port is no error: it is reported to the sink
// and looked for until Close.
func Open(cfg Config, sink scanner.Sink, opt Options) (*Source, error) {
	d, err := scanner.NewDecoder(cfg.Name, cfg.Suffix)
	if err != nil {
		return nil, err
	}
	s := &Source{cfg: cfg, sink: sink, dial: opt.Dial, decoder: d, done: make(chan struct{})}
	if s.dial == nil {
		s.dial = dial
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go s.run(ctx)
	return s, nil
}

// Close ends the source and releases its port. After it the sink is not called
// any more, unless the port or the sink hangs, which is the error.
func (s *Source) Close() error {
	s.stop()
	t := time.NewTimer(closeWithin)
	defer t.Stop()
	select {
	case <-s.done:
		return nil
	case <-t.C:
		return fmt.Errorf("cannot close scanner %q: port %q has not come free within %s", s.cfg.Name, s.cfg.Port, closeWithin)
	}
}

// run opens the port again and again until it is told to stop.
func (s *Source) run(ctx context.Context) {
	defer close(s.done)
	pause := minBackoff
	for ctx.Err() == nil {
		began := time.Now()
		err := s.session(ctx)
		if ctx.Err() != nil {
			return
		}
		s.report(stateLost, err)
		if time.Since(began) > maxBackoff {
			pause = minBackoff // it had been well
		}
		wait(ctx, pause)
		pause = min(2*pause, maxBackoff)
	}
}

// wait returns after a pause or when the context ends.
func wait(ctx context.Context, pause time.Duration) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// report tells the sink, once for each change.
func (s *Source) report(to state, err error) {
	if s.state != to {
		s.state = to
		s.sink.ScannerState(s.cfg.Name, err)
	}
}

// session serves the port from its opening until it fails.
func (s *Source) session(ctx context.Context) error {
	port, err := s.dial(s.cfg.Port, s.cfg.Baud)
	if err != nil {
		return fmt.Errorf("cannot open port %q: %s; check the cable and the name of the port", s.cfg.Port, err.Error())
	}
	s.report(stateThere, nil)
	s.decoder.Reset()
	fed := make(chan struct{}, 1)
	r := newReader(port, func(at time.Time, data []byte) {
		s.decode(func(d *scanner.Decoder) []scanner.Scan { return d.Feed(at, data) })
		s.expect()
		select {
		case fed <- struct{}{}:
		default:
		}
	})
	defer r.close()
	if err := s.serve(ctx, fed, r.ended); err != nil {
		return fmt.Errorf("cannot read port %q: %s; check the cable", s.cfg.Port, err.Error())
	}
	return nil
}

// serve does what is due when nothing comes, until the reading ends.
func (s *Source) serve(ctx context.Context, fed <-chan struct{}, ended <-chan error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		s.mu.Lock()
		arm(timer, s.decoder.Deadline())
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-fed:
		case <-timer.C:
			s.decode(func(d *scanner.Decoder) []scanner.Scan { return d.Expire(time.Now()) })
		}
	}
}

// decode delivers what a step of the decoder gives.
func (s *Source) decode(step func(*scanner.Decoder) []scanner.Scan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, scan := range step(s.decoder) {
		s.sink.Scanned(scan)
	}
}

// expect shows the sink what may become a scan with the next bytes.
func (s *Source) expect() {
	s.mu.Lock()
	text := s.decoder.Pending()
	s.mu.Unlock()
	if text != "" {
		s.sink.Expect(text)
	}
}

// arm sets a timer to a deadline, or to rest for the zero time.
func arm(t *time.Timer, deadline time.Time) {
	if deadline.IsZero() {
		t.Stop()
		return
	}
	t.Reset(time.Until(deadline))
}

// errSilent is what a port fails with that returns neither bytes nor an error.
var errSilent = errors.New("the port returns reads without bytes")
