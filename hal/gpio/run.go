package gpio

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"lockerd/hal"
)

// horizon is how long the goroutine sleeps when nothing is due.
const horizon = time.Hour

// run is the bus's goroutine.
func (b *bus) run() {
	defer close(b.done)
	timer := time.NewTimer(horizon)
	defer timer.Stop()
	var pending []hal.Unlock
	for {
		pending = b.step(pending, time.Now())
		timer.Reset(time.Until(b.due(pending)))
		select {
		case <-b.wake:
		case <-timer.C:
		case <-b.quit:
			b.stop(pending)
			return
		}
	}
}

// step does everything that is due and returns the unlocks that wait.
func (b *bus) step(pending []hal.Unlock, now time.Time) []hal.Unlock {
	pending = b.accept(pending)
	for _, d := range b.doors {
		if err := d.relay.stuck(); d.there && err != nil {
			b.lose(d, fmt.Errorf("relay: cannot switch line %q off: %s", d.wiring.Relay.Name, err.Error()), now)
		}
		if !d.there && !now.Before(d.retry) {
			b.connect(d, now)
		}
	}
	pending = b.start(pending, now)
	for _, d := range b.doors {
		b.observe(d, now)
	}
	b.attend(now)
	return pending
}

// accept takes what callers have left.
func (b *bus) accept(pending []hal.Unlock) []hal.Unlock {
	b.mu.Lock()
	queue := b.queue
	b.queue = nil
	for a, until := range b.focus {
		d := b.doors[a-1]
		d.focus, d.poll = until, time.Time{} // the first read comes at once
		delete(b.focus, a)
	}
	b.mu.Unlock()
	for _, u := range queue {
		switch {
		case u.Lock.Channel != 1 || u.Lock.Address < 1 || u.Lock.Address > len(b.doors):
			b.refuse(u, "there is no such lock on this bus")
		case len(pending) >= queueMax:
			b.refuse(u, "too many wait")
		default:
			pending = append(pending, u)
		}
	}
	return pending
}

// refuse answers an unlock with which nothing was done.
func (b *bus) refuse(u hal.Unlock, why string) {
	b.sink.Pulsed(b.cfg.Name, hal.Pulsed{ID: u.ID, Lock: u.Lock, Err: fmt.Errorf("%w: %s", hal.ErrNotSent, why)})
}

// connect requests the lines of a door.
func (b *bus) connect(d *door, now time.Time) {
	if err := d.open(b.opt.Lines, b.nudge); err != nil {
		b.lose(d, err, now)
		return
	}
	b.up()
	if d.wiring.Feedback.Name == "" {
		b.tell(d, nil) // nothing else will
	}
}

// lose gives up the lines of a door that has failed, and tells why once.
func (b *bus) lose(d *door, err error, now time.Time) {
	_ = d.close() // the reason is err; what does not obey is told again by its timer
	d.retry = now.Add(d.pause)
	d.pause = min(2*d.pause, retryMax)
	b.count(func(s *hal.Stats) { s.Timeouts++; s.LastError = err.Error() })
	b.up()
	b.tell(d, fmt.Errorf("cannot drive door %d on bus %q: %w", d.address, b.cfg.Name, err))
}

// tell reports a door that is lost, or there, if that is news.
func (b *bus) tell(d *door, err error) {
	lost := err != nil
	if d.told && d.lost == lost {
		return
	}
	d.told, d.lost = true, lost
	if lost {
		b.opt.Log.Warn("a door's lines can't be had", slog.Int("door", d.address), slog.Any("error", err))
	}
	b.sink.Board(b.cfg.Name, hal.Board{Address: d.address, Lost: lost, Err: err})
}

// up notes whether all lines are held.
func (b *bus) up() {
	all := true
	for _, d := range b.doors {
		all = all && d.there
	}
	b.count(func(s *hal.Stats) {
		if all && !s.Up && s.LastError != "" {
			s.Reopened++
		}
		s.Up = all
	})
}

// start begins the pulses that may begin, in the order of asking, and answers
// those that are worthless now.
func (b *bus) start(pending []hal.Unlock, now time.Time) []hal.Unlock {
	on := 0
	for _, d := range b.doors {
		if d.relay.busy() {
			on++
		}
	}
	var wait []hal.Unlock
	for _, u := range pending {
		d := b.doors[u.Lock.Address-1]
		switch {
		case !now.Before(u.Expires):
			b.refuse(u, "it has expired")
		case !d.there:
			b.refuse(u, "its lines can't be had")
		case d.relay.busy() || on >= b.cfg.Coils || now.Before(d.relay.cool()):
			wait = append(wait, u)
		default:
			on++
			b.pulse(d, u)
		}
	}
	return wait
}

// pulse pulses a lock and reports it.
func (b *bus) pulse(d *door, u hal.Unlock) {
	at := time.Now()
	b.count(func(s *hal.Stats) { s.Requests++ })
	err := d.relay.pulse(u.Pulse)
	d.poll = time.Time{} // what is read from now on is proof
	p := hal.Pulsed{ID: u.ID, Lock: u.Lock, At: at}
	if err != nil {
		p.Err = fmt.Errorf("%w: cannot set line %q: %s", hal.ErrNoReply, d.wiring.Relay.Name, err.Error())
	}
	b.sink.Pulsed(b.cfg.Name, p)
	if err != nil {
		b.lose(d, errors.New("relay: cannot set line "+d.wiring.Relay.Name+": "+err.Error()), time.Now())
		return
	}
	b.count(func(s *hal.Stats) { s.Replies++ })
}

// observe reads the feedback of a door if that is due and reports what counts.
func (b *bus) observe(d *door, now time.Time) {
	if !d.there {
		return
	}
	begun := time.Now()
	state, counts, err := d.look(begun, b.cfg.Poll)
	if err != nil {
		b.lose(d, err, now)
		return
	}
	if !counts {
		return
	}
	b.count(func(s *hal.Stats) { s.Requests++; s.Replies++ })
	b.tell(d, nil)
	b.sink.Observed(b.cfg.Name, hal.Observed{Address: d.address, Begun: begun, States: []hal.State{state}})
}

// due returns when there is something to do next.
func (b *bus) due(pending []hal.Unlock) time.Time {
	now := time.Now()
	at := now.Add(horizon)
	sooner := func(t time.Time) {
		if t.Before(at) {
			at = t
		}
	}
	for _, d := range b.doors {
		switch {
		case !d.there:
			sooner(d.retry)
		case d.wiring.Feedback.Name != "":
			sooner(d.next())
		}
	}
	for _, u := range pending {
		sooner(u.Expires)
		if cool := b.doors[u.Lock.Address-1].relay.cool(); cool.After(now) {
			sooner(cool)
		} // else a pulse is waited for, whose end wakes the goroutine
	}
	sooner(b.extra.due())
	return at
}

// stop brings everything to rest and answers what waits.
func (b *bus) stop(pending []hal.Unlock) {
	var faults []error
	for _, d := range b.doors {
		faults = append(faults, d.close())
	}
	faults = append(faults, b.extra.close())
	if err := errors.Join(faults...); err != nil {
		b.fault = fmt.Errorf("cannot bring bus %q to rest: %s", b.cfg.Name, err.Error())
	}
	for _, u := range b.accept(pending) {
		b.refuse(u, "the bus is closing")
	}
	b.count(func(s *hal.Stats) { s.Up = false })
}
