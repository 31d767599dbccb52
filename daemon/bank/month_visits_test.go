package bank

import (
	"regexp"
	"time"

	"lockerd/daemon/locker"
)

// letters are the events of a visit whose order contract 7.1 gives; steps that
// are one commit are held by model.expect.
var letters = map[string]string{
	locker.EvCodeAccepted: "A", locker.EvDoorOpened: "O", locker.EvDoorUnproven: "P", locker.EvCodeUsed: "U",
	locker.EvItemCollected: "C", locker.EvDoorClosed: "X", locker.EvDoorJammed: "J", locker.EvCodeReleased: "R",
	locker.EvDoorUncertain: "N", locker.EvDoorAjar: "W", locker.EvVisitEnded: "E",
}

// visits of collect codes: opened, closed; jammed, then another door or
// released; uncertain.
var collectVisit = regexp.MustCompile(`^AJ?(AJ?)?([OP](UC?)?(W?X|WW)|R|N|)E$`)

// trace appends an event to its visit.
func (m *model) trace(e *locker.Event) {
	if e.Visit == "" || e.Type == locker.EvStockChanged {
		return
	}
	v := m.open[e.Visit]
	switch {
	case v == nil && (e.Type == locker.EvCodeAccepted || e.Type == locker.EvVisitEnded && e.Kind == locker.Service):
		v = &mVisit{id: e.Visit, kind: e.Kind, code: keyOf(e)}
		m.open[e.Visit] = v
	case v == nil:
		return // settled after its end, or by another process
	}
	v.trace += letters[e.Type]
	v.moved = m.bootAt.Add(time.Duration(e.UpMS) * time.Millisecond)
}

// scanned tells that a code has gone on with its visit, if it has one.
func (m *model) scanned(c *mCode) {
	for _, v := range m.open {
		if c != nil && v.code == c.key {
			v.moved = time.Now()
		}
	}
}

func (m *model) ended(e *locker.Event, at time.Time) {
	v := m.open[e.Visit]
	if v == nil {
		m.fail("seq %d: visit %s ends and was none", e.Seq, e.Visit)
		return
	}
	delete(m.open, e.Visit)
	if v.kind == locker.Collect && !collectVisit.MatchString(v.trace) {
		m.fail("seq %d: visit %s went %s", e.Seq, e.Visit, v.trace)
	}
	// A collect ends without a closing, a release or doubt only when an opening
	// that took no use came to nothing: there is nothing to say of it then.
	for _, id := range m.order {
		if o := m.doors[id].opening; o != nil && o.visit == v.id {
			m.unsaid(m.doors[id], o, e, at)
		}
	}
}

func (m *model) unsaid(d *mDoor, o *mOpening, e *locker.Event, at time.Time) {
	if !o.uncount && o.how != "again" {
		m.fail("seq %d: visit %s ends at %v and its opening of %s has no outcome", e.Seq, e.Visit, at, d.spec.ID)
	}
	d.opening = nil
}
