package scanner

import (
	"slices"
	"time"
)

// Bounds of the repeat filter.
const (
	// Repeat is how long after a text was last seen the same text is still the
	// same scan.
	Repeat = 1500 * time.Millisecond
	// maxRecent is how many different texts are remembered; with more in turn
	// the one unseen longest counts as new again.
	maxRecent = 8
)

// Repeats drops what a code held before the glass delivers again and again. It
// serves one scanner and is not safe for concurrent use.
type Repeats struct {
	recent []sighting // the latest last
}

type sighting struct {
	text string
	at   time.Time
}

// Fresh tells whether a text seen at a time is a new scan. Every sighting, also
// of a repeat, starts the time anew.
func (r *Repeats) Fresh(text string, at time.Time) bool {
	r.recent = slices.DeleteFunc(r.recent, func(s sighting) bool { return at.Sub(s.at) > Repeat })
	before := len(r.recent)
	r.recent = slices.DeleteFunc(r.recent, func(s sighting) bool { return s.text == text })
	fresh := len(r.recent) == before
	if len(r.recent) == maxRecent {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	r.recent = append(r.recent, sighting{text, at})
	return fresh
}
