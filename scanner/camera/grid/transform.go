// Package grid looks at a picture through the grid of a code: a perspective maps
// modules to pixels, and the luminance found there becomes black and white.
package grid

import "math"

// Point is a place in a picture or in a grid. The middle of a pixel is at .5.
type Point struct{ X, Y float64 }

// Add returns p moved by k times d.
func (p Point) Add(d Point, k float64) Point { return Point{p.X + k*d.X, p.Y + k*d.Y} }

// Sub returns the way from q to p.
func (p Point) Sub(q Point) Point { return Point{p.X - q.X, p.Y - q.Y} }

// Cross returns the cross product: twice the area between two ways, signed.
func (p Point) Cross(q Point) float64 { return p.X*q.Y - p.Y*q.X }

// Len returns the length of a way.
func (p Point) Len() float64 { return math.Hypot(p.X, p.Y) }

// Dist returns the distance of two points.
func Dist(p, q Point) float64 { return p.Sub(q).Len() }

// Quad is four points in order around.
type Quad [4]Point

// Transform is a perspective: homogeneous coordinates times a 3 x 3 matrix, row
// by row.
type Transform [9]float64

// At maps one point.
func (t *Transform) At(x, y float64) Point {
	w := t[6]*x + t[7]*y + t[8]
	return Point{(t[0]*x + t[1]*y + t[2]) / w, (t[3]*x + t[4]*y + t[5]) / w}
}

// Between returns the perspective that maps one quad to another; false if there
// is none, because three points of one lie on a line or are no numbers.
func Between(from, to Quad) (Transform, bool) {
	a, ok := unitTo(from)
	if !ok {
		return Transform{}, false
	}
	b, ok := unitTo(to)
	if !ok {
		return Transform{}, false
	}
	t := b.times(a.adjoint())
	return t, t.sound()
}

// unitTo maps the unit square to a quad: Heckbert, Fundamentals of Texture
// Mapping, 2.2.
func unitTo(q Quad) (Transform, bool) {
	for i := range q { // also false for what is no number
		if turn := q[(i+1)%4].Sub(q[i]).Cross(q[(i+2)%4].Sub(q[i])); !(math.Abs(turn) > 1e-6) { // not so for NaN
			return Transform{}, false
		}
	}
	d1, d2 := q[1].Sub(q[2]), q[3].Sub(q[2])
	s := Point{q[0].X - q[1].X + q[2].X - q[3].X, q[0].Y - q[1].Y + q[2].Y - q[3].Y}
	den := d1.Cross(d2)
	g, h := s.Cross(d2)/den, d1.Cross(s)/den
	return Transform{
		q[1].X - q[0].X + g*q[1].X, q[3].X - q[0].X + h*q[3].X, q[0].X,
		q[1].Y - q[0].Y + g*q[1].Y, q[3].Y - q[0].Y + h*q[3].Y, q[0].Y,
		g, h, 1,
	}, true
}

// adjoint is the inverse up to a factor, which a perspective does not see.
func (t *Transform) adjoint() Transform {
	return Transform{
		t[4]*t[8] - t[5]*t[7], t[2]*t[7] - t[1]*t[8], t[1]*t[5] - t[2]*t[4],
		t[5]*t[6] - t[3]*t[8], t[0]*t[8] - t[2]*t[6], t[2]*t[3] - t[0]*t[5],
		t[3]*t[7] - t[4]*t[6], t[1]*t[6] - t[0]*t[7], t[0]*t[4] - t[1]*t[3],
	}
}

func (t *Transform) times(o Transform) Transform {
	var out Transform
	for r := range 3 {
		for c := range 3 {
			out[3*r+c] = t[3*r]*o[c] + t[3*r+1]*o[3+c] + t[3*r+2]*o[6+c]
		}
	}
	return out
}

// sound tells whether all members are numbers.
func (t *Transform) sound() bool {
	for _, v := range t {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
