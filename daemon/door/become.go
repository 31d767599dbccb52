package door

import "time"

// One function per transition: it sets the phase and says its effect once.

func (m *Machine) say(k Kind, ms int64) {
	m.out = append(m.out, Effect{Kind: k, Tries: m.tries, MS: ms})
}

func (m *Machine) becomePulsing(now time.Duration) {
	m.phase, m.last, m.sawShut = Pulsing, now, false
	m.tries++
	m.say(Pulse, 0)
}

func (m *Machine) becomeProving(now, at time.Duration) {
	m.phase, m.last = Proving, at
	if !m.pulsed {
		m.first, m.pulsed = at, true
	}
	if m.cfg.Sensor {
		return
	}
	m.say(Unproven, (now - m.first).Milliseconds())
	m.becomeStanding(now, true)
}

func (m *Machine) becomeOpened(begun time.Duration) {
	ms := int64(0)
	if m.pulsed {
		ms = (begun - m.first).Milliseconds()
	}
	m.say(Opened, ms)
	m.becomeStanding(begun, true)
}

func (m *Machine) becomeStanding(at time.Duration, ordered bool) {
	m.phase, m.opened, m.ordered = Standing, at, ordered
	m.ajar, m.awaited = 0, false
}

func (m *Machine) becomeLooking(now time.Duration) {
	m.phase, m.last = Looking, now
	m.say(Jammed, 0)
}

func (m *Machine) becomeSettling() {
	m.phase = Settling
	m.say(Uncertain, 0)
}

func (m *Machine) becomeResting(why Kind) {
	m.phase, m.ordered, m.awaited = Resting, false, false
	m.say(why, 0)
}

// prove takes a reading while an opening is under way: any reading begun after
// the first pulse counts, the latest pulse's alone tells that it failed.
func (m *Machine) prove(begun time.Duration, p Position) {
	switch {
	case !m.pulsed || begun < m.first:
	case p == Open:
		m.becomeOpened(begun)
	case m.phase == Proving && begun >= m.last:
		m.sawShut = true
	}
}

func (m *Machine) provedNothing(now time.Duration) {
	switch {
	case !m.sawShut, m.raw == Unknown:
		m.becomeSettling()
	case m.tries < m.cfg.Tries:
		m.becomePulsing(now)
	default:
		m.becomeLooking(now)
	}
}

// look takes the last reading of a jammed door: opened late still counts.
func (m *Machine) look(begun time.Duration, p Position) {
	switch {
	case p == Open:
		m.becomeOpened(begun)
	case begun >= m.last:
		m.becomeResting(GivenUp)
	}
}

// settle takes the first reading after silence or a restart.
func (m *Machine) settle(begun time.Duration, p Position) {
	switch {
	case begun < m.last:
	case p == Open:
		m.becomeOpened(begun)
	default:
		m.becomeResting(SettledAs)
	}
}

func (m *Machine) tickStanding(now time.Duration) {
	switch {
	case !m.cfg.Sensor: // nobody can see it close (contract 5.4)
		ms := (now - m.opened).Milliseconds()
		m.phase, m.ordered = Resting, false
		m.say(ClosedNow, ms)
	case m.ajar == 0:
		m.ajar = AjarWarn
		m.say(AjarWarn, 0)
	default:
		m.ajar = AjarAlarm
		m.say(AjarAlarm, 0)
	}
}

// watchClosing believes a closing that has stayed for settle; its time is that
// of the first reading.
func (m *Machine) watchClosing(begun time.Duration, p Position) {
	switch {
	case p == Open:
		m.awaited = false
	case !m.awaited:
		m.awaited, m.closedAt = true, begun
	case begun-m.closedAt >= settle:
		ms := max(0, m.closedAt-m.opened).Milliseconds()
		m.phase, m.ordered, m.awaited = Resting, false, false
		m.say(ClosedNow, ms)
	}
}

func (m *Machine) watchForce(begun time.Duration, p Position) {
	switch {
	case p == Closed:
		m.awaited = false
	case !m.awaited:
		m.awaited, m.changed = true, begun
	case begun-m.changed >= settle:
		m.becomeStanding(m.changed, false)
		m.say(Forced, 0)
	}
}

// note remembers the reading and counts changes that nobody ordered: all but
// the opening that is being proven and the first closing after it.
func (m *Machine) note(begun time.Duration, p Position) {
	was := m.raw
	m.raw = p
	if was == Unknown || was == p {
		return
	}
	switch m.phase {
	case Pulsing, Proving, Looking, Settling:
		if p == Open {
			return
		}
	case Standing:
		if m.ordered && p == Closed && !m.awaited && m.nflipsSince(m.opened) == 0 {
			return
		}
	case Resting:
	}
	m.flip(begun)
}

func (m *Machine) flip(at time.Duration) {
	m.flips[m.nflips%flapChanges] = at
	m.nflips++
	if m.nflips < flapChanges {
		return
	}
	if oldest := m.flips[m.nflips%flapChanges]; at-oldest < flapWindow {
		m.nflips = 0
		m.say(Flapping, 0)
	}
}

func (m *Machine) nflipsSince(t time.Duration) int {
	n := 0
	for i := range min(m.nflips, flapChanges) {
		if m.flips[i] >= t {
			n++
		}
	}
	return n
}
