package config

import (
	"fmt"
	"time"
)

// loads refuses buses that can't do what is asked of them as a whole.
func (l *layout) loads(pulse time.Duration) {
	boards := map[string]int{}
	for at := range l.boards {
		boards[at.bus]++
	}
	whole := len(l.problems) == 0 // else what is missing may be what was refused
	for i, b := range l.buses {
		path := fmt.Sprintf("bus[%d]", i)
		switch n := boards[b.Name]; {
		case n == 0 && whole:
			l.add(path, nil, fmt.Sprintf("carries no door: no [[locker]] names bus %q", b.Name), "remove it, or name it in a [[locker]]")
		case n > maxBoards:
			l.add(path, nil, fmt.Sprintf("carries %d boards, and a line can drive %d", n, maxBoards), "put some lockers on another bus")
		}
		l.pulse(path, b, pulse)
	}
}

// pulse refuses a pulse that the boards of a bus can't be told.
func (l *layout) pulse(path string, b busFacts, pulse time.Duration) {
	f := b.family
	if !b.usable || f.longPulse == "" || pulse <= f.ownPulse || b.Profile[f.longPulse] == "1" {
		return
	}
	l.add("open.pulse", shortSpan(pulse), fmt.Sprintf("is more than %s boards (%s) can do: they time %s themselves", f.name, path, shortSpan(f.ownPulse)),
		fmt.Sprintf("use at most %s, or set %s = 1 in [bus.profile] if the boards know the open frame with seconds", shortSpan(f.ownPulse), f.longPulse))
}
