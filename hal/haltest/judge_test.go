package haltest

import (
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/sim"
)

func TestCould(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	moves := []sim.Entry{{At: at(10), What: sim.Opened}, {At: at(20), What: sim.Shut}}
	tests := []struct {
		name     string
		from, to int
		closed   bool
		open     bool
	}{
		{"before", 1, 9, true, false},
		{"while it opens", 9, 11, true, true},
		{"between", 11, 19, false, true},
		{"while it is shut", 19, 21, true, true},
		{"after", 21, 30, true, false},
		{"all the time", 1, 30, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := could(moves, at(tt.from), at(tt.to), hal.Closed); got != tt.closed {
				t.Errorf("closed: %v", got)
			}
			if got := could(moves, at(tt.from), at(tt.to), hal.Open); got != tt.open {
				t.Errorf("open: %v", got)
			}
		})
	}
	if could(moves, at(1), at(30), hal.Unknown) {
		t.Error("a door is never unknown")
	}
}
