package qr

import (
	"math"
	"slices"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
)

const (
	maxTriples = 6 // of one picture that are tried
	minDim     = 21
	maxDim     = 177
)

// triple is three finders that may belong to one code.
type triple struct {
	corner, right, below grid.Point // of the finders' middles
	dim                  float64    // modules of a side, as measured
	misfit               float64    // how far from a square
}

// triples returns the threes that are the corners of something like a square,
// the best first.
func (r *Reader) triples(b *binarize.Bitmap, f []finder) []triple {
	out := r.threes[:0]
	for i := range f {
		for j := range i {
			for k := range j {
				if t, ok := square(b, &f[i], &f[j], &f[k]); ok {
					out = append(out, t)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b triple) int {
		if a.misfit < b.misfit {
			return -1
		}
		return 1
	})
	r.threes = out
	return out[:min(len(out), maxTriples)]
}

// square orders three finders: the corner is opposite the longest side, and the
// other two follow clockwise.
func square(b *binarize.Bitmap, p, q, s *finder) (triple, bool) {
	low, high := min(p.module, q.module, s.module), max(p.module, q.module, s.module)
	if high > 1.7*low {
		return triple{}, false
	}
	a, c, d := p.at, q.at, s.at // a becomes the corner
	switch dac, dad, dcd := grid.Dist(a, c), grid.Dist(a, d), grid.Dist(c, d); {
	case dac >= dad && dac >= dcd:
		a, d = d, a
	case dad >= dac && dad >= dcd:
		a, c = c, a
	}
	if c.Sub(a).Cross(d.Sub(a)) < 0 {
		c, d = d, c
	}
	legs := [2]float64{grid.Dist(a, c), grid.Dist(a, d)}
	diagonal := grid.Dist(c, d)
	lopsided := math.Abs(math.Log(legs[0] / legs[1]))
	oblique := math.Abs(diagonal*diagonal/(legs[0]*legs[0]+legs[1]*legs[1]) - 1)
	if min(legs[0], legs[1]) < 9*low || lopsided > 0.5 || oblique > 0.45 {
		return triple{}, false
	}
	t := triple{corner: a, right: c, below: d}
	mean := (p.module + q.module + s.module) / 3
	t.dim = 7 + (legs[0]/across(b, a, c, mean)+legs[1]/across(b, a, d, mean))/2
	t.misfit = lopsided + oblique + math.Log(high/low)
	return t, t.dim > minDim-4 && t.dim < maxDim+6
}

// across measures a module along the way between two finders: each is seven
// modules through its middle. fallback is for when the bitmap does not show it.
func across(b *binarize.Bitmap, p, q grid.Point, fallback float64) float64 {
	way := q.Sub(p)
	n := way.Len()
	dir := grid.Point{X: way.X / n, Y: way.Y / n}
	back := grid.Point{X: -dir.X, Y: -dir.Y}
	total, count := 0.0, 0
	for _, at := range [...]grid.Point{p, q} {
		for _, d := range [...]grid.Point{dir, back} {
			if l := edge(b, at, d, 6*fallback); l > 0 {
				total += l / 3.5
				count++
			}
		}
	}
	slant := max(math.Abs(dir.X), math.Abs(dir.Y)) // rows and columns cut a turned finder longer
	if count == 0 || total/float64(count) > 1.6*fallback || total/float64(count) < 0.5*fallback*slant {
		return fallback * slant
	}
	return total / float64(count)
}

// edge returns how far it is from the middle of a finder to its outer edge, 0 if
// that can't be seen.
func edge(b *binarize.Bitmap, p, dir grid.Point, most float64) float64 {
	const step = 0.5
	dark, turns := true, 0
	for l := 0.0; l < most; l += step {
		at := p.Add(dir, l)
		if b.Black(int(math.Floor(at.X)), int(math.Floor(at.Y))) != dark {
			dark = !dark
			if turns++; turns == 3 {
				return l - step/2
			}
		}
	}
	return 0
}

// dimensions returns the sizes a code can have, the nearest to the measured
// first.
func (t *triple) dimensions() []int {
	near := minDim + 4*int(math.Round((t.dim-minDim)/4))
	other := near + 4
	if float64(near) > t.dim {
		other = near - 4
	}
	var out []int
	for _, d := range [...]int{near, other, 2*near - other} {
		if d >= minDim && d <= maxDim {
			out = append(out, d)
		}
	}
	return out
}
