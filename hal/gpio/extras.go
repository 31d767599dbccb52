package gpio

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"periph.io/x/conn/v3/gpio"

	"lockerd/hal"
)

// Extras are lines of the bank as a whole. Each is optional.
type Extras struct {
	// LED is lit while a relay of this bus is on, and blinks for 100 ms every 2 s
	// else: the driver is alive.
	LED Line
	// Buzzer sounds while a relay of this bus is on.
	Buzzer Line
	// Tamper is a switch that is closed while the cabinet is whole.
	Tamper Line
}

// Blinking of the LED.
const (
	blinkOn    = 100 * time.Millisecond
	blinkEvery = 2 * time.Second
)

// lamp is an output that may fail without anything depending on it.
type lamp struct {
	what  string
	line  Line
	out   Output
	on    bool
	retry time.Time
}

// extras are the extras at work.
type extras struct {
	led, buzzer lamp
	tamper      contact
	tamperRetry time.Time
	tamperPoll  time.Time
	edges       chan struct{}
	open        bool // what was last told of the tamper switch
	blink       time.Time
}

func newExtras(c Extras) extras {
	return extras{
		led: lamp{what: "led", line: c.LED}, buzzer: lamp{what: "buzzer", line: c.Buzzer},
		tamper: contact{line: c.Tamper}, edges: make(chan struct{}, 1),
	}
}

// set switches a lamp, requesting its line if need be.
func (l *lamp) set(lines Lines, on bool, now time.Time) error {
	if l.line.Name == "" || l.out == nil && now.Before(l.retry) || l.out != nil && l.on == on {
		return nil
	}
	if l.out == nil {
		out, err := lines.Output(l.line.Name, l.line.level(on))
		if err != nil {
			l.retry = now.Add(retryMax)
			return fmt.Errorf("%s: %w", l.what, err)
		}
		l.out, l.on = out, on
		return nil
	}
	if err := l.out.Out(l.line.level(on)); err != nil {
		l.retry = now.Add(retryMax)
		return errors.Join(fmt.Errorf("%s: cannot set line %q: %s", l.what, l.line.Name, err.Error()), l.close())
	}
	l.on = on
	return nil
}

// due returns when a lamp without its line is tried again.
func (l *lamp) due() time.Time {
	if l.line.Name == "" || l.out != nil {
		return time.Time{}
	}
	return l.retry
}

func (l *lamp) close() error {
	if l.out == nil {
		return nil
	}
	err := errors.Join(l.out.Out(l.line.level(false)), l.out.Halt())
	l.out = nil
	return err
}

// attend does what the extras have to do now.
func (b *bus) attend(now time.Time) {
	on := false
	for _, d := range b.doors {
		on = on || d.relay.busy()
	}
	x := &b.extra
	if x.led.line.Name != "" && !now.Before(x.blink.Add(blinkEvery)) {
		x.blink = now
	}
	lit := on || now.Before(x.blink.Add(blinkOn))
	for _, err := range []error{x.led.set(b.opt.Lines, lit, now), x.buzzer.set(b.opt.Lines, on, now), b.guard(now)} {
		if err != nil {
			b.count(func(s *hal.Stats) { s.LastError = err.Error() })
			b.opt.Log.Warn("a line of the bank can't be had", slog.Any("error", err))
		}
	}
}

// guard watches the tamper switch.
func (b *bus) guard(now time.Time) error {
	x := &b.extra
	if x.tamper.line.Name == "" || x.tamper.in == nil && now.Before(x.tamperRetry) {
		return nil
	}
	if x.tamper.in == nil {
		x.tamperRetry = now.Add(retryMax)
		if err := x.tamper.open(b.opt.Lines, b.tampered); err != nil {
			return fmt.Errorf("tamper: %w", err)
		}
		x.tamperPoll = now
	}
	edges := false
	select {
	case <-x.edges:
		edges = true
	default:
	}
	if due := x.tamper.due(); !edges && now.Before(x.tamperPoll) && (due.IsZero() || now.Before(due)) {
		return nil
	}
	x.tamperPoll = now.Add(b.cfg.Poll)
	closed, counts, err := x.tamper.look(now, edges)
	if err != nil {
		return errors.Join(fmt.Errorf("tamper: cannot read line %q: %s", x.tamper.line.Name, err.Error()), x.tamper.close())
	}
	if counts && closed == x.open {
		x.open = !closed
		b.opt.Tamper(x.open)
	}
	return nil
}

// tampered is called at each edge of the tamper switch.
func (b *bus) tampered() {
	select {
	case b.extra.edges <- struct{}{}:
	default:
	}
	b.nudge()
}

// due returns when the extras have something to do next.
func (x *extras) due() time.Time {
	at := time.Now().Add(horizon)
	consider := func(t time.Time) {
		if !t.IsZero() && t.Before(at) {
			at = t
		}
	}
	consider(x.led.due())
	consider(x.buzzer.due())
	if x.led.line.Name != "" {
		if x.led.on && time.Now().Before(x.blink.Add(blinkOn)) {
			consider(x.blink.Add(blinkOn))
		}
		consider(x.blink.Add(blinkEvery))
	}
	switch {
	case x.tamper.line.Name == "":
	case x.tamper.in == nil:
		consider(x.tamperRetry)
	default:
		consider(x.tamperPoll)
		consider(x.tamper.due())
	}
	return at
}

// close brings all to rest.
func (x *extras) close() error {
	return errors.Join(x.led.close(), x.buzzer.close(), x.tamper.close())
}

var _ Output = gpio.PinOut(nil) // any pin of periph is an output
