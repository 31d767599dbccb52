package haltest

import (
	"strings"
	"testing"
	"time"
)

func TestCaseIsMadeAgainOnlyIfLate(t *testing.T) {
	tests := []struct {
		name  string
		wrong int // attempts that fail
		late  time.Duration
		made  int
		fails bool
	}{
		{"sound", 0, 0, 1, false},
		{"sound, late", 0, time.Second, 1, false},
		{"wrong", 9, 0, 1, true},
		{"wrong once, in time", 1, lateness - 1, 1, true},
		{"wrong once, late", 1, lateness, 2, false},
		{"wrong, late", 9, time.Second, attempts, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			outer, made, cleaned := &attempt{TB: t}, 0, 0
			inTime(outer, func(time.Time) time.Duration { return tt.late }, func(a *attempt) {
				a.Cleanup(func() { cleaned++ })
				if made++; made <= tt.wrong {
					a.Fatal("it is wrong")
				}
			})
			if made != tt.made || cleaned != made || outer.failed != tt.fails {
				t.Errorf("made %d times, cleaned up %d times, failed: %v", made, cleaned, outer.failed)
			}
			if said := strings.Count(strings.Join(outer.lines, " "), "it is wrong"); said != min(tt.wrong, made) {
				t.Errorf("told %d times: %q", said, outer.lines)
			}
		})
	}
}

func TestWatch(t *testing.T) {
	w, start := &watch{}, time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	w.woke(at(10), at(10+90))
	w.woke(at(200), at(201)) // in time
	w.woke(at(300), at(350))
	for since, want := range map[int]time.Duration{0: 90 * time.Millisecond, 150: 50 * time.Millisecond, 350: 0} {
		if got := w.worst(at(since)); got != want {
			t.Errorf("since %d ms: %v, want %v", since, got, want)
		}
	}
}
