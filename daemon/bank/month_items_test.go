package bank

import (
	"time"

	"lockerd/daemon/locker"
)

func (m *model) service(d *mDoor, e *locker.Event) {
	if e.Type == locker.EvDoorIn {
		if len(d.out) == 0 {
			m.fail("seq %d: door %s comes into service and was in it", e.Seq, e.Door)
		}
		clear(d.out)
		return
	}
	if d.out[e.Cause] {
		m.fail("seq %d: door %s goes out twice for %s", e.Seq, e.Door, e.Cause)
	}
	d.out[e.Cause] = true
}

// item keeps what lies behind the doors; an item leaves exactly once.
func (m *model) item(d *mDoor, e *locker.Event) {
	it := &locker.Item{Tenant: e.Tenant, SKU: e.SKU, Serial: e.Serial, Condition: e.Cond}
	has := d.item
	switch {
	case e.Type == locker.EvItemDelivered:
		m.arrived(d, it, e)
	case has == nil || has.Serial != it.Serial || has.SKU != it.SKU || has.Tenant != it.Tenant:
		m.fail("seq %d: %s of %s at door %s, which has %v", e.Seq, e.Type, e.Serial, e.Door, has)
	case e.Type == locker.EvItemUncertain:
		d.item = it
	case e.Type == locker.EvItemCollected:
		m.collected(d, e)
	default:
		d.item = nil
	}
}

func (m *model) arrived(d *mDoor, it *locker.Item, e *locker.Event) {
	if d.item != nil && d.item.Serial != it.Serial {
		m.fail("seq %d: %s comes to door %s, where %s is", e.Seq, it.Serial, e.Door, d.item.Serial)
	}
	for _, id := range m.order {
		if o := m.doors[id]; o != d && o.item != nil && o.item.Serial == it.Serial {
			m.fail("seq %d: %s is behind %s and %s", e.Seq, it.Serial, id, e.Door)
		}
	}
	if d.item == nil || e.From.IsZero() {
		d.since = e.At
	}
	if from := e.From.String(); from != "" && from != d.since.String() {
		m.fail("seq %d: %s has lain at door %s since %s, not %s", e.Seq, it.Serial, e.Door, d.since, from)
	}
	d.item, d.doubtOf = it, locker.CodeKey{}
}

func (m *model) collected(d *mDoor, e *locker.Event) {
	c := m.codes[keyOf(e)]
	if c == nil || c.tenant != e.Tenant || !c.mayTake(e.SKU) {
		m.fail("seq %d: %s is collected by %v, which may not", e.Seq, e.Serial, c)
		return
	}
	if d.item.Condition == locker.Uncertain && d.doubtOf != c.key {
		m.fail("seq %d: %s is in doubt and %s collects it", e.Seq, e.Serial, c.name)
	}
	c.collected++
	if c.uses > 0 && c.collected > c.uses {
		m.fail("seq %d: %s has collected %d items, it has %d uses", e.Seq, c.name, c.collected, c.uses)
	}
	if m.last.Type != locker.EvCodeUsed {
		m.fail("seq %d: item.collected after %s", e.Seq, m.last.Type)
	}
	d.item = nil
}

func (c *mCode) mayTake(sku string) bool { return c.sku == "" || c.sku == sku }

func (m *model) stock(e *locker.Event) {
	k := stockKey{e.Tenant, e.SKU}
	m.count[k] += e.Delta
	if e.Count == nil || *e.Count != m.count[k] || e.Delta == 0 {
		m.fail("seq %d: stock %v %+d does not make what it says", e.Seq, k, e.Delta)
	}
}

func (m *model) refused(e *locker.Event, at time.Time) {
	s := m.scanner[e.Scanner]
	if e.N == 0 {
		s.told = append(s.told, at)
		return
	}
	s.waiting -= int(e.N)
	if s.waiting < 0 {
		m.fail("seq %d: %d refusals too many are counted at %s", e.Seq, -s.waiting, e.Scanner)
	}
}
