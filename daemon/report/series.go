package report

import "lockerd/daemon/locker"

// A series has so many points at most; when time runs past them, each two become
// one of twice the width.
const (
	points     = 32
	firstWidth = locker.Time(3_600_000) // ms
)

// series is the course of a measure over time in bounded memory.
type series struct {
	from  locker.Time
	width locker.Time
	bins  [points]sum
}

type sum struct {
	n     int
	total int64
}

func (s *series) add(at locker.Time, v int64) {
	if s.width == 0 {
		s.from, s.width = at, firstWidth
	}
	i := max(at-s.from, 0) / s.width // a clock that was set back falls into the first
	for ; i >= points; i /= 2 {
		s.fold()
	}
	s.bins[i].n++
	s.bins[i].total += v
}

// fold makes room by joining neighbours.
func (s *series) fold() {
	for i := range points / 2 {
		a, b := s.bins[2*i], s.bins[2*i+1]
		s.bins[i] = sum{a.n + b.n, a.total + b.total}
	}
	clear(s.bins[points/2:])
	s.width *= 2
}

func (s *series) points() []Point {
	var out []Point
	for i, b := range s.bins {
		if b.n > 0 {
			out = append(out, Point{At: s.from + locker.Time(i)*s.width + s.width/2, N: b.n, Mean: b.total / int64(b.n)})
		}
	}
	return out
}

// Below so many openings in a third, a trend would be chance.
const trendLeast = 8

// trend compares the first third of what was measured with the last.
func (s *series) trend() *Trend {
	var all sum
	for _, b := range s.bins {
		all.n += b.n
	}
	third := all.n / 3
	if third < trendLeast {
		return nil
	}
	was, is := s.gather(third, 0, 1), s.gather(third, points-1, -1)
	t := &Trend{WasMS: was, IsMS: is}
	if was > 0 {
		t.Pct = int((is - was) * 100 / was)
	}
	return t
}

// gather returns the mean of at least so many, from one end on.
func (s *series) gather(least, i, step int) int64 {
	var g sum
	for ; g.n < least; i += step {
		g.n += s.bins[i].n
		g.total += s.bins[i].total
	}
	return g.total / int64(g.n)
}
