package report

import (
	"time"

	"lockerd/daemon/locker"
)

// busy counts openings by hour of the week, and finds the busiest hour of all.
type busy struct {
	zone *time.Location
	Busy
	hour locker.Time // the hour of the clock under way, and
	n    int         // how many openings it has
}

func (b *busy) add(at locker.Time) {
	t := at.Time().In(b.zone)
	b.Openings++
	b.Week[(int(t.Weekday())+6)%7][t.Hour()]++
	// The hour begins where the zone's clock says so: zones differ by halves and quarters.
	hour := at - locker.Time((time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())).Milliseconds())
	if hour != b.hour {
		b.hour, b.n = hour, 0
	}
	if b.n++; b.n > b.Peak {
		b.Peak, b.PeakAt = b.n, hour
	}
}
