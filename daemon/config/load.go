package config

import "fmt"

// loads refuses buses that can't do what is asked of them as a whole.
func (l *layout) loads() {
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
	}
}
