package bank

import (
	"cmp"
	"slices"
	"time"

	"lockerd/daemon/locker"
)

// scan takes a text at a scanner, as contract 4 and 5.3 say.
func (m *plain) scan(at, text string) {
	i := slices.IndexFunc(m.codes, func(c *plainCode) bool { return c.here && c.text == text })
	if i < 0 {
		m.noCode(at, text)
		return
	}
	c := m.codes[i]
	d, how, reason := m.decide(at, c)
	if reason != locker.Granted {
		m.say(locker.EvScanRefused, c.Door.String(), string(reason), c.ID, at)
		return
	}
	v := &plainVisit{code: c, at: at, late: m.now > c.NotAfter}
	m.visits = append(m.visits, v)
	m.grant(v, d, how)
}

// How an opening came to be granted.
type plainHow struct {
	again, reopening, resumed bool
	keep                      *plainDoor // of a swap: what is kept for it
	gives                     bool
}

func (m *plain) decide(at string, c *plainCode) (*plainDoor, plainHow, locker.Reason) {
	again := m.inDoubt(c)
	switch {
	case c.revoked:
		return nil, plainHow{}, locker.Revoked
	case c.NotBefore > m.now.Add(time.Minute) && !m.good:
		return nil, plainHow{}, locker.ClockUntrusted
	case c.NotBefore > m.now.Add(time.Minute):
		return nil, plainHow{}, locker.NotYet
	case m.now > c.NotAfter && again == nil:
		return nil, plainHow{}, locker.Expired
	}
	under := c.several() && m.visitOf(c) != nil
	if again != nil && !under {
		if m.awaiting(at) != nil {
			return nil, plainHow{}, locker.Busy
		}
		return again, plainHow{again: true}, m.can(again)
	}
	last := m.reopens(c)
	switch {
	case under, c.spent() && !c.going && last == nil:
		return nil, plainHow{}, locker.Used
	case m.awaiting(at) != nil:
		return nil, plainHow{}, locker.Busy
	case c.going && m.standing(c) != nil:
		return nil, plainHow{}, locker.DoorOutOfService
	case c.going, !c.spent():
		d, how, reason := m.choose(c, nil)
		how.resumed = c.going
		return d, how, reason
	}
	return last, plainHow{reopening: true}, m.can(last)
}

func (m *plain) can(d *plainDoor) locker.Reason {
	switch {
	case len(d.outs) > 0, d.isOpen():
		return locker.DoorOutOfService
	case !d.known:
		return locker.BoardSilent
	}
	return locker.Granted
}

func (d *plainDoor) isOpen() bool { return d.phase != plainRest && d.phase != plainSettling || d.raw }

func (m *plain) inDoubt(c *plainCode) *plainDoor {
	for _, d := range m.doors {
		if d.doubt != nil && d.doubt.code == c {
			return d
		}
	}
	return nil
}

func (m *plain) standing(c *plainCode) *plainDoor {
	for _, d := range m.doors {
		if d.awaits != nil && d.awaits.code == c {
			return d
		}
	}
	return nil
}

func (m *plain) visitOf(c *plainCode) *plainVisit {
	for _, v := range m.visits {
		if v.code == c {
			return v
		}
	}
	return nil
}

// reopens returns the last door of a code that may open it once more.
func (m *plain) reopens(c *plainCode) *plainDoor {
	d := c.newest
	if d == nil || d.last == nil || d.last.code != c || d.last.closed.IsZero() {
		return nil
	}
	if since := m.now.Sub(d.last.closed); since < 0 || since > m.times.ReopenWindow {
		return nil
	}
	return d
}

// awaiting returns the door at a scanner that a label belongs to.
func (m *plain) awaiting(at string) *plainDoor {
	for _, v := range m.visits {
		if v.at == at && v.door != nil && (v.door.opening.labelled() || v.door.awaits.labelled()) {
			return v.door
		}
	}
	return nil
}

// choose picks a door by the kind of a code, leaving out some.
func (m *plain) choose(c *plainCode, not []*plainDoor) (*plainDoor, plainHow, locker.Reason) {
	switch c.Kind {
	case locker.Collect:
		if !c.Door.IsZero() {
			return m.named(c, not)
		}
		d, r := m.ready(c, c.SKU, not)
		return d, plainHow{}, r
	case locker.Deliver:
		d, r := m.free(c, m.sizes[stockKey{c.tenant(), c.SKU}], "stock", not)
		return d, plainHow{}, r
	case locker.Return:
		d, r := m.free(c, c.Size, "returns", not)
		return d, plainHow{}, r
	case locker.Swap:
		return m.swap(c, not)
	case locker.Clear, locker.Service:
		d, r := m.best(not, locker.NoStock, func(d *plainDoor) bool {
			return d.item != nil && m.exists(d, c) &&
				(d.item.Condition != locker.Ready || d.lapsed && !m.claimed(d, c.tenant()) && m.keptFor(d) == nil)
		}, func(_, _ *plainDoor) int { return 0 })
		return d, plainHow{}, r
	}
	return nil, plainHow{}, locker.Unknown
}

func (m *plain) swap(c *plainCode, not []*plainDoor) (*plainDoor, plainHow, locker.Reason) {
	out, r := m.ready(c, c.To, not)
	switch {
	case r != locker.Granted:
		return nil, plainHow{}, r
	case c.going && c.done > 0:
		return out, plainHow{gives: true}, r
	}
	in, r := m.free(c, c.Size, "returns", not)
	return in, plainHow{keep: out}, r
}

// exists tells whether there is such a door for a code.
func (m *plain) exists(d *plainDoor, c *plainCode) bool {
	return (d.tenant == "" || d.tenant == c.tenant()) && (d.item == nil || d.item.Tenant == c.tenant())
}

func (m *plain) named(c *plainCode, not []*plainDoor) (*plainDoor, plainHow, locker.Reason) {
	d := m.door(c.Door)
	switch {
	case slices.Contains(not, d), !m.exists(d, c):
		return nil, plainHow{}, locker.NoStock
	case m.can(d) != locker.Granted:
		return nil, plainHow{}, m.can(d)
	case d.item != nil && (d.item.Condition != locker.Ready || m.keptFor(d) != nil):
		return nil, plainHow{}, locker.NoStock
	}
	return d, plainHow{}, locker.Granted
}

func (m *plain) ready(c *plainCode, sku string, not []*plainDoor) (*plainDoor, locker.Reason) {
	return m.best(not, locker.NoStock, func(d *plainDoor) bool {
		mine := m.keptFor(d) == c
		return d.item != nil && d.item.Condition == locker.Ready && d.item.SKU == sku && m.exists(d, c) &&
			(mine || m.keptFor(d) == nil && !m.claimed(d, c.tenant())) && (d.wheels || !c.Accessible)
	}, func(a, b *plainDoor) int {
		return cmp.Or(yes(m.keptFor(b) == c)-yes(m.keptFor(a) == c), int(a.size)-int(b.size), wheelsPlain(c, a, b), cmp.Compare(a.since, b.since))
	})
}

func (m *plain) free(c *plainCode, size locker.Size, use string, not []*plainDoor) (*plainDoor, locker.Reason) {
	if most := m.most[c.tenant()]; most > 0 && m.held(c.tenant()) >= most {
		return nil, locker.NoFreeDoor
	}
	return m.best(not, locker.NoFreeDoor, func(d *plainDoor) bool {
		return d.item == nil && m.exists(d, c) && !m.claimed(d, c.tenant()) && d.size >= size && (d.use == "any" || d.use == use) && (d.wheels || !c.Accessible)
	}, func(a, b *plainDoor) int {
		return cmp.Or(yes(b.use == use)-yes(a.use == use), int(a.size)-int(b.size), wheelsPlain(c, a, b), yes(a.doubtOfCode())-yes(b.doubtOfCode()))
	})
}

func (d *plainDoor) doubtOfCode() bool { return d.doubt != nil && d.doubt.code != nil }

// held counts the doors that hold items of a tenant or are about to.
func (m *plain) held(tenant string) int {
	n := 0
	for _, d := range m.doors {
		switch {
		case d.item != nil:
			n += yes(d.item.Tenant == tenant)
		default:
			o := cmp.Or(d.opening, d.doubt, d.awaits)
			n += yes(o.labelled() && o.code.tenant() == tenant)
		}
	}
	return n
}

func (m *plain) best(not []*plainDoor, none locker.Reason, fits func(*plainDoor) bool, order func(a, b *plainDoor) int) (*plainDoor, locker.Reason) {
	var fit []*plainDoor
	for _, d := range m.doors {
		if !fits(d) || slices.Contains(not, d) {
			continue
		}
		if r := m.can(d); r == locker.Granted {
			fit = append(fit, d)
		} else if r == locker.BoardSilent {
			none = r
		}
	}
	if len(fit) == 0 {
		return nil, none
	}
	slices.SortStableFunc(fit, order)
	return fit[0], locker.Granted
}

func wheelsPlain(c *plainCode, a, b *plainDoor) int {
	if c.Accessible {
		return 0
	}
	return yes(a.wheels) - yes(b.wheels)
}

func yes(b bool) int {
	if b {
		return 1
	}
	return 0
}

// keptFor returns the swap that a door's item is kept for, while it lives.
func (m *plain) keptFor(d *plainDoor) *plainCode {
	c := d.kept
	if c == nil || !c.here || c.revoked || !c.going {
		return nil
	}
	if v := m.visitOf(c); m.now > c.NotAfter && (v == nil || v.late) {
		return nil
	}
	return c
}
