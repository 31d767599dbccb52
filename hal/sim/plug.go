package sim

import (
	"errors"
	"fmt"
	"os"
	"time"

	"lockerd/hal"
)

// errClosed tells a caller that comes too late.
var errClosed = errors.New("the simulated line is closed")

// Plug brings a new port under the same name. A line that is plugged in stays
// as it is.
func (l *Line) Plug() error {
	l.plugMu.Lock()
	defer l.plugMu.Unlock()
	if l.closed {
		return fmt.Errorf("cannot plug in %q: %w", l.cfg.Link, errClosed)
	}
	if l.port != nil {
		return nil
	}
	p, err := openPort(l.cfg.Link, l.cfg.ByteTime)
	if err != nil {
		return err
	}
	l.port = p
	if l.noise == nil {
		l.noise = newNoise(l.cfg.ByteTime)
	}
	e := &ear{}
	p.start(func(b []byte, at time.Time) { l.hear(p, e, b, at) }, l.noise)
	l.log.add(Plugged, hal.Lock{}, 0)
	return nil
}

// Unplug takes the port and its name away; whoever has it open is hung up. The
// boards keep their power.
func (l *Line) Unplug() {
	l.plugMu.Lock()
	defer l.plugMu.Unlock()
	l.unplug()
}

func (l *Line) unplug() {
	if l.port == nil {
		return
	}
	_ = os.Remove(l.cfg.Link) // may be gone with its directory
	l.port.close()
	l.port = nil
	l.log.add(Unplugged, hal.Lock{}, 0)
}

// Stall stops the host's writes, or lets them go again. A new port is never
// stalled.
func (l *Line) Stall(on bool) error {
	l.plugMu.Lock()
	defer l.plugMu.Unlock()
	if l.port == nil {
		return fmt.Errorf("cannot stall %q: it is not plugged in", l.cfg.Link)
	}
	return l.port.stall(on)
}

// Echo lets the host hear its own bytes, or no longer.
func (l *Line) Echo(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.echo = on
}

// Inject puts bytes on the line that no request asked for.
func (l *Line) Inject(b []byte) {
	l.plugMu.Lock()
	defer l.plugMu.Unlock()
	if l.port != nil {
		l.port.send(append([]byte(nil), b...))
	}
}

// Noise fills the line with random bytes at its rate, 9600 baud if it has
// none, wherever no board speaks; or no longer. The seed makes them.
func (l *Line) Noise(on bool, seed uint64) {
	l.plugMu.Lock()
	defer l.plugMu.Unlock()
	if l.noise != nil {
		l.noise.set(on, seed)
	}
}
