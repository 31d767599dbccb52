package bank

import (
	"log/slog"

	"lockerd/daemon/door"
	"lockerd/daemon/locker"
)

// effects commits what a machine has said, and has carried out what follows.
func (b *Bank) effects(d *slot, effs []door.Effect) {
	if len(effs) == 0 || b.err != nil {
		return
	}
	t := b.begin()
	for _, e := range effs {
		b.effect(t, d, e)
	}
	t.commit()
}

func (b *Bank) effect(t *tx, d *slot, e door.Effect) {
	switch e.Kind {
	case door.Pulse:
		t.then(func() { b.unlock(d) })
	case door.Opened:
		b.opened(t, d, e, locker.EvDoorOpened)
	case door.Unproven:
		b.opened(t, d, e, locker.EvDoorUnproven)
	case door.Jammed:
		b.jammed(t, d, e)
	case door.GivenUp:
		b.notOpened(t, d, locker.DoorOutOfService)
	case door.NotMoved:
		b.notOpened(t, d, locker.BoardSilent)
	case door.Uncertain:
		b.uncertain(t, d, e)
	case door.SettledAs:
		b.settled(t, d)
	case door.ClosedNow:
		b.closed(t, d, e)
	case door.AjarWarn:
		b.ajar(t, d, "warn")
	case door.AjarAlarm:
		b.ajar(t, d, "alarm")
		if d.visit != nil {
			d.visit.because(sayAjar(d, d.rec.Awaits))
			b.end(t, d.visit, outcomeAbandoned)
		}
	case door.Forced:
		b.forced(t, d)
	case door.Flapping:
		b.takeOut(t, d, locker.CauseFlapping, "")
	}
}

func (b *Bank) ajar(t *tx, d *slot, level string) {
	t.add(b.doorEvent(locker.EvDoorAjar, d, func(e *locker.Event) { e.Level, e.Why = level, sayAjar(d, d.rec.Awaits) }))
}

// doorEvent is an event about a door; while an opening is its ground, it names it.
func (b *Bank) doorEvent(kind string, d *slot, more func(*locker.Event)) locker.Event {
	e := locker.Event{Type: kind, Door: d.spec.ID}
	switch {
	case d.rec.Intent != nil && !d.rec.Intent.Uncertain:
		stamp(&e, d.rec.Intent)
	case d.rec.Awaits != nil:
		stamp(&e, d.rec.Awaits)
	case d.visit != nil:
		v := d.visit
		e.Visit, e.Scanner, e.Code, e.Set = v.id, v.scanner, v.entry.Code.ID, v.entry.Set
		e.Kind, e.Ref, e.Tenant = v.entry.Code.Kind, v.entry.Code.Ref, v.tenant()
	}
	if more != nil {
		more(&e)
	}
	return e
}

func (b *Bank) opened(t *tx, d *slot, e door.Effect, kind string) {
	in := d.rec.Intent
	if in == nil {
		in = &locker.Intent{} // ordered by a code that has been forgotten since
	}
	ev := locker.Event{Type: kind, Door: d.spec.ID, Tries: e.Tries, MS: locker.MS(e.MS)}
	if d.restart {
		ev = locker.Event{Type: locker.EvBootRecovered, Door: d.spec.ID, Outcome: "opened"}
	}
	stamp(&ev, in)
	t.add(ev)
	b.moved(d, func(v *visit) {
		if v.stages.Open == nil { // as the pulse: of the first door that opened; the closing is the last
			v.stage(&v.stages.Open, b.now())
		}
	})
	d.rec.Last = &locker.LastUse{} // it stands open by order, whoever may reopen it
	if in.Code.IsZero() {
		b.doubt(t, d)
	} else {
		k := kinds[in.Kind]
		if k.reopens && (in.Kind != locker.Swap || in.Gives || in.Reopening) { // of a swap, the door that gives
			d.rec.Last = &locker.LastUse{Code: in.Code}
			b.noLonger(t, d, in.Code)
		}
		if k.opened != nil {
			k.opened(b, t, d, in, b.entryOf(d, in))
		}
	}
	b.moved(d, func(v *visit) { v.opened, v.retried = true, false })
	d.rec.Intent, d.restart = nil, false
	t.save(d)
	t.then(func() { b.relax(d) })
	outcome := "opened"
	if kind == locker.EvDoorUnproven {
		outcome = "unproven"
	}
	b.answer(t, d, OpenResult{Door: d.spec.ID, Outcome: outcome, Tries: e.Tries, MS: e.MS})
}

// noLonger has a code reopen none of the doors that it has opened before this one.
func (b *Bank) noLonger(t *tx, not *slot, key locker.CodeKey) {
	for _, d := range b.touching[key] {
		u := d.rec.Last
		if d == not || u == nil || u.Code != key {
			continue
		}
		d.rec.Last = nil
		if u.Closed.IsZero() {
			d.rec.Last = &locker.LastUse{} // it stands open still
		}
		t.save(d)
	}
}

// entryOf returns the code of an opening, from its visit or from the store.
func (b *Bank) entryOf(d *slot, in *locker.Intent) *locker.Entry {
	if d.visit != nil {
		return &d.visit.entry
	}
	if e := b.stored(in.Code); e != nil {
		return e
	}
	return b.ticketOf(in)
}

// stored returns a code with its marks as the store has them; nil: it has none.
func (b *Bank) stored(key locker.CodeKey) *locker.Entry {
	e, ok, err := b.store.Code(key)
	if err == nil && ok {
		err = b.strictest(&e)
	}
	if err != nil {
		b.log.Error("cannot read the code of an opening", slog.Any("error", err))
	}
	if err != nil || !ok {
		return nil
	}
	return &e
}

func (b *Bank) moved(d *slot, f func(*visit)) {
	if d.visit != nil {
		d.visit.moved = b.now()
		f(d.visit)
	}
}

// jammed: closed through all tries. The code waits for the last look.
func (b *Bank) jammed(t *tx, d *slot, e door.Effect) {
	t.add(b.doorEvent(locker.EvDoorJammed, d, func(ev *locker.Event) { ev.Tries = e.Tries }))
	if d.rec.Intent != nil {
		d.rec.Intent = clone(d.rec.Intent)
		d.rec.Intent.Jammed = true
		t.save(d)
	}
	b.takeOut(t, d, locker.CauseJammed, "")
	t.then(func() { b.buses[d.spec.Bus].bus.Focus(d.spec.Lock.Address, b.epoch.Add(b.now()+b.cfg.Open.Prove)) })
}

// notOpened: it is certain that the door has not opened.
func (b *Bank) notOpened(t *tx, d *slot, why locker.Reason) {
	outcome := "jammed"
	if why == locker.BoardSilent {
		outcome = "unreachable"
	}
	b.answer(t, d, OpenResult{Door: d.spec.ID, Outcome: outcome, Tries: b.cfg.Open.Tries})
	if d.visit != nil {
		b.another(t, d.visit, d, why)
		return
	}
	in := d.rec.Intent
	d.rec.Intent = nil
	t.save(d)
	if in != nil {
		b.release(t, d, in, b.entryOf(d, in), why)
	}
}

// uncertain: pulsed, and the board is silent. The use stays taken, the item is
// in doubt, and the same code may open the same door again.
func (b *Bank) uncertain(t *tx, d *slot, e door.Effect) {
	t.add(b.doorEvent(locker.EvDoorUncertain, d, func(ev *locker.Event) { ev.Tries = e.Tries }))
	b.inDoubt(t, d)
	if d.visit != nil {
		b.end(t, d.visit, outcomeAbandoned)
	}
	b.answer(t, d, OpenResult{Door: d.spec.ID, Outcome: "uncertain", Tries: e.Tries})
}

func (b *Bank) inDoubt(t *tx, d *slot) {
	in := d.rec.Intent
	if in == nil {
		return
	}
	in = clone(in)
	in.Uncertain = true
	d.rec.Intent = in
	t.save(d)
	if !in.Reopening || in.Kind == locker.Service {
		b.doubt(t, d)
	}
}

// settled: the first reading after silence or a restart says closed.
func (b *Bank) settled(t *tx, d *slot) {
	in := d.rec.Intent
	switch {
	case in == nil:
	case in.Jammed && !in.Uncertain: // closed through all tries, and closed still
		d.rec.Intent = nil
		t.save(d)
		b.release(t, d, in, b.entryOf(d, in), locker.DoorOutOfService)
	case d.restart && !in.Uncertain:
		ev := locker.Event{Type: locker.EvBootRecovered, Door: d.spec.ID, Outcome: "uncertain"}
		stamp(&ev, in)
		t.add(ev)
		b.inDoubt(t, d)
	}
	if in != nil && in.Code.IsZero() && d.rec.Intent != nil {
		b.sayOver(t, d, "")
		d.rec.Intent = nil // nobody may repeat an order from the socket but the socket
		t.save(d)
	}
	d.restart = false
}

// sayOver tells that the uncertain opening of a door is over, and by whose word; by
// nobody's, if it was ordered without a code and the door has been read shut. That a
// door opens after all, or is given to another, is told by the event of that.
func (b *Bank) sayOver(t *tx, d *slot, by string) {
	if in := d.rec.Intent; in != nil {
		t.add(locker.Event{Type: locker.EvDoorSettled, Door: d.spec.ID, Code: in.Code.ID, Set: in.Code.Set, By: by})
	}
}

func (b *Bank) closed(t *tx, d *slot, e door.Effect) {
	t.add(b.doorEvent(locker.EvDoorClosed, d, func(ev *locker.Event) {
		if !d.restart { // else nobody knows when it was opened
			ev.MS = locker.MS(e.MS)
		}
	}))
	d.restart = false
	if u := d.rec.Last; u != nil {
		d.rec.Last = nil
		if !u.Code.IsZero() {
			d.rec.Last = &locker.LastUse{Code: u.Code, Closed: t.at}
		}
		t.save(d)
	}
	b.moved(d, func(v *visit) { v.stage(&v.stages.Close, b.now()) })
	next := b.shut(t, d)
	if v := d.visit; v != nil {
		d.visit, v.door = nil, nil
		b.proceed(t, v, next)
	}
}

// shut takes the closing into the use that has opened the door.
func (b *Bank) shut(t *tx, d *slot) (next after) {
	if in := d.rec.Awaits; in != nil {
		next = kinds[in.Kind].closed(b, t, d, in)
		d.rec.Awaits = nil
		t.save(d)
	} else if d.visit != nil && d.visit.kind().stays {
		next = stays
	}
	return next
}

// forced: the door has opened and nobody ordered it.
func (b *Bank) forced(t *tx, d *slot) {
	if d.out(locker.CauseFlapping) {
		return // a broken switch, told once
	}
	t.add(locker.Event{Type: locker.EvDoorForced, Door: d.spec.ID})
	d.rec.Last = nil
	t.save(d)
	b.doubt(t, d)
}

// takeOut puts a door out of service for one more cause.
func (b *Bank) takeOut(t *tx, d *slot, c locker.Cause, by string) {
	if d.out(c) {
		return
	}
	b.change(t, d, func() {
		e := b.doorEvent(locker.EvDoorOut, d, nil)
		e.Cause, e.By = string(c), by
		t.add(e)
		d.rec.Out = append(append([]locker.Cause{}, d.rec.Out...), c)
	})
}

func (b *Bank) answer(t *tx, d *slot, r OpenResult) {
	if w := d.waiter; w != nil {
		d.waiter = nil
		t.then(func() { w <- r })
	}
}

func clone[T any](p *T) *T {
	v := *p
	return &v
}
