// Package device keeps the device of a scanner open and reads scans from it.
//
// A Source opens its device, reads scans from it, and when the device goes away
// opens it again by the same name, after pauses that double from 100 ms to 2 s,
// for ever. It waits on bytes and deadlines only. What was scanned while the
// device was not open is thrown away: nobody stands before the doors any more.
// How a device is opened is its driver's: scanner/serial, scanner/hid.
package device

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
	Kind   string // what the device is, for errors: port, keyboard
	Port   string // stable name of the device
	Suffix string // "\r", "\n", "\t", or "" for silence
	// Dial opens the device. Close of what it returns must end a Read under way,
	// and no Read may return without bytes or an error.
	Dial func() (io.ReadCloser, error)
}

// Source is one scanner at work. Its methods may be called from any goroutine.
type Source struct {
	cfg     Config
	sink    scanner.Sink
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

// Open starts a scanner. A missing device is no error: it is reported to the sink
// and looked for until Close.
func Open(cfg Config, sink scanner.Sink) (*Source, error) {
	d, err := scanner.NewDecoder(cfg.Name, cfg.Suffix)
	if err != nil {
		return nil, err
	}
	s := &Source{cfg: cfg, sink: sink, decoder: d, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go s.run(ctx)
	return s, nil
}

// Close ends the source and releases its device. After it the sink is not called
// any more, unless the device or the sink hangs, which is the error.
func (s *Source) Close() error {
	s.stop()
	t := time.NewTimer(closeWithin)
	defer t.Stop()
	select {
	case <-s.done:
		return nil
	case <-t.C:
		return fmt.Errorf("cannot close scanner %q: %s %q has not come free within %s", s.cfg.Name, s.cfg.Kind, s.cfg.Port, closeWithin)
	}
}

// run opens the device again and again until it is told to stop.
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

// session serves the device from its opening until it fails.
func (s *Source) session(ctx context.Context) error {
	port, err := s.cfg.Dial()
	if err != nil {
		return fmt.Errorf("cannot open %[1]s %[2]q: %[3]s; check the cable and the name of the %[1]s", s.cfg.Kind, s.cfg.Port, err.Error())
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
		return fmt.Errorf("cannot read %s %q: %s; check the cable", s.cfg.Kind, s.cfg.Port, err.Error())
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

// errSilent is what a device fails with that returns neither bytes nor an error.
var errSilent = errors.New("it returns reads without bytes")
