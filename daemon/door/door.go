// Package door is the machine of one door: what goes in is an order to open, a
// report of a pulse, a feedback reading or the passing of time; what comes out
// are effects for the bank to commit and carry out.
//
// The machine does no I/O, reads no clock and takes no lock: time is an
// argument, measured on the monotonic clock from any fixed point. It has one
// owner, the bank's goroutine. What it promises:
//
//   - A door counts as opened only by a reading begun after a pulse (contract 5.4).
//   - A missing reply is no outcome: only readings are. Silence is Uncertain.
//   - It never asks for a pulse by itself but for the tries of an opening that
//     the bank has ordered.
package door

import "time"

// Position is what a feedback reading says.
type Position uint8

// Positions.
const (
	Unknown Position = iota
	Closed
	Open
)

// Bounds of the machine.
const (
	// settle is how long a changed reading must stay before it is believed,
	// where nobody ordered the change: a switch bounces for some 50 ms and
	// people slam doors.
	settle = 150 * time.Millisecond
	// flapChanges uncommanded changes within flapWindow are a broken switch.
	flapChanges = 20
	flapWindow  = time.Minute
	// reportGrace is how long past the expiry of a pulse its report may be
	// missing before the pulse is taken for silent.
	reportGrace = 2 * time.Second
)

// Config are the times of a door, contract 2 [open].
type Config struct {
	Sensor    bool
	Prove     time.Duration // from a pulse until feedback must say open
	Tries     int
	AjarWarn  time.Duration
	AjarAlarm time.Duration
	Expiry    time.Duration // from the order until an unsent pulse is worthless
}

// Phase is where an opening stands.
type Phase uint8

// Phases. Transitions: Resting → Pulsing (Order) → Proving (Pulsed) → Standing
// (reading open) or Pulsing (next try) or Looking (all tries) or Settling
// (silent); Looking → Standing or Resting; Settling → Standing or Resting;
// Standing → Resting (closed). A door forced or found open goes from Resting to
// Standing.
const (
	Resting  Phase = iota // no opening under way
	Pulsing               // a pulse is ordered and not yet reported
	Proving               // the pulse is out, feedback is awaited
	Looking               // closed through all tries: one last reading before the opening is given up
	Settling              // pulsed perhaps, board silent or process restarted: the next reading settles it
	Standing              // open
)

// Kind names an effect.
type Kind uint8

// Effects.
const (
	Pulse     Kind = iota + 1 // send one pulse now
	Opened                    // proven open; MS since the first pulse
	Unproven                  // pulsed, no sensor to prove it; MS since the first pulse
	Jammed                    // closed through all tries
	GivenUp                   // after Jammed: the last look found it closed, too
	Uncertain                 // pulsed, and the board is silent
	NotMoved                  // the pulse never left: nothing can have moved
	SettledAs                 // after Settling: read closed; it may have been open in between
	ClosedNow                 // closed again; MS since it opened
	AjarWarn                  // open too long
	AjarAlarm                 // open much too long
	Forced                    // opened without an order
	Flapping                  // the feedback changes without reason
)

// Effect is one thing the bank must commit or do.
type Effect struct {
	Kind  Kind
	Tries int
	MS    int64
}

// Result is what became of a pulse.
type Result uint8

// Results.
const (
	Sent    Result = iota // on the wire, whatever the board answered
	NotSent               // not one byte has left
)

// Machine is the machine of one door. Make it with New.
type Machine struct {
	cfg      Config
	phase    Phase
	raw      Position      // last reading
	changed  time.Duration // when raw began to be what it is
	awaited  bool          // a change of raw awaits belief
	ordered  bool          // Standing or opening by order, not by force
	first    time.Duration // first pulse of this opening
	last     time.Duration // latest pulse or order
	pulsed   bool          // a pulse of this opening has left
	tries    int
	closedAt time.Duration // latest reading begun after the latest pulse said closed
	sawShut  bool
	opened   time.Duration
	ajar     Kind // highest ajar level told
	flips    [flapChanges]time.Duration
	nflips   int
	out      []Effect
}

// New returns the machine of a door of which nothing is known yet.
func New(cfg Config) *Machine { return &Machine{cfg: cfg} }

// Configure changes the times; an opening under way keeps its deadlines.
func (m *Machine) Configure(cfg Config) { m.cfg = cfg }

// Phase returns where the door stands.
func (m *Machine) Phase() Phase { return m.phase }

// Position returns the last reading. A door without a sensor is open while it
// is taken for opened, else closed.
func (m *Machine) Position() Position {
	if m.cfg.Sensor {
		return m.raw
	}
	if m.phase == Standing {
		return Open
	}
	return Closed
}

// Settle makes the next reading decide an opening whose outcome is not on disk.
func (m *Machine) Settle() { m.phase, m.ordered = Settling, true }

// Forgo ends the wait for an outcome that nobody awaits any more: what opens
// from now on was not ordered.
func (m *Machine) Forgo() {
	if m.phase == Settling {
		m.phase, m.ordered, m.awaited = Resting, false, false
	}
}

// Stand says that the door stood open by order when the process stopped. Found
// closed by the first reading it has been closed for long.
func (m *Machine) Stand(now time.Duration) {
	m.becomeStanding(now, true)
	m.awaited, m.closedAt = true, now-settle
}

// Order begins an opening that the bank has committed. The door must be Resting.
func (m *Machine) Order(now time.Duration) []Effect {
	if m.phase != Resting && m.phase != Settling {
		panic("door: ordered open while an opening is under way")
	}
	m.out = nil
	m.tries, m.pulsed, m.first, m.ordered, m.awaited = 0, false, 0, true, false
	m.becomePulsing(now)
	return m.out
}

// Reported takes what became of the latest pulse; at is when its first byte left.
func (m *Machine) Reported(now, at time.Duration, r Result) []Effect {
	m.out = nil
	if m.phase != Pulsing {
		return nil // too late: a reading has decided already
	}
	switch {
	case r == NotSent && !m.pulsed:
		m.becomeResting(NotMoved)
	case r == NotSent:
		m.becomeSettling()
	default:
		m.becomeProving(now, at)
	}
	return m.out
}

// Read takes a reading that was begun at the given time.
func (m *Machine) Read(now, begun time.Duration, p Position) []Effect {
	m.out = nil
	if !m.cfg.Sensor {
		if m.phase == Settling {
			m.becomeResting(SettledAs)
		}
		return m.out
	}
	if p == Unknown {
		m.raw, m.awaited = Unknown, false
		return nil
	}
	m.note(begun, p)
	switch m.phase {
	case Pulsing, Proving:
		m.prove(begun, p)
	case Looking:
		m.look(begun, p)
	case Settling:
		m.settle(begun, p)
	case Standing:
		m.watchClosing(begun, p)
	case Resting:
		m.watchForce(begun, p)
	}
	return m.out
}

// Tick tells that time has passed.
func (m *Machine) Tick(now time.Duration) []Effect {
	m.out = nil
	at, ok := m.Deadline()
	if !ok || now < at {
		return nil
	}
	switch m.phase {
	case Pulsing:
		m.becomeSettling()
	case Proving:
		m.provedNothing(now)
	case Looking:
		m.becomeResting(GivenUp)
	case Standing:
		m.tickStanding(now)
	case Resting, Settling:
	}
	return m.out
}

// Deadline returns when Tick is next due.
func (m *Machine) Deadline() (time.Duration, bool) {
	switch m.phase {
	case Pulsing:
		return m.last + m.cfg.Expiry + reportGrace, true
	case Proving, Looking:
		return m.last + m.cfg.Prove, true
	case Standing:
		switch {
		case !m.cfg.Sensor || m.ajar == 0:
			return m.opened + m.cfg.AjarWarn, true
		case m.ajar == AjarWarn:
			return m.opened + m.cfg.AjarAlarm, true
		}
	case Resting, Settling:
	}
	return 0, false
}
