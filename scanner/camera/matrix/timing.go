package matrix

import (
	"math"

	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

const (
	minSamples   = 40 // along a dotted side
	maxSamples   = 480
	maxUneven    = 0.33 // deviation of the runs of a timing line
	minRuns      = 7
	maxSkew      = 0.32 // of a side by perspective, as part of the other side
	skewSteps    = 20
	skewCost     = 0.06 // of unevenness: of lines that are as even the straightest is right
	minLineSwing = 14
)

// insets are where the middle of a dotted side may lie, as part of the other side:
// half a module, of 8 to 144.
var insets = [...]float64{1.0 / 16, 1.0 / 22, 1.0 / 30, 1.0 / 44, 1.0 / 64, 1.0 / 96, 1.0 / 150, 1.0 / 260}

// timing is a dotted side of a code.
type timing struct {
	modules float64 // as measured
	skew    float64 // the side runs along its solid counterpart plus skew times the other
	uneven  float64
}

// findTiming looks for the dotted side that begins at an end of a solid side and
// runs about along the other one. way is along, in is from the far side inwards.
func (r *Reader) findTiming(m *luma.Image, from, way, in grid.Point) (timing, bool) {
	best := timing{uneven: maxUneven}
	for _, inset := range insets {
		for k := -skewSteps; k <= skewSteps; k++ {
			skew := maxSkew * float64(k) / skewSteps
			t, ok := r.runs(m, from.Add(in, inset), way.Add(in, skew))
			t.uneven += skewCost * math.Abs(skew)
			if t.skew = skew; ok && t.uneven < best.uneven {
				best = t
			}
		}
	}
	return best, best.modules > 0
}

// runs measures how evenly dark and light alternate along a line that begins in
// a dark module.
func (r *Reader) runs(m *luma.Image, from, way grid.Point) (timing, bool) {
	samples := min(max(int(1.5*way.Len()), minSamples), len(r.line))
	line, low, high := r.line[:samples], float32(255), float32(0)
	grid.Line(m, from, way, line)
	var total float32
	for _, v := range line {
		low, high = min(low, v), max(high, v)
		total += v
	}
	if high-low < minLineSwing {
		return timing{}, false
	}
	middle := total / float32(samples)
	if line[1] > middle {
		return timing{}, false
	}
	n, first, last := 0, 0.0, 0.0
	var sum, squares float64
	for i := 1; i < samples; i++ {
		a, b := line[i-1]-middle, line[i]-middle
		if a > 0 == (b > 0) {
			continue
		}
		at := float64(i) - float64(b/(b-a)) + 0.5
		if n++; n == 1 {
			first = at
		} else {
			sum += at - last
			squares += (at - last) * (at - last)
		}
		last = at
	}
	runs := float64(n - 1)
	if n < minRuns {
		return timing{}, false
	}
	mean := sum / runs
	uneven := math.Sqrt(max(squares/runs-mean*mean, 0)) / mean
	// the first module is half hidden behind the corner; the last is light, and so
	// is what follows it
	if first > 2.2*mean || float64(samples)-last > 2.6*mean {
		return timing{}, false
	}
	return timing{modules: float64(samples) / mean, uneven: uneven}, uneven < maxUneven
}
