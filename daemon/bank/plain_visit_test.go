package bank

import (
	"slices"

	"lockerd/daemon/locker"
)

// grant begins an opening: what is on disk before the pulse.
func (m *plain) grant(v *plainVisit, d *plainDoor, how plainHow) {
	c := v.code
	o := &plainOpening{code: c, visit: v, at: v.at, reopening: how.reopening, again: how.again, gives: how.gives}
	if was := d.doubt; how.again {
		o.reopening, o.gives = was.reopening, was.gives
	} else if was != nil {
		m.change(d, func() { m.forgo(d) })
	}
	v.door, d.visit, d.opening, d.doubt = d, v, o, nil
	if c.several() && c.going {
		v.counted = true
	}
	if !o.reopening && !o.again && !v.counted {
		v.counted = true
		c.used++
		c.going, c.done = c.several(), 0
	}
	switch {
	case how.keep != nil:
		m.keep(c, how.keep)
	case o.gives && !how.again:
		m.keep(c, d)
	}
	cause := ""
	switch {
	case o.again:
		cause = "again"
	case how.resumed:
		cause = "resumed"
	case o.reopening:
		cause = "reopening"
	}
	m.say(locker.EvCodeAccepted, d.id.String(), cause, c.ID, v.at)
	m.order(d)
}

func (m *plain) order(d *plainDoor) {
	d.phase, d.tries, d.shut, d.waits, d.pulsed = plainProving, 1, false, false, m.mono
	m.pulses = append(m.pulses, d.id)
}

// keep keeps the item of a door for a code, and that of no other.
func (m *plain) keep(c *plainCode, at *plainDoor) {
	for _, d := range m.doors {
		if d.kept == c {
			d.kept = nil
		}
	}
	if at != nil {
		at.kept = c
	}
}

// forgo: the door goes to somebody else. What was to leave by it may be gone.
func (m *plain) forgo(d *plainDoor) {
	o := d.doubt
	d.doubt = nil
	if o == nil || o.code == nil {
		return
	}
	if !o.code.here || o.code.spent() {
		if o.code.Door == d.id {
			o.code.claims = false
		}
	}
	if o.gives && o.code.here {
		o.code.going, o.code.done = false, 0
		m.keep(o.code, nil)
	}
}

// gone: the door is proven open.
func (m *plain) gone(d *plainDoor, o *plainOpening, recovered bool) {
	code, at := "", o.at
	if o.code != nil {
		code = o.code.ID
	}
	if recovered {
		m.say(locker.EvBootRecovered, d.id.String(), "opened", code, at)
	} else {
		m.say(locker.EvDoorOpened, d.id.String(), code, at)
	}
	d.last = &plainLast{}
	if c := o.code; c == nil {
		m.doubtful(d, o)
	} else {
		if c.Kind != locker.Swap || o.gives || o.reopening {
			d.last.code, c.newest = c, d
		}
		if !o.reopening {
			m.effect(d, o)
		}
	}
	if d.visit != nil {
		d.visit.retried = false
	}
	d.opening, d.doubt = nil, nil
}

// effect is what a proven opening does by its kind.
func (m *plain) effect(d *plainDoor, o *plainOpening) {
	c := o.code
	take := func(kind string) {
		if it := d.item; it != nil && it.Tenant == c.tenant() {
			m.item(kind, d, it, o)
			d.item = nil
		}
	}
	switch {
	case c.Kind == locker.Collect:
		m.say(locker.EvCodeUsed, d.id.String(), c.ID, o.at)
		m.change(d, func() {
			take(locker.EvItemCollected)
			if c.spent() && c.Door == d.id {
				c.claims = false
			}
		})
	case o.gives:
		m.finish(d, o)
		m.change(d, func() { take(locker.EvItemCollected) })
		m.keep(c, nil)
	case c.Kind == locker.Clear:
		m.change(d, func() { take(locker.EvItemCleared) })
		c.done++
		d.awaits = o
	default:
		d.awaits = o
	}
}

func (m *plain) finish(d *plainDoor, o *plainOpening) {
	o.code.going, o.code.done = false, 0
	m.say(locker.EvCodeUsed, d.id.String(), o.code.ID, o.at)
}

// closed: what is inside now, and what is next.
func (m *plain) closed(d *plainDoor) {
	o, v := d.awaits, d.visit
	who := o
	if o == nil && v != nil {
		who = &plainOpening{code: v.code, at: v.at}
	}
	m.say(append([]string{locker.EvDoorClosed, d.id.String()}, named(who)...)...)
	if l := d.last; l != nil {
		d.last = nil
		if l.code != nil {
			d.last = &plainLast{l.code, m.now}
		}
	}
	next := "done"
	if o != nil {
		next = m.inside(d, o)
		d.awaits = nil
	}
	d.visit = nil
	if v == nil {
		return
	}
	v.door = nil
	if next == "more" {
		m.next(v)
		return
	}
	m.end(v, next, locker.Granted)
}

// named are code and scanner of an opening, as events carry them.
func named(o *plainOpening) []string {
	if o == nil || o.code == nil {
		return nil
	}
	return []string{o.code.ID, o.at}
}

// inside tells what a closing means for the use that opened the door.
func (m *plain) inside(d *plainDoor, o *plainOpening) string {
	c := o.code
	put := func(kind string, is locker.Condition) {
		it := &locker.Item{Tenant: c.tenant(), SKU: c.SKU, Serial: o.serial, Condition: is}
		m.change(d, func() {
			d.item, d.since = it, m.now
			m.item(kind, d, it, o)
		})
	}
	switch c.Kind {
	case locker.Deliver:
		if o.serial == "" {
			return "abandoned"
		}
		put(locker.EvItemDelivered, locker.Ready)
		if c.done++; c.done < max(c.Items, 1) {
			return "more"
		}
	case locker.Return:
		put(locker.EvItemReturned, locker.Faulty)
	case locker.Swap:
		put(locker.EvItemReturned, locker.Faulty)
		c.done++
		if o.serial == "" {
			return "abandoned"
		}
		return "more"
	case locker.Clear, locker.Collect, locker.Service:
		if _, _, r := m.choose(c, nil); r != locker.NoStock {
			return "more"
		}
	}
	m.finish(d, o)
	return "done"
}

// next opens another door for a visit, or ends it.
func (m *plain) next(v *plainVisit) {
	d, how, reason := (*plainDoor)(nil), plainHow{}, locker.Revoked
	switch {
	case v.code.revoked:
	case v.late:
		reason = locker.Expired
	default:
		d, how, reason = m.choose(v.code, v.tried)
	}
	if reason != locker.Granted {
		m.end(v, "refused", reason)
		return
	}
	m.grant(v, d, how)
}

// given up: the door has not opened, for sure.
func (m *plain) givenUp(d *plainDoor) {
	o, v := d.opening, d.visit
	d.opening, d.visit = nil, nil
	if v == nil {
		return // commanded
	}
	v.door = nil
	v.tried = append(v.tried, d)
	if !v.retried && !o.reopening && !o.again && !v.code.revoked {
		v.retried = true
		if next, how, r := m.choose(v.code, v.tried); r == locker.Granted {
			m.grant(v, next, how)
			return
		}
	}
	m.release(d, o)
	m.end(v, "refused", locker.Granted)
}

func (m *plain) release(d *plainDoor, o *plainOpening) {
	c := o.code
	switch {
	case o.again:
		d.doubt = o
		return
	case o.reopening:
		return
	case c.used > 0 && c.done == 0:
		c.used--
		c.going = false
		m.keep(c, nil)
	}
	m.say(locker.EvCodeReleased, d.id.String(), string(locker.DoorOutOfService), c.ID, o.at)
}

func (m *plain) end(v *plainVisit, outcome string, r locker.Reason) {
	if v.door != nil {
		v.door.visit = nil
	}
	m.visits = slices.DeleteFunc(m.visits, func(o *plainVisit) bool { return o == v })
	m.say(locker.EvVisitEnded, string(r), outcome, v.code.ID, v.at)
}
