package matrix

import (
	"cmp"
	"math"
	"slices"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
)

const (
	minChanges = 2  // between dark and light along a line through a code, on average
	minLeg     = 14 // pixels: ten modules are hardly resolved in fewer
	maxLegs    = 10 // corners of one picture that are looked at
	tolerance  = 1.3
	gapMax     = 3     // pixels that a solid side may lack
	bendMax    = 2.5   // pixels
	bend       = 0.012 // of a side, by a lens or a curved label, as part of its length
	edgeReach  = 1.1   // pixels from an edge to where its sides are looked at
	roundMax   = 6     // pixels
	round      = 0.12  // part of a leg that a rounded corner may take
)

// legs are the two solid sides of a code: where they meet, and their ends.
type legs struct {
	corner, bottom, left grid.Point
}

func (l *legs) size() float64 { return min(grid.Dist(l.corner, l.bottom), grid.Dist(l.corner, l.left)) }

// findLegs looks along every step-th row for dark areas whose outline has two
// long straight sides with about a right angle, as the solid sides of a code.
// The largest come first.
func (r *Reader) findLegs(b *binarize.Bitmap, step int) []legs {
	r.tracer.begin(b)
	r.legs = r.legs[:0]
	for y := step / 2; y < b.H; y += step {
		row := b.Row(y)
		before := uint8(0)
		for x, v := range row {
			if v == 1 && before == 0 {
				if path := r.tracer.follow(b, x, y); path != nil {
					r.corners(b, straighten(r.simplifier.polygon(path, tolerance)))
				}
			}
			before = v
		}
	}
	slices.SortFunc(r.legs, func(a, b legs) int { return cmp.Compare(b.size(), a.size()) })
	return r.legs[:min(len(r.legs), maxLegs)]
}

// corners keeps the corners of a polygon that may be that of a code. The outline
// runs clockwise: along the bottom to the corner, then up the left side.
func (r *Reader) corners(b *binarize.Bitmap, p []grid.Point) {
	n := len(p)
	if n < 4 {
		return
	}
	for i := range p {
		a, e := p[i], p[(i+1)%n]
		c, d := e, p[(i+2)%n]
		if gap := grid.Dist(c, d); gap < min(round*grid.Dist(a, e), roundMax) && n > 4 { // a corner that is cut off
			c, d = d, p[(i+3)%n]
		}
		u, v := e.Sub(a), d.Sub(c)
		lu, lv := u.Len(), v.Len()
		if lu < minLeg || lv < minLeg || max(lu, lv) > 20*min(lu, lv) || u.Cross(v) < 0.7*lu*lv {
			continue
		}
		k := c.Sub(a).Cross(v) / u.Cross(v) // where the sides would meet
		l := legs{corner: a.Add(u, k), bottom: a, left: d}
		l.bottom = extend(b, l.corner, l.bottom, v)
		l.left = extend(b, l.corner, l.left, grid.Point{X: -u.X, Y: -u.Y})
		if textured(b, &l) {
			r.legs = append(r.legs, l)
		}
	}
}

// textured tells whether dark and light change often between two sides, as they
// do in a code and not in letters and frames.
func textured(b *binarize.Bitmap, l *legs) bool {
	u, v := l.bottom.Sub(l.corner), l.left.Sub(l.corner)
	along, across := 0, 0
	for _, f := range [...]float64{0.25, 0.4, 0.6, 0.75} {
		along += changes(b, l.corner.Add(v, f), u)
		across += changes(b, l.corner.Add(u, f), v)
	}
	return along >= 4*minChanges && across >= 4*minChanges
}

// changes counts how often dark and light change along a way.
func changes(b *binarize.Bitmap, from, way grid.Point) int {
	n := max(way.Len(), 1)
	before, count := true, 0
	for l := 0.0; l < n; l++ {
		if now := black(b, from.Add(way, l/n)); now != before {
			before = now
			count++
		}
	}
	return count
}

// extend follows a solid side beyond the end of its straight outline, which may
// leave it early where data touch it, and turns with it.
func extend(b *binarize.Bitmap, corner, end, in grid.Point) grid.Point {
	in = unit(in)
	way := end.Sub(corner)
	n := way.Len()
	way = unit(way)
	last := n
	for l := n - 1; l < 12*n && l-last < gapMax; l++ {
		p := corner.Add(way, l)
		for _, off := range [...]float64{0, 0.5, -0.5, 1, -1, 1.5, -1.5} {
			q := p.Add(in, off)
			if black(b, q.Add(in, edgeReach)) && !black(b, q.Add(in, -edgeReach)) {
				way, last = unit(q.Sub(corner)), l+0.5
				break
			}
		}
	}
	return corner.Add(way, last)
}

func black(b *binarize.Bitmap, p grid.Point) bool {
	return b.Black(int(math.Floor(p.X)), int(math.Floor(p.Y)))
}

func unit(p grid.Point) grid.Point {
	n := max(p.Len(), 1e-9)
	return grid.Point{X: p.X / n, Y: p.Y / n}
}

// straighten takes out the corners of a polygon that are none: where it hardly
// turns.
func straighten(p []grid.Point) []grid.Point {
	for i := 0; len(p) > 4 && i < len(p); {
		n := len(p)
		a, b, c := p[(i+n-1)%n], p[i], p[(i+1)%n]
		way := c.Sub(a)
		l := max(way.Len(), 1e-9)
		off := math.Abs(way.Cross(b.Sub(a))) / l
		along := (way.X*(b.X-a.X) + way.Y*(b.Y-a.Y)) / l
		if along > 0 && along < l && off < min(max(tolerance, bend*l), bendMax) {
			p = append(p[:i], p[i+1:]...)
			continue
		}
		i++
	}
	return p
}
