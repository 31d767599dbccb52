package bank

import (
	"fmt"
	"time"

	"lockerd/daemon/locker"
)

// step takes one committed event and holds it against what came before.
func (m *model) step(e *locker.Event, now locker.Time) {
	m.sequence(e)
	d := m.doors[e.Door]
	if d == nil && !e.Door.IsZero() {
		m.fail("seq %d: %s of a door that isn't there", e.Seq, e.Type)
		return
	}
	m.trace(e)
	at := m.bootAt.Add(time.Duration(e.UpMS) * time.Millisecond)
	switch e.Type {
	case locker.EvCodeAccepted, locker.EvDoorCommanded:
		m.accepted(d, e, at)
	case locker.EvDoorOpened, locker.EvDoorUnproven:
		m.opened(d, e, at, now)
	case locker.EvBootRecovered:
		m.recovered(d, e, at, now)
	case locker.EvCodeUsed:
		m.used(e)
	case locker.EvCodeReleased:
		m.released(d, e, at)
	case locker.EvDoorJammed:
		m.jammed(d, e, now)
	case locker.EvDoorUncertain:
		m.uncertain(d, e)
	case locker.EvDoorSettled:
		m.settled(d, e)
	case locker.EvDoorClosed:
		m.closed(d, e, at)
	case locker.EvDoorAjar:
		m.ajar(d, e, at)
	case locker.EvDoorForced:
		m.wasForced(d, e, at)
	case locker.EvDoorOut, locker.EvDoorIn:
		m.service(d, e)
	case locker.EvItemDelivered, locker.EvItemCollected, locker.EvItemCleared, locker.EvItemUncertain:
		m.item(d, e)
	case locker.EvStockChanged:
		m.stock(e)
	case locker.EvVisitEnded:
		m.ended(e, at)
	case locker.EvScanRefused:
		m.refused(e, at)
	case locker.EvScannerLost, locker.EvScannerBack:
		s := m.scanner[e.Scanner]
		m.edge(e, &s.lost, e.Type == locker.EvScannerLost)
	case locker.EvBoardLost, locker.EvBoardBack:
		key := fmt.Sprint(e.Bus, *e.Address)
		lost := m.boards[key]
		m.edge(e, &lost, e.Type == locker.EvBoardLost)
		m.boards[key] = lost
	case locker.EvBootStarted, locker.EvCodesApplied, locker.EvClockChanged:
	default:
		m.fail("seq %d: an event nobody has a reason for: %s", e.Seq, e.Type)
	}
	m.last = *e
}

// sequence holds what all events owe: no holes, the boot, rising time, and the
// order of one step (contract 7.1).
func (m *model) sequence(e *locker.Event) {
	if e.Seq != m.seq+1 {
		m.fail("seq %d comes after %d", e.Seq, m.seq)
	}
	m.seq = e.Seq
	if e.Boot != m.boot {
		m.fail("seq %d is of boot %d, not %d", e.Seq, e.Boot, m.boot)
	}
	if e.UpMS < m.up {
		m.fail("seq %d: up_ms falls from %d to %d", e.Seq, m.up, e.UpMS)
	}
	m.up = e.UpMS
	if e.Type == locker.EvClockChanged && e.Cause == "" {
		if m.clock != "" && e.From.String() != string(m.clock) {
			m.fail("seq %d: the clock goes from %s, it was %s", e.Seq, e.From, m.clock)
		}
		m.clock = locker.Clock(e.To.String())
		return // may come first in any step
	}
	if len(m.expect) == 0 {
		return
	}
	if e.Type != m.expect[0] {
		m.fail("seq %d: %s after %s, where %s belongs", e.Seq, e.Type, m.last.Type, m.expect[0])
	}
	m.expect = m.expect[1:]
}

func (m *model) edge(e *locker.Event, lost *bool, is bool) {
	if *lost == is {
		m.fail("seq %d: %s of what was so already", e.Seq, e.Type)
	}
	*lost = is
}

func keyOf(e *locker.Event) locker.CodeKey { return locker.CodeKey{Set: e.Set, ID: e.Code} }

// accepted: an opening begins. It is judged when its pulse comes, too.
func (m *model) accepted(d *mDoor, e *locker.Event, at time.Time) {
	o := &mOpening{door: e.Door, visit: e.Visit, kind: e.Kind, seq: e.Seq, at: at, how: "ordered", uncount: true}
	if was := d.opening; was != nil && !was.silently() {
		m.fail("seq %d: door %s is accepted while an opening of it is under way", e.Seq, e.Door)
	}
	if d.standing {
		m.fail("seq %d: door %s is accepted while it stands open", e.Seq, e.Door)
	}
	if e.Type == locker.EvCodeAccepted {
		m.acceptedCode(d, e, o)
	}
	again := o.how == "again" || d.doubt != nil && o.how == "reopening" && d.doubt.code == o.code
	if was := d.doubt; was != nil && !again { // again leaves in doubt what it does not settle
		was.shaky = was.shaky || o.code.IsZero() || o.kind == locker.Service
		if !was.shaky {
			d.doubt = nil // the door is given to another
		}
	}
	d.opening = o
}

func (m *model) acceptedCode(d *mDoor, e *locker.Event, o *mOpening) {
	c := m.codes[keyOf(e)]
	if c == nil {
		m.fail("seq %d: a code that nobody issued is accepted", e.Seq)
		return
	}
	o.code = c.key
	if len(d.out) > 0 && c.kind != locker.Service {
		m.fail("seq %d: %s is accepted at door %s, which is out of service", e.Seq, c.name, e.Door)
	}
	v := m.open[e.Visit]
	again := d.doubt != nil && d.doubt.code == c.key
	switch {
	case again:
		o.how = "again"
		if was := d.doubt.how; was == "reopening" || was == "more" {
			o.how = was
		} else if v != nil && v.opened {
			o.how = "more"
		}
	case c.kind == locker.Service && v != nil && v.opened:
		o.how = "more"
	case m.spent(c) && !m.retried(v, c):
		o.how = "reopening"
		if d.lastCode != c.key {
			m.fail("seq %d: %s has no uses left and door %s was not its last", e.Seq, c.name, e.Door)
		}
	case m.retried(v, c):
		o.how, o.uncount = "fresh", false // goes on after a jam: the same use
		m.leave(v, o.at)
	default:
		o.how, o.uncount = "fresh", false
		c.taken++
	}
}

// retried tells whether a visit goes on to another door with the use it has,
// because the first jammed or its pulse did not leave.
func (m *model) retried(v *mVisit, c *mCode) bool {
	return v != nil && c.kind == locker.Collect && (v.trace == "AJA" || v.trace == "AA")
}

// leave ends the opening of the jammed door that a visit goes on from.
func (m *model) leave(v *mVisit, at time.Time) {
	for _, id := range m.order {
		if d := m.doors[id]; d.opening != nil && d.opening.visit == v.id {
			m.notLate(d, at)
			d.opening = nil
		}
	}
}

// notLate: a door that was read open before it was given up has opened, however
// late that was.
func (m *model) notLate(d *mDoor, at time.Time) {
	o, i := m.openingOf(d), m.w.door(d.spec.ID)
	if o != nil && i.openSince && i.openAt.After(o.pulsed) && i.openAt.Before(at.Add(time.Millisecond)) {
		m.fail("seq %d: door %s is given up and was read open before", m.seq, d.spec.ID)
	}
}

// opened: proven, by a reading that the world has really given.
func (m *model) opened(d *mDoor, e *locker.Event, at time.Time, now locker.Time) {
	o := m.openingOf(d)
	if o == nil {
		m.fail("seq %d: door %s opened and nobody ordered it", e.Seq, e.Door)
		return
	}
	iron := m.w.door(e.Door)
	switch {
	case o.pulses == 0:
		m.fail("seq %d: door %s opened without a pulse", e.Seq, e.Door)
	case e.Type == locker.EvDoorOpened && !iron.openSince:
		m.fail("seq %d: door %s opened and no reading since the pulse said so", e.Seq, e.Door)
	}
	m.nowOpen(d, o, e, at, now)
}

// openingOf returns the opening whose outcome an event at the door tells.
func (m *model) openingOf(d *mDoor) *mOpening {
	if d.opening != nil {
		return d.opening
	}
	if d.owed != nil {
		return d.owed
	}
	return d.doubt
}

func (m *model) nowOpen(d *mDoor, o *mOpening, e *locker.Event, at time.Time, now locker.Time) {
	if keyOf(e) != o.code {
		m.fail("seq %d: door %s opened for %s, ordered for %s", e.Seq, e.Door, keyOf(e), o.code)
	}
	d.standing, d.standingAt, d.level, d.stood = true, at, "", false
	d.opening, d.owed, d.doubt = nil, nil, nil
	if v := m.open[o.visit]; v != nil {
		v.opened = true
	}
	d.lastCode, d.lastShut = locker.CodeKey{}, 0
	if o.kind != locker.Collect {
		m.afterOther(d, o)
		return
	}
	d.lastCode = o.code
	m.codes[o.code].newest = d.spec.ID
	if o.how == "reopening" {
		return
	}
	m.expect = append(m.expect, locker.EvCodeUsed)
	c := m.codes[o.code]
	if d.item == nil || d.item.Tenant != c.tenant {
		return
	}
	m.expect = append(m.expect, locker.EvItemCollected)
	if d.item.Condition == locker.Ready && len(d.out) == 0 && !m.named(d.spec.ID, now, d.item.Tenant) && c.door.IsZero() {
		m.expect = append(m.expect, locker.EvStockChanged)
	}
}

// afterOther: an engineer opened it; nobody can vouch for the item.
func (m *model) afterOther(d *mDoor, o *mOpening) {
	if o.kind == locker.Service && o.how != "more" {
		m.expect = append(m.expect, locker.EvCodeUsed)
	}
	if d.item != nil && d.item.Condition != locker.Uncertain {
		m.expect = append(m.expect, locker.EvItemUncertain)
	}
}

// recovered: what a process found that had no outcome (contract 5.4).
func (m *model) recovered(d *mDoor, e *locker.Event, at time.Time, now locker.Time) {
	o := d.owed
	if o == nil {
		o = d.doubt
	}
	switch {
	case o == nil:
		m.fail("seq %d: door %s is recovered and nothing was under way there", e.Seq, e.Door)
	case e.Outcome == "opened" && !m.w.door(e.Door).readOpen:
		m.fail("seq %d: door %s is recovered as opened and reads shut", e.Seq, e.Door)
	case e.Outcome == "opened":
		m.nowOpen(d, o, e, at, now)
	case e.Outcome == "uncertain":
		d.owed, d.opening = nil, o
		m.uncertain(d, e)
	default:
		m.fail("seq %d: outcome %q", e.Seq, e.Outcome)
	}
}

func (m *model) used(e *locker.Event) {
	c := m.codes[keyOf(e)]
	c.used++
	if c.uses > 0 && c.used > c.uses {
		m.fail("seq %d: %s is used %d times, it has %d", e.Seq, c.name, c.used, c.uses)
	}
	if m.last.Door != e.Door || m.last.Code != e.Code {
		m.fail("seq %d: code.used does not follow its door's opening", e.Seq)
	}
}

// released: it is certain that no door has opened.
func (m *model) released(d *mDoor, e *locker.Event, at time.Time) {
	m.notLate(d, at)
	c, o := m.codes[keyOf(e)], m.openingOf(d)
	switch {
	case o == nil || o.code != c.key:
		m.fail("seq %d: %s is released at door %s, where it has no opening", e.Seq, c.name, e.Door)
	case o.uncount:
		m.fail("seq %d: %s is released from an opening that took no use (%s)", e.Seq, c.name, o.how)
	default:
		c.taken--
		d.opening, d.owed = nil, nil
	}
}

func (m *model) jammed(d *mDoor, e *locker.Event, now locker.Time) {
	o := d.opening
	if o == nil || o.pulses == 0 {
		m.fail("seq %d: door %s jammed without a pulse", e.Seq, e.Door)
		return
	}
	if o.pulses != testTimes.Tries || e.Tries != o.pulses {
		m.fail("seq %d: door %s jammed after %d pulses, says %d", e.Seq, e.Door, o.pulses, e.Tries)
	}
	o.jammed, o.over = true, m.bootAt.Add(time.Duration(e.UpMS)*time.Millisecond)
	if d.out[string(locker.CauseJammed)] {
		return
	}
	m.expect = append(m.expect, locker.EvDoorOut)
	if m.counted(d, now) {
		m.expect = append(m.expect, locker.EvStockChanged)
	}
}

// settled: somebody with hands has looked, or an order without a code has come to
// nothing that anybody could finish.
func (m *model) settled(d *mDoor, e *locker.Event) {
	switch {
	case d.doubt == nil:
		m.fail("seq %d: door %s is settled and was not in doubt", e.Seq, e.Door)
	case keyOf(e) != d.doubt.code:
		m.fail("seq %d: door %s is settled for %v, in doubt was %v", e.Seq, e.Door, keyOf(e), d.doubt.code)
	}
	switch i := m.w.door(e.Door); {
	case e.By != "":
		m.forced[e.Door] = true // if it did open, that is nobody's opening now
		d.lastCode = locker.CodeKey{}
	case e.Code != "":
		m.fail("seq %d: door %s is settled by nobody, and its code could go on", e.Seq, e.Door)
	case i.known && i.readOpen:
		m.fail("seq %d: door %s is settled by nobody and reads open", e.Seq, e.Door)
	}
	d.doubt = nil
}

// uncertain: pulsed, and nobody knows.
func (m *model) uncertain(d *mDoor, e *locker.Event) {
	o := d.opening
	if o == nil {
		m.fail("seq %d: door %s is uncertain and nothing was under way", e.Seq, e.Door)
		return
	}
	d.opening = nil
	d.doubt = o
	if o.how != "reopening" && d.item != nil && d.item.Condition != locker.Uncertain {
		d.doubtOf = o.code
		m.expect = append(m.expect, locker.EvItemUncertain)
	}
}

func (m *model) closed(d *mDoor, e *locker.Event, at time.Time) {
	i := m.w.door(e.Door)
	if i.known && i.readOpen && i.readAt.Before(at.Add(-time.Millisecond)) {
		m.fail("seq %d: door %s closed and reads open", e.Seq, e.Door)
	}
	d.standing, d.stood = false, false
	if !d.lastCode.IsZero() {
		d.lastShut, d.lastShutAt = e.At, at
	}
}

func (m *model) ajar(d *mDoor, e *locker.Event, at time.Time) {
	after := map[string]time.Duration{"warn": testTimes.AjarWarn, "alarm": testTimes.AjarAlarm}[e.Level]
	from := map[string]string{"warn": "", "alarm": "warn"}[e.Level]
	if d.standing && (d.level != from || at.Sub(d.standingAt) < after-time.Second) {
		m.fail("seq %d: door %s ajar %s after %s, %v open", e.Seq, e.Door, e.Level, d.level, at.Sub(d.standingAt))
	}
	d.level = e.Level
}

func (m *model) wasForced(d *mDoor, e *locker.Event, at time.Time) {
	if !m.forced[e.Door] {
		m.fail("seq %d: door %s forced, and nobody touched it", e.Seq, e.Door)
	}
	d.standing, d.standingAt, d.level = true, at, ""
	d.lastCode = locker.CodeKey{}
	if d.item != nil && d.item.Condition != locker.Uncertain {
		d.doubtOf = locker.CodeKey{}
		m.expect = append(m.expect, locker.EvItemUncertain)
	}
}
