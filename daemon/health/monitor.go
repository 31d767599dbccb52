package health

import (
	"cmp"
	"slices"

	"lockerd/daemon/locker"
)

// How often a finding must be there, and be gone, to be believed: a judgement is
// made once a minute, and a value at its threshold must not ring twice an hour.
const (
	raiseAfter = 2
	clearAfter = 10
)

// Monitor remembers what is wrong. The zero value knows of nothing. There is at
// most one entry for each cause and door, bus or scanner.
type Monitor struct {
	watched map[subject]*watched
}

type subject struct {
	cause   Cause
	door    locker.DoorID
	bus     string
	scanner string
}

type watched struct {
	Finding

	seen, missed int
	raised       bool
}

// Step takes one judgement and returns what has begun, or become an alarm, and
// what is over.
func (m *Monitor) Step(found []Finding) (begun, over []Finding) {
	if m.watched == nil {
		m.watched = map[subject]*watched{}
	}
	now := map[subject]bool{}
	for _, f := range found {
		k := subject{f.Cause, f.Door, f.Bus, f.Scanner}
		now[k] = true
		w := m.watched[k]
		if w == nil {
			w = &watched{}
			m.watched[k] = w
		}
		worse := w.raised && f.Level == Alarm && w.Level != Alarm
		w.Finding, w.missed = f, 0
		w.seen++
		if w.seen >= raiseAfter && !w.raised || worse {
			w.raised = true
			begun = append(begun, f)
		}
	}
	for k, w := range m.watched {
		if now[k] {
			continue
		}
		w.missed++
		if w.raised && w.missed < clearAfter {
			continue
		}
		delete(m.watched, k)
		if w.raised {
			over = append(over, w.Finding)
		}
	}
	slices.SortFunc(over, func(a, b Finding) int { return cmp.Compare(a.What, b.What) })
	return begun, over
}
