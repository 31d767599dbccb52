package report

import (
	"math/bits"
)

// The histogram is exact up to 255; above, each doubling has 128 bins, so that a
// percentile is at most one in 128 too high.
const (
	exact  = 256
	perOct = 128
)

// histogram counts non-negative times in milliseconds. It has at most
// 256 + 55 × 128 bins, and as many as its largest value needs.
type histogram struct {
	n    int
	max  int64
	bins []uint32
}

func (h *histogram) add(v int64) {
	v = max(v, 0)
	i := bin(v)
	for len(h.bins) <= i {
		h.bins = append(h.bins, 0)
	}
	h.bins[i]++
	h.n++
	h.max = max(h.max, v)
}

// at returns the nearest-rank percentile, p in hundredths.
func (h *histogram) at(p int) int64 {
	rank, seen := (h.n*p+99)/100, 0
	for i, n := range h.bins {
		if seen += int(n); n > 0 && seen >= rank {
			return min(top(i), h.max)
		}
	}
	return h.max
}

func (h *histogram) stat() Stat {
	if h.n == 0 {
		return Stat{}
	}
	return Stat{N: h.n, P50: h.at(50), P95: h.at(95), Max: h.max}
}

func bin(v int64) int {
	if v < exact {
		return int(v)
	}
	e := bits.Len64(uint64(v)) - 8
	return exact + (e-1)*perOct + int(v>>e) - perOct
}

// top is the largest value of a bin.
func top(i int) int64 {
	if i < exact {
		return int64(i)
	}
	e := (i-exact)/perOct + 1
	m := int64((i-exact)%perOct + perOct)
	return (m+1)<<e - 1
}
