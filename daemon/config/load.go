package config

import (
	"fmt"
	"time"
)

// elsewhere is the way out for a line that is full.
const elsewhere = "put some lockers on another bus, with a port of its own"

// loads refuses buses that can't do what is asked of them as a whole.
func (l *layout) loads() {
	whole := len(l.problems) == 0 // else what is missing may be what was refused
	for i, b := range l.buses {
		path := fmt.Sprintf("bus[%d]", i)
		n := l.boarded[b.Name]
		switch {
		case b.lines():
			if whole && l.wired[b.Name] == 0 && b.Lines == (BusLines{}) {
				l.add(path, nil, fmt.Sprintf("carries no door and no line: no [[locker]] names bus %q", b.Name), "remove it, name it in a [[locker]], or give it a led, buzzer or tamper line")
			}
		case n == 0 && whole:
			l.add(path, nil, fmt.Sprintf("carries no door: no [[locker]] names bus %q", b.Name), "remove it, or name it in a [[locker]]")
		case b.usable && n > b.family.addresses():
			l.add(path, nil, fmt.Sprintf("carries %d boards, and %s boards have %d addresses on one line", n, b.family.name, b.family.addresses()), elsewhere)
		case n > maxBoards:
			l.add(path, nil, fmt.Sprintf("carries %d boards, and a line can drive %d", n, maxBoards), elsewhere)
		}
	}
}

// pulses refuses buses whose boards make one pulse only, unless that is what is
// asked for or their locks are said to take it.
func (s *section) pulses(buses []busFacts, pulse time.Duration) {
	for i, b := range buses {
		f := b.family
		if f.onlyPulse == 0 || pulse == f.onlyPulse || b.Profile[f.longPulse] == "1" {
			continue
		}
		s.add(fmt.Sprintf("bus[%d]", i), nil, fmt.Sprintf("pulses for a fixed %s, and open.pulse is %s", shortSpan(f.onlyPulse), shortSpan(pulse)),
			fmt.Sprintf("if every lock of the bus takes that, write %s = 1 in its [bus.profile], or pulse = %q in [open]; else use other boards", f.longPulse, shortSpan(f.onlyPulse)))
	}
}
