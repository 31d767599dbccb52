package oned

const (
	code128Modules = 11
	code128Limit   = 1.1 // mismatch of one symbol
	code128Mean    = 0.5 // of all symbols
	startA         = 103
	startC         = 105
	stop128        = "2331112"
	maxCode128     = 120 // symbols; 80 are already longer than any label
)

// code128 reads a code that begins with the first element.
func (s *Scanner) code128(w []float32, quiet float32) (string, int) {
	unit := sum(w[:6]) / code128Modules
	if quiet < 5*unit || w[0] < 1.2*unit || w[0] > 2.9*unit || w[1] > 2*unit {
		return "", 0
	}
	start, bad := nearest128(w, unit, startA, startC)
	if bad > code128Limit {
		return "", 0
	}
	s.values = append(s.values[:0], start)
	total := bad
	for n := 6; n+7 <= len(w) && len(s.values) < maxCode128; n += 6 {
		u := sum(w[n:n+6]) / code128Modules
		if stop := sum(w[n:n+7]) / 13; isStop128(w[n:], stop) && stop > unit*0.7 && stop < unit*1.4 {
			if !quietAfter(w, n+7, 5*stop) || total > code128Mean*float32(len(s.values)) {
				return "", 0
			}
			text, ok := text128(s.values, s.chars[:0])
			if !ok {
				return "", 0
			}
			return text, n + 7
		}
		if u < unit*0.7 || u > unit*1.4 {
			return "", 0
		}
		v, bad := nearest128(w[n:], u, 0, startA-1)
		if bad > code128Limit {
			return "", 0
		}
		s.values, total = append(s.values, v), total+bad
		unit = u
	}
	return "", 0
}

func isStop128(w []float32, unit float32) bool { return mismatch(w, stop128, unit) < code128Limit }

// nearest128 returns the symbol that fits best, and how badly.
func nearest128(w []float32, unit float32, from, to int) (int, float32) {
	best, least := 0, float32(1e9)
	for v := from; v <= to; v++ {
		if bad := mismatch(w, patterns128[v], unit); bad < least {
			best, least = v, bad
		}
	}
	return best, least
}
