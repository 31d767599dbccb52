package gpio

import (
	"errors"
	"fmt"
	"time"

	"lockerd/hal"
)

// Door is how one door is wired.
type Door struct {
	Relay    Line
	Feedback Line // Name "": none, and nothing is known of the door
	// Power is the door's charging outlet: on while the door reads closed, or
	// always if nothing tells. Name "": none.
	Power Line
}

// Pauses before the lines of a door are requested again.
const (
	retryMin = 100 * time.Millisecond
	retryMax = 5 * time.Second
)

// door is one door at work. But for its relay it belongs to the bus's goroutine.
type door struct {
	address  int
	wiring   Door
	relay    *relay
	feedback contact
	edges    chan struct{} // the feedback has moved since it was last looked at

	power   Output
	powered bool

	there bool // all lines are held
	told  bool // the sink knows whether it is there
	lost  bool // what it knows
	pause time.Duration
	retry time.Time // when to request the lines again
	poll  time.Time // when to read the feedback without an edge
	focus time.Time // until then it is read often
}

func newDoor(address int, w Door, rested func()) *door {
	return &door{
		address: address, wiring: w, relay: &relay{line: w.Relay, rest: rested}, feedback: contact{line: w.Feedback},
		edges: make(chan struct{}, 1), pause: retryMin,
	}
}

// open requests all lines of the door, everything off.
func (d *door) open(lines Lines, wake func()) error {
	if err := d.relay.open(lines); err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	if d.wiring.Feedback.Name != "" {
		moved := func() {
			select {
			case d.edges <- struct{}{}:
				wake()
			default:
			}
		}
		if err := d.feedback.open(lines, moved); err != nil {
			return errors.Join(fmt.Errorf("feedback: %w", err), d.close())
		}
	}
	if d.wiring.Power.Name != "" {
		out, err := lines.Output(d.wiring.Power.Name, d.wiring.Power.level(false))
		if err != nil {
			return errors.Join(fmt.Errorf("power: %w", err), d.close())
		}
		d.power, d.powered = out, false
		if d.wiring.Feedback.Name == "" {
			if err := d.supply(true); err != nil {
				return errors.Join(err, d.close())
			}
		}
	}
	d.there, d.pause, d.poll = true, retryMin, time.Time{}
	return nil
}

// close brings everything to rest and gives the lines back.
func (d *door) close() error {
	d.there = false
	err := errors.Join(d.relay.close(), d.supply(false), d.feedback.close())
	if d.power != nil {
		err = errors.Join(err, d.power.Halt())
		d.power = nil
	}
	return err
}

// supply switches the charging outlet.
func (d *door) supply(on bool) error {
	if d.power == nil || on == d.powered {
		return nil
	}
	if err := d.power.Out(d.wiring.Power.level(on)); err != nil {
		return fmt.Errorf("power: cannot set line %q: %s", d.wiring.Power.Name, err.Error())
	}
	d.powered = on
	return nil
}

// moved tells whether there were edges since the last call.
func (d *door) moved() bool {
	select {
	case <-d.edges:
		return true
	default:
		return false
	}
}

// look reads the feedback if that is due. It returns what counts, or nothing.
func (d *door) look(now time.Time, every time.Duration) (state hal.State, counts bool, err error) {
	if d.wiring.Feedback.Name == "" {
		return hal.Unknown, false, nil
	}
	edges := d.moved()
	if !edges && now.Before(d.next()) {
		return hal.Unknown, false, nil
	}
	if now.Before(d.focus) {
		every = min(every, focusEvery)
	}
	d.poll = now.Add(every)
	closed, counts, err := d.feedback.look(now, edges)
	if err != nil {
		return hal.Unknown, false, fmt.Errorf("feedback: cannot read line %q: %s", d.wiring.Feedback.Name, err.Error())
	}
	if !counts {
		return hal.Unknown, false, nil
	}
	if closed {
		return hal.Closed, true, d.supply(true)
	}
	return hal.Open, true, d.supply(false)
}

// next returns when the feedback is to be read unless it moves before.
func (d *door) next() time.Time {
	if due := d.feedback.due(); !due.IsZero() && due.Before(d.poll) {
		return due
	}
	return d.poll
}
