package reporttest

import (
	"fmt"
	"maps"
	"slices"

	"lockerd/daemon/locker"
)

const (
	doors   = 12
	tenant  = "acme"
	laptop  = "laptop-14"
	slowing = 5 // this door's lock gets slower
	blind   = 11
)

// visit is one code at the scanner.
type visit struct {
	m      *month
	e      locker.Event // what every event of it carries
	scan   locker.Time
	stages locker.Stages
}

func (m *month) visit(kind locker.Kind) *visit {
	m.visits++
	m.refs++
	v := &visit{m: m, scan: m.at}
	v.e = locker.Event{
		Visit: fmt.Sprintf("v-%d-%d", 1+m.boot, m.visits), Scanner: "front", Code: fmt.Sprintf("c-%04x", m.refs),
		Set: tenant, Kind: kind, Ref: fmt.Sprintf("REQ%07d", 12000+m.refs), Tenant: tenant,
	}
	v.stage(&v.stages.Decision, 1+locker.Time(m.rng.IntN(3)))
	return v
}

// stage notes that a stage was reached some milliseconds from now; pulse and open
// are those of the first door.
func (v *visit) stage(s **int64, after locker.Time) {
	v.m.at += after
	if *s != nil && s != &v.stages.Close {
		return
	}
	ms := int64(v.m.at - v.scan)
	*s = &ms
}

// add writes an event of the visit.
func (v *visit) add(kind string, more func(*locker.Event)) {
	e := v.e
	e.Type = kind
	if more != nil {
		more(&e)
	}
	v.m.add(e)
}

// open accepts the code for a door and opens it.
func (v *visit) open(d locker.DoorID) {
	m := v.m
	v.e.Door = d
	v.add(locker.EvCodeAccepted, func(e *locker.Event) { e.Cache = &locker.CacheInfo{Version: 88, AgeS: 40} })
	v.stage(&v.stages.Pulse, 6+locker.Time(m.rng.IntN(20)))
	ms := 180 + locker.Time(m.rng.IntN(120))
	if d == id(slowing) {
		ms += 12 * (m.at - Begin) / day
	}
	tries := 1
	if d == id(slowing) && m.rng.IntN(4) == 0 {
		tries, ms = 2, ms+3000
	}
	v.stage(&v.stages.Open, ms)
	kind := locker.EvDoorOpened
	if d == id(blind) {
		kind = locker.EvDoorUnproven
	}
	v.add(kind, func(e *locker.Event) { e.Tries, e.MS = tries, locker.MS(int64(ms)) })
}

// shut closes the door after so many milliseconds.
func (v *visit) shut(after locker.Time) {
	v.stage(&v.stages.Close, after)
	v.add(locker.EvDoorClosed, func(e *locker.Event) { e.MS = locker.MS(int64(after)) })
}

func (v *visit) used() { v.add(locker.EvCodeUsed, nil) }

func (v *visit) end(outcome string) {
	v.e.Door = locker.DoorID{}
	v.add(locker.EvVisitEnded, func(e *locker.Event) { e.Outcome, e.MS = outcome, locker.StageMS(v.stages) })
}

// hands is how long a person takes at an open door.
func (m *month) hands() locker.Time {
	if m.rng.IntN(25) == 0 {
		return 70_000 + locker.Time(m.rng.IntN(40_000)) // had to look for the charger
	}
	return 5_000 + locker.Time(m.rng.IntN(17_000))
}

func (m *month) deliver(items int) {
	v := m.visit(locker.Deliver)
	for range items {
		d, ok := m.free()
		if !ok {
			break
		}
		v.open(d)
		v.shut(m.hands())
		m.serial++
		it := &locker.Item{Tenant: tenant, SKU: laptop, Serial: fmt.Sprintf("SN-%04d", m.serial), Condition: locker.Ready}
		m.arrive(&v.e, locker.EvItemDelivered, d, it)
	}
	v.used()
	v.end("done")
}

func (m *month) collect() {
	d, ok := m.ready()
	if !ok {
		m.refused(locker.NoStock)
		return
	}
	v := m.visit(locker.Collect)
	v.open(d)
	v.used()
	m.leave(&v.e, locker.EvItemCollected, d)
	v.shut(m.hands())
	v.end("done")
}

func (m *month) giveBack() {
	d, ok := m.free()
	if !ok {
		m.refused(locker.NoFreeDoor)
		return
	}
	v := m.visit(locker.Return)
	v.open(d)
	v.used()
	if m.rng.IntN(12) == 0 {
		m.at += 120_000
		v.add(locker.EvDoorAjar, func(e *locker.Event) { e.Level = "warn" })
		v.add(locker.EvDoorAjar, func(e *locker.Event) { e.Level = "alarm" })
		v.end("abandoned")
		m.at += 60_000
		m.add(locker.Event{Type: locker.EvDoorClosed, Door: d, MS: locker.MS(180_000)})
		return
	}
	v.shut(m.hands())
	m.broken(&v.e, d)
	v.end("done")
}

func (m *month) swap() {
	to, ready := m.ready()
	d, free := m.free()
	if !ready || !free {
		m.refused(locker.NoStock)
		return
	}
	v := m.visit(locker.Swap)
	v.open(d)
	v.shut(m.hands())
	m.broken(&v.e, d)
	v.open(to)
	v.used()
	m.leave(&v.e, locker.EvItemCollected, to)
	v.shut(m.hands())
	v.end("done")
}

// clear takes out everything that is not ready.
func (m *month) clear() {
	v := m.visit(locker.Clear)
	for _, d := range m.where(func(it *locker.Item) bool { return it.Condition != locker.Ready }) {
		v.open(d)
		m.leave(&v.e, locker.EvItemCleared, d)
		v.shut(m.hands())
	}
	v.used()
	v.end("done")
}

// jam: the door stays closed through all tries, and the code goes back.
func (m *month) jam(d locker.DoorID) {
	v := m.visit(locker.Collect)
	v.e.Door = d
	v.add(locker.EvCodeAccepted, nil)
	v.stage(&v.stages.Pulse, 9)
	m.at += 9000
	v.add(locker.EvDoorJammed, func(e *locker.Event) { e.Tries = 3 })
	v.add(locker.EvDoorOut, func(e *locker.Event) { e.Cause = string(locker.CauseJammed) })
	m.out[d] = true
	if it := m.held[d]; it != nil && it.Condition == locker.Ready {
		m.count(&v.e, d, it, -1)
	}
	v.add(locker.EvCodeReleased, func(e *locker.Event) { e.Reason = locker.DoorOutOfService })
	v.end("refused")
}

// service is an engineer who opens the door and puts it back in service.
func (m *month) service(d locker.DoorID) {
	v := m.visit(locker.Service)
	v.e.Tenant, v.e.Set = "", locker.SetLocal
	m.at += 30_000
	v.open(d)
	v.used()
	m.doubt(d)
	v.shut(400_000)
	v.end("done")
	m.add(locker.Event{Type: locker.EvDoorIn, Door: d, Cause: string(locker.CauseJammed), By: "ada"})
	delete(m.out, d)
}

func (m *month) refused(why locker.Reason) {
	e := locker.Event{Type: locker.EvScanRefused, Scanner: "front", Reason: why}
	if why != locker.Unknown {
		m.refs++
		e.Code, e.Set, e.Kind, e.Tenant = fmt.Sprintf("c-%04x", m.refs), tenant, locker.Collect, tenant
	}
	if why == locker.Used || why == locker.Expired {
		e.Door = id(1 + m.rng.IntN(3))
	}
	m.add(e)
}

func (m *month) free() (locker.DoorID, bool) {
	from := m.rng.IntN(doors)
	for n := range doors {
		if d := id((from+n)%doors + 1); m.held[d] == nil && !m.out[d] {
			return d, true
		}
	}
	return locker.DoorID{}, false
}

func (m *month) ready() (locker.DoorID, bool) {
	list := m.where(func(it *locker.Item) bool { return it.Condition == locker.Ready })
	if len(list) == 0 {
		return locker.DoorID{}, false
	}
	return list[m.rng.IntN(len(list))], true
}

func (m *month) where(is func(*locker.Item) bool) []locker.DoorID {
	var out []locker.DoorID
	for _, d := range slices.SortedFunc(maps.Keys(m.held), func(a, b locker.DoorID) int { return int(a.Door) - int(b.Door) }) {
		if it := m.held[d]; it != nil && !m.out[d] && is(it) {
			out = append(out, d)
		}
	}
	return out
}
