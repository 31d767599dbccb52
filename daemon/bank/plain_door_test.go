package bank

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/locker"
)

const plainSettle = 150 * time.Millisecond // a change nobody ordered is believed after

var plainLabel = regexp.MustCompile(`^[A-Za-z0-9._-]{4,32}$`)

// noCode takes a text that is no code: a label where one is awaited.
func (m *plain) noCode(at, text string) {
	d := m.awaiting(at)
	if d == nil || d.awaits == nil {
		m.say(locker.EvScanRefused, string(locker.Unknown), at)
		return
	}
	o, c := d.awaits, d.awaits.code
	refuse := func(r locker.Reason) {
		words := []string{locker.EvScanRefused, d.id.String(), string(r), c.ID, at}
		if c.SKU != "" {
			words = append(words, c.tenant(), c.SKU)
		}
		m.say(words...)
	}
	digits := strings.Trim(text, "0123456789") == ""
	switch {
	case !plainLabel.MatchString(text), digits && (len(text) == 26 || len(text) >= 100):
		refuse(locker.WrongLabel)
	case m.inside2(c.tenant(), text, d):
		refuse(locker.DuplicateSerial)
	default:
		o.serial = text
	}
}

// inside2 tells whether the tenant has the serial behind another door, or is
// about to.
func (m *plain) inside2(tenant, serial string, not *plainDoor) bool {
	return slices.ContainsFunc(m.doors, func(d *plainDoor) bool {
		if d == not {
			return false
		}
		return d.item != nil && d.item.Tenant == tenant && d.item.Serial == serial ||
			d.awaits != nil && d.awaits.code.tenant() == tenant && d.awaits.serial == serial
	})
}

// sent: the pulse of a door is on the wire.
func (m *plain) sent(id locker.DoorID) { m.door(id).pulsed = m.mono }

// read takes one reading of all doors, begun now.
func (m *plain) read(open []bool) {
	for i, d := range m.doors {
		m.readDoor(d, open[i])
	}
}

func (m *plain) readDoor(d *plainDoor, open bool) {
	d.raw, d.known = open, true
	switch d.phase {
	case plainProving, plainLooking:
		switch {
		case open:
			m.becomeOpen(d, m.mono)
			m.gone(d, d.opening, false)
		case d.phase == plainLooking:
			d.phase = plainRest
			m.givenUp(d)
		default:
			d.shut = true
		}
	case plainSettling:
		m.settled(d, open)
	case plainOpen:
		switch {
		case open:
			d.waits = false
		case !d.waits:
			d.waits, d.changed = true, m.mono
		case m.mono-d.changed >= plainSettle:
			d.phase, d.waits = plainRest, false
			m.closed(d)
		}
	case plainRest:
		switch {
		case !open:
			d.waits = false
		case !d.waits:
			d.waits, d.changed = true, m.mono
		case m.mono-d.changed >= plainSettle:
			m.becomeOpen(d, d.changed)
			m.say(locker.EvDoorForced, d.id.String())
			d.last = nil
			m.doubtful(d, d.doubt)
		}
	}
}

func (m *plain) becomeOpen(d *plainDoor, at time.Duration) {
	d.phase, d.opened, d.waits, d.ajar = plainOpen, at, false, 0
}

// settled: the first reading after a start decides what was under way.
func (m *plain) settled(d *plainDoor, open bool) {
	o := d.doubt
	fresh := d.opening != nil
	if fresh {
		o, d.opening, d.doubt = d.opening, nil, d.opening
	}
	if open {
		m.becomeOpen(d, m.mono)
		m.gone(d, o, true)
		return
	}
	d.phase = plainRest
	if fresh {
		m.say(append([]string{locker.EvBootRecovered, d.id.String(), "uncertain"}, named(o)...)...)
		if !o.reopening {
			m.doubtful(d, o)
		}
	}
	if o.code == nil {
		m.say(locker.EvDoorSettled, d.id.String())
		d.doubt = nil
	}
}

// tick takes the passing of time.
func (m *plain) tick() {
	for _, d := range m.doors {
		m.tickDoor(d)
	}
	for _, d := range m.doors {
		for _, c := range m.codes {
			if c.claims && c.Door == d.id && m.now > c.NotAfter {
				m.change(d, func() { c.claims = false })
			}
		}
	}
}

func (m *plain) tickDoor(d *plainDoor) {
	switch {
	case d.phase == plainProving && m.mono >= d.pulsed+m.times.Prove && d.tries < m.times.Tries:
		d.tries++
		d.shut, d.pulsed = false, m.mono
		m.pulses = append(m.pulses, d.id)
	case d.phase == plainProving && m.mono >= d.pulsed+m.times.Prove:
		d.phase = plainLooking
		m.say(append([]string{locker.EvDoorJammed, d.id.String()}, named(d.opening)...)...)
		m.takeOut(d, locker.CauseJammed, d.opening)
	case d.phase == plainOpen && d.ajar == 0 && m.mono >= d.opened+m.times.AjarWarn:
		d.ajar = 1
		m.ajarAt(d, "warn")
	case d.phase == plainOpen && d.ajar == 1 && m.mono >= d.opened+m.times.AjarAlarm:
		d.ajar = 2
		m.ajarAt(d, "alarm")
		if d.visit != nil {
			m.end(d.visit, "abandoned", locker.Granted)
		}
	}
}

func (m *plain) ajarAt(d *plainDoor, level string) {
	m.say(append([]string{locker.EvDoorAjar, d.id.String(), level}, named(m.whose(d))...)...)
}

// whose returns what an event of a door that rests or stands open is ascribed to.
func (m *plain) whose(d *plainDoor) *plainOpening {
	switch {
	case d.awaits != nil:
		return d.awaits
	case d.visit != nil:
		return &plainOpening{code: d.visit.code, at: d.visit.at}
	}
	return nil
}

func (m *plain) takeOut(d *plainDoor, c locker.Cause, o *plainOpening) {
	if slices.Contains(d.outs, c) {
		return
	}
	m.change(d, func() {
		m.say(append([]string{locker.EvDoorOut, d.id.String(), string(c)}, named(o)...)...)
		d.outs = append(d.outs, c)
	})
}

// putIn clears all causes.
func (m *plain) putIn(d *plainDoor) {
	if len(d.outs) == 0 {
		return
	}
	m.change(d, func() {
		m.say(locker.EvDoorIn, d.id.String(), causes(d.outs))
		d.outs = nil
	})
}

// command opens a door without a code; it returns whether it may.
func (m *plain) command(d *plainDoor) bool {
	if d.isOpen() {
		return false
	}
	m.change(d, func() { m.forgo(d) })
	m.say(locker.EvDoorCommanded, d.id.String(), "test")
	d.opening = &plainOpening{}
	m.order(d)
	return true
}

// set says what is behind a door; it returns whether it may.
func (m *plain) set(d *plainDoor, it *locker.Item) bool {
	if it != nil {
		if d.tenant != "" && d.tenant != it.Tenant || it.Serial != "" && m.inside2(it.Tenant, it.Serial, d) {
			return false
		}
	}
	m.change(d, func() {
		if o := d.doubt; o != nil && o.code != nil {
			m.say(locker.EvDoorSettled, d.id.String(), o.code.ID)
		} else if o != nil {
			m.say(locker.EvDoorSettled, d.id.String())
		}
		old := d.item
		if old != nil && !samePlain(old, it) {
			m.item(locker.EvItemCleared, d, old, nil)
			old = nil
		}
		if it != nil && (old == nil || old.Condition != it.Condition) {
			m.item(locker.EvItemDelivered, d, it, nil)
			if old == nil {
				d.since = m.now // else it is only settled what it is
			}
		}
		d.item, d.last = it, nil
		if d.phase == plainOpen {
			d.last = &plainLast{}
		}
		d.awaits, d.lapsed = nil, false
		m.forgo(d)
	})
	return true
}

// restart: the process is gone, and with it all visits; the doors are not.
func (m *plain) restart() {
	m.visits, m.mono = nil, 0
	m.say(locker.EvBootStarted, "crash")
	for _, d := range m.doors {
		d.known = false
		d.visit, d.raw, d.waits, d.ajar, d.opened, d.shut = nil, false, false, 0, 0, false
		for _, o := range []*plainOpening{d.opening, d.doubt, d.awaits} {
			if o != nil {
				o.visit = nil
			}
		}
		switch {
		case d.opening != nil, d.doubt != nil:
			d.phase = plainSettling
		case d.last != nil && d.last.closed.IsZero():
			d.phase, d.waits, d.changed = plainOpen, true, -plainSettle
		default:
			d.phase = plainRest
		}
	}
}

// applied: a set of codes is another now; those that name doors and live claim
// what lies there.
func (m *plain) applied(change func()) {
	was := map[*plainCode]bool{}
	for _, c := range m.codes {
		was[c] = c.claims
	}
	change()
	is := map[*plainCode]bool{}
	for _, c := range m.codes {
		is[c], c.claims = c.claims, was[c]
	}
	for _, d := range m.doors {
		m.change(d, func() {
			for _, c := range m.codes {
				if c.Door == d.id {
					c.claims = is[c]
				}
			}
		})
	}
}

// lives tells whether a code that names a door claims it when its set is
// applied anew.
func (m *plain) lives(c *plainCode) bool {
	open := slices.ContainsFunc(m.doors, func(d *plainDoor) bool {
		return d.id == c.Door && (d.opening != nil && d.opening.code == c || d.doubt != nil && d.doubt.code == c)
	})
	return c.Kind == locker.Collect && !c.Door.IsZero() && c.here && !c.revoked && m.now <= c.NotAfter && (!c.spent() || open)
}
