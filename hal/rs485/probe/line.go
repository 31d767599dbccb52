package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"lockerd/hal/rs485"
)

const (
	restBytes = 4    // characters of silence before a request, as lockerd leaves
	inputMax  = 4096 // bytes that wait; a line that babbles on loses the rest
)

// Dial opens a port, as rs485.Dial.
type Dial func(name string, baud int) (rs485.Port, error)

// Line is one port while it is looked at.
type Line struct {
	name    string
	port    rs485.Port
	baud    int
	arrived chan struct{}
	ended   chan error
	echo    bool
	quiet   time.Time

	mu sync.Mutex
	in []byte
}

// Open opens a port for its owner alone.
func Open(dial Dial, name string, baud int) (*Line, error) {
	port, err := dial(name, baud)
	if err != nil {
		return nil, err
	}
	l := &Line{name: name, port: port, baud: baud, arrived: make(chan struct{}, 1), ended: make(chan error, 1)}
	go func() { l.ended <- port.Receive(l.receive) }()
	return l, nil
}

// Close releases the port.
func (l *Line) Close() error {
	if err := l.port.Close(); err != nil {
		return fmt.Errorf("cannot close port %q: %w", l.name, err)
	}
	return nil
}

func (l *Line) receive(p []byte) {
	l.mu.Lock()
	l.in = append(l.in, p[:min(len(p), inputMax-len(l.in))]...)
	l.mu.Unlock()
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

func (l *Line) take() []byte {
	l.port.Sync()
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.in
	l.in = nil
	return p
}

// heard is what one request brought.
type heard struct {
	ear

	begun time.Time
}

// ask sends a request once and listens: for its reply at most so long, and
// after it for another one for linger.
func (l *Line) ask(ctx context.Context, req rs485.Request, reply, linger time.Duration) (heard, error) {
	if err := l.wait(ctx, time.Until(l.quiet)); err != nil {
		return heard{}, err
	}
	l.take()
	h := heard{ear: ear{req: &req, echo: l.echo}, begun: time.Now()}
	if err := l.write(req.Bytes); err != nil {
		return heard{}, err
	}
	err := l.listen(ctx, &h, l.wire(len(req.Bytes))+reply+req.Grace, linger)
	h.end()
	l.echo = l.echo || h.echoed
	l.quiet = time.Now().Add(l.wire(restBytes))
	return h, err
}

func (l *Line) write(p []byte) error {
	n := l.port.TryWrite(p)
	if n == len(p) {
		return nil
	}
	if _, err := l.port.Write(p[n:]); err != nil {
		l.port.Discard()
		return fmt.Errorf("cannot write to port %q: %w: is it plugged in?", l.name, err)
	}
	return nil
}

func (l *Line) listen(ctx context.Context, h *heard, reply, linger time.Duration) error {
	t := time.NewTimer(reply)
	defer t.Stop()
	for {
		select {
		case <-l.arrived:
			h.feed(l.take())
			if h.replies > 0 && linger == 0 {
				return nil
			}
			if h.replies > 0 {
				t.Reset(linger)
			}
		case <-t.C:
			h.feed(l.take())
			return nil
		case err := <-l.ended:
			return l.broken(err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wait lets the line rest.
func (l *Line) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case err := <-l.ended:
		return l.broken(err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *Line) broken(err error) error {
	l.ended <- err // for whoever asks next
	return fmt.Errorf("cannot read port %q: %w: is it plugged in?", l.name, err)
}

// noise counts the bytes that come unasked.
func (l *Line) noise(ctx context.Context, d time.Duration) (int, error) {
	l.take()
	err := l.wait(ctx, d)
	return len(l.take()), err
}

// wire is how long n characters take.
func (l *Line) wire(n int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(l.baud)
}
