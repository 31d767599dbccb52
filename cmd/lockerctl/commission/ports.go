package commission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockerd/daemon/commission"
	"lockerd/hal"
	"lockerd/hal/rs485/probe"
)

// Port is one serial line to be looked at.
type Port struct {
	Bus   string // name of the bus it becomes
	Path  string
	RS485 bool // its driver is to switch the line's direction
}

// Ports are the lines of a cabinet.
type Ports struct {
	Dial  probe.Dial
	Turn  probe.Dial // for ports with RS485
	Scan  probe.Options
	Pulse time.Duration // wished length
	Say   func(format string, args ...any)

	buses map[string]*probe.Bus
	over  time.Time // when the last lock is without power
}

// Look scans a port, anew if it was before.
func (p *Ports) Look(ctx context.Context, port Port) (commission.Bus, error) {
	if err := p.drop(port.Bus); err != nil {
		return commission.Bus{}, err
	}
	out := commission.Bus{Name: port.Bus, Port: port.Path, RS485: port.RS485}
	dial := p.Dial
	if port.RS485 {
		dial = p.Turn
	}
	opt := p.Scan
	opt.Progress = func(family string, baud, first, last int) {
		p.Say("asking on %s as %s boards are asked, at %d baud, addresses %d to %d", port.Path, family, baud, first, last)
	}
	bus, found, err := probe.Scan(ctx, dial, port.Path, opt)
	if err != nil {
		return out, fmt.Errorf("cannot look for boards on bus %s: %w (if lockerd runs: systemctl stop lockerd)", port.Bus, err)
	}
	out.Found = found
	if bus != nil {
		if p.buses == nil {
			p.buses = map[string]*probe.Bus{}
		}
		p.buses[port.Bus] = bus
		out.Voices, out.Views, out.Polarity = bus.Voices(), bus.Views(), bus.Polarity()
	}
	return out, nil
}

// Speak has the boards of a bus spoken to in another of their voices.
func (p *Ports) Speak(bus string, voice int) error { return p.buses[bus].Speak(voice) }

// Read reads the feedback of a board.
func (p *Ports) Read(ctx context.Context, bus string, address, channels int) (probe.Reading, error) {
	return p.buses[bus].Read(ctx, address, channels)
}

// Fire moves one lock once, when the one before is without power, and returns
// when that began.
func (p *Ports) Fire(ctx context.Context, at commission.Place) (time.Time, error) {
	if err := pass(ctx, time.Until(p.over)); err != nil {
		return time.Time{}, err
	}
	begun, over, err := p.buses[at.Bus].Pulse(ctx, hal.Lock{Address: at.Address, Channel: at.Channel}, p.Pulse)
	if over.After(p.over) {
		p.over = over
	}
	return begun, err
}

// Close waits for a pulse that is under way, brings all boards to rest and
// releases the ports.
func (p *Ports) Close() error {
	errs := []error{pass(context.Background(), time.Until(p.over))} // a second at most
	for name := range p.buses {
		errs = append(errs, p.drop(name))
	}
	return errors.Join(errs...)
}

func (p *Ports) drop(bus string) error {
	b := p.buses[bus]
	if b == nil {
		return nil
	}
	delete(p.buses, bus)
	return b.Close()
}

// pass waits.
func pass(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
