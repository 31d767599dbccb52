package reporttest

import (
	"fmt"

	"lockerd/daemon/locker"
)

// arrive puts an item behind a door; about is what the event carries of a visit.
func (m *month) arrive(about *locker.Event, kind string, d locker.DoorID, it *locker.Item) {
	m.held[d] = it
	m.item(about, kind, d, it)
	if it.Condition == locker.Ready {
		m.count(about, d, it, +1)
	}
}

// broken is what a person hands in, every fourth without its label.
func (m *month) broken(about *locker.Event, d locker.DoorID) {
	m.serial++
	it := &locker.Item{Tenant: tenant, SKU: laptop, Serial: fmt.Sprintf("OLD-%03d", m.serial), Condition: locker.Faulty}
	if m.serial%4 == 0 {
		it.Serial = ""
	}
	m.arrive(about, locker.EvItemReturned, d, it)
}

func (m *month) leave(about *locker.Event, kind string, d locker.DoorID) {
	it := m.held[d]
	delete(m.held, d)
	m.item(about, kind, d, it)
	if it.Condition == locker.Ready {
		m.count(about, d, it, -1)
	}
}

// doubt makes the item of a door, if there is one, uncertain.
func (m *month) doubt(d locker.DoorID) {
	was := m.held[d]
	if was == nil || was.Condition == locker.Uncertain {
		return
	}
	it := *was
	it.Condition = locker.Uncertain
	m.held[d] = &it
	m.item(&locker.Event{}, locker.EvItemUncertain, d, &it)
	if was.Condition == locker.Ready && !m.out[d] {
		m.count(&locker.Event{}, d, was, -1)
	}
}

func (m *month) item(about *locker.Event, kind string, d locker.DoorID, it *locker.Item) {
	e := *about
	e.Type, e.Door, e.Tenant, e.SKU, e.Serial, e.Cond = kind, d, it.Tenant, it.SKU, it.Serial, it.Condition
	m.add(e)
}

func (m *month) count(about *locker.Event, d locker.DoorID, it *locker.Item, delta int) {
	m.stock += delta
	n, least := m.stock, 2
	e := locker.Event{Type: locker.EvStockChanged, Visit: about.Visit, Door: d, Tenant: it.Tenant, SKU: it.SKU, Delta: delta, Count: &n, Min: &least}
	m.add(e)
	if n < least && n-delta >= least {
		e.Type, e.Delta = locker.EvStockLow, 0
		m.add(e)
	}
}
