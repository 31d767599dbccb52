package matrix

import (
	"math"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
)

const (
	minContour = 60    // steps around the smallest code worth looking at
	maxContour = 20000 // and around the largest
)

// tracer follows the edges of dark areas. Each is followed once.
type tracer struct {
	seen  []uint32 // by pixel: the picture in which its left side was followed
	round uint32
	path  []grid.Point
}

func (t *tracer) begin(b *binarize.Bitmap) {
	t.round++
	if len(t.seen) < len(b.Pix) || t.round == 0 {
		t.seen, t.round = make([]uint32, len(b.Pix)), 1
	}
}

// follow walks around the dark area whose left side is the left side of a dark
// pixel: clockwise, with dark on the right hand, from corner to corner of
// pixels. It returns nil for an area that was followed before, is too small, or
// does not end.
func (t *tracer) follow(b *binarize.Bitmap, x, y int) []grid.Point {
	if t.seen[y*b.W+x] == t.round {
		return nil
	}
	t.path = t.path[:0]
	vx, vy, dx, dy := x, y+1, 0, -1
	for range maxContour {
		t.path = append(t.path, grid.Point{X: float64(vx), Y: float64(vy)})
		if dy == -1 {
			t.seen[(vy-1)*b.W+vx] = t.round
		}
		vx, vy = vx+dx, vy+dy
		// the pixels ahead on the right and on the left of a corner: dark on the
		// right is kept there
		if !b.Black(vx+(dx-dy-1)/2, vy+(dy+dx-1)/2) {
			dx, dy = -dy, dx
		} else if b.Black(vx+(dx+dy-1)/2, vy+(dy-dx-1)/2) {
			dx, dy = dy, -dx
		}
		if vx == x && vy == y+1 && dx == 0 && dy == -1 {
			if len(t.path) < minContour {
				return nil
			}
			return t.path
		}
	}
	return nil
}

// polygon simplifies a closed path: Douglas and Peucker, with a tolerance in
// pixels. The result is valid until the next call.
func (s *simplifier) polygon(path []grid.Point, tolerance float64) []grid.Point {
	s.out = s.out[:0]
	far, most := 0, -1.0
	for i, p := range path {
		way := p.Sub(path[0])
		if d := way.X*way.X + way.Y*way.Y; d > most {
			far, most = i, d
		}
	}
	s.split(path[:far+1], tolerance)
	s.split(append(path[far:], path[0]), tolerance)
	return s.out
}

// simplifier keeps the memory of polygon.
type simplifier struct{ out []grid.Point }

// split appends the corners of an open path but its last.
func (s *simplifier) split(path []grid.Point, tolerance float64) {
	if len(path) < 2 {
		return
	}
	first, last := path[0], path[len(path)-1]
	way := last.Sub(first)
	at, most := 0, tolerance*max(way.Len(), 1e-9) // of areas
	for i, p := range path[1 : len(path)-1] {
		if d := math.Abs(way.Cross(p.Sub(first))); d > most {
			at, most = i+1, d
		}
	}
	if at == 0 {
		s.out = append(s.out, first)
		return
	}
	s.split(path[:at+1], tolerance)
	s.split(path[at:], tolerance)
}
