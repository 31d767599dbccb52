package bank

import (
	"fmt"
	"time"

	"lockerd/daemon/locker"
)

// Bounds that the month holds the bank to.
const (
	openingBound = 25 * time.Second // three tries, a last look and a pulse that waits
	visitBound   = 2*time.Minute + 10*time.Second
	settled      = 2 * time.Second // a board that answers for so long has been read twice
)

// pulse takes one request to pulse and holds it against what was on disk and
// known at that moment.
func (m *model) pulse(p *monthPulse) {
	d := m.doors[p.door]
	o := d.opening
	if o == nil {
		m.fail("door %s is pulsed and no opening of it was on disk (seq %d)", p.door, p.committed)
		return
	}
	switch {
	case o.seq > p.committed:
		m.fail("door %s is pulsed before seq %d was on disk", p.door, o.seq)
	case o.jammed:
		m.fail("door %s is pulsed after it jammed", p.door)
	case o.pulses == 0 && p.open, o.pulses > 0 && p.openSince:
		m.fail("door %s is pulsed and stands open", p.door)
	case p.lost && o.pulses == 0:
		m.fail("door %s is pulsed and its board is silent", p.door)
	case o.pulses > 0 && !p.shutSince:
		m.fail("door %s is pulsed again and nothing was read since", p.door)
	case o.pulses > 0 && p.at.Sub(o.pulsed) < testTimes.Prove:
		m.fail("door %s is pulsed again after %v", p.door, p.at.Sub(o.pulsed))
	case o.pulses >= testTimes.Tries:
		m.fail("door %s is pulsed a %dth time", p.door, o.pulses+1)
	}
	o.pulses++
	o.pulsed = p.at
	if !p.sent {
		o.over = p.at
	}
}

// rest holds what must be true while nothing happens: called with everything
// in the bubble waiting.
func (m *model) rest(t time.Time, now locker.Time) {
	if len(m.expect) > 0 {
		m.fail("the journal ends after %s, where %s belongs", m.last.Type, m.expect[0])
	}
	for _, id := range m.order {
		m.restDoor(m.doors[id], t)
	}
	for _, v := range m.open {
		if t.Sub(v.moved) > visitBound {
			m.fail("visit %s (%s) does not end", v.id, v.trace)
		}
	}
	for n, s := range m.scanner {
		if s.waiting > 0 && t.Sub(s.since) > time.Minute+time.Second {
			m.fail("%d refusals at %s are told nowhere", s.waiting, n)
		}
	}
	m.restStock(now)
}

func (m *model) restDoor(d *mDoor, t time.Time) {
	i := m.w.door(d.spec.ID)
	if o := d.opening; o != nil {
		// What no code pays for may end without a word.
		if o.silently() && t.Sub(o.over) > testTimes.Prove+settled {
			d.opening = nil
		} else if t.Sub(o.at) > openingBound {
			m.fail("the opening of door %s by %s has no outcome", d.spec.ID, o.code)
		}
	}
	answers := !i.board.lost && i.board.fails == 0 && !i.board.backAt.IsZero() && t.Sub(i.board.backAt) > settled
	if o := d.owed; o != nil && o.uncount && !o.over.IsZero() {
		d.owed = nil // it may have ended without a word
	} else if o != nil && answers {
		m.fail("door %s: an opening of the process before is not recovered", d.spec.ID)
	}
	if !d.standing || d.out[string(locker.CauseFlapping)] {
		return
	}
	switch stood := t.Sub(d.standingAt); {
	case d.spec.Sensor && stood > testTimes.AjarWarn+time.Second && d.level == "":
		m.fail("door %s stands open for %v and nobody is warned", d.spec.ID, stood)
	case d.spec.Sensor && stood > testTimes.AjarAlarm+time.Second && d.level != "alarm":
		m.fail("door %s stands open for %v and there is no alarm", d.spec.ID, stood)
	case d.spec.Sensor && answers && !i.readOpen && i.known && t.Sub(i.readAt) > settled:
		m.fail("door %s reads shut for %v and has not closed", d.spec.ID, t.Sub(i.readAt))
	}
}

// restStock counts the items anew.
func (m *model) restStock(now locker.Time) {
	is := map[stockKey]int{}
	m.expire(now)
	for _, id := range m.order {
		if d := m.doors[id]; m.counted(d, now) {
			is[stockKey{d.item.Tenant, d.item.SKU}]++
		}
	}
	for _, c := range m.all {
		if c.to-now < 50 && now-c.to < 50 {
			return // this very moment a naming ends
		}
	}
	for k, n := range m.count {
		if is[k] != n {
			m.fail("the stock of %v is %d, the journal says %d:%s", k, is[k], n, m.behind(now))
		}
		delete(is, k)
	}
	for k, n := range is {
		m.fail("the stock of %v is %d, the journal never said so", k, n)
	}
}

// expire notes which codes are over: an end is an end, whatever becomes of the
// clock.
func (m *model) expire(now locker.Time) {
	for _, c := range m.all {
		if !c.ended && now > c.to {
			c.ended, c.endedIn = true, m.boot
		}
	}
}

// behind tells what lies where, for whoever reads a failure.
func (m *model) behind(now locker.Time) string {
	out := ""
	for _, id := range m.order {
		d := m.doors[id]
		if d.item == nil {
			continue
		}
		out += fmt.Sprintf("\n  %s %+v out %v", id, *d.item, d.out)
		for _, c := range m.all {
			if c.door == id && m.live(c, now) {
				out += fmt.Sprintf(" named by %s till %s, %d of %d uses", c.name, c.to, c.taken, c.uses)
			}
		}
	}
	return out
}

// uses holds what the bank says of its codes against what they have used.
func (m *model) uses(codes []CodeStatus) {
	for i := range codes {
		c := m.codes[locker.CodeKey{Set: locker.SetLocal, ID: codes[i].ID}]
		if c != nil && codes[i].Used != c.taken {
			m.fail("%s has taken %d uses, the bank says %d", c.name, c.taken, codes[i].Used)
		}
	}
}
