package aztec

import (
	"cmp"
	"math"
	"slices"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

const (
	maxEyes = 5  // of one picture that are looked at
	maxSeen = 64 // and that are kept
	rings   = 7  // runs through the middle that must be there: those inside the outer ring
	angles  = 9  // in a quarter turn
	minRing = 1.2
)

// eye is what may be the middle of a code.
type eye struct {
	at     grid.Point
	module float64 // pixels along rows and columns
	rows   int     // in which it was seen

	to    grid.Quad // of its rings, as far as a first look tells
	unit  float64   // pixels of a module then
	score float32   // contrast of the rings then
}

// findEyes looks along every step-th row for dark and light that change evenly
// around a dark middle, and do so along the column too. Those whose rings are seen
// best come first.
func (r *Reader) findEyes(m *luma.Image, b *binarize.Bitmap, step int) []eye {
	r.eyes = r.eyes[:0]
	for y := step / 2; y < b.H; y += step {
		r.scanRow(b, y)
	}
	for i := range r.eyes {
		r.turn(m, &r.eyes[i])
	}
	slices.SortStableFunc(r.eyes, func(a, b eye) int { return cmp.Compare(b.score, a.score) })
	return r.eyes[:min(len(r.eyes), maxEyes)]
}

func (r *Reader) scanRow(b *binarize.Bitmap, y int) {
	row := b.Row(y)
	var runs [rings]int
	start := 0
	for x := 1; x <= len(row); x++ {
		if x < len(row) && row[x] == row[x-1] {
			continue
		}
		copy(runs[:], runs[1:])
		runs[rings-1] = x - start
		start = x
		if row[x-1] == 1 || runs[0] == 0 {
			continue // the middle is dark, so the seventh run is light
		}
		if _, ok := even(&runs); ok {
			r.check(b, x-runs[6]-runs[5]-runs[4]-(runs[3]+1)/2, y)
		}
	}
}

// even tells whether runs are about equally long, and how long. The outer two
// may run on.
func even(runs *[rings]int) (float64, bool) {
	inner := 0
	for _, v := range runs[1 : rings-1] {
		inner += v
	}
	m := float64(inner) / (rings - 2)
	if m < minRing {
		return 0, false
	}
	for i := 1; i < rings-2; i++ { // like edges are two modules apart
		if d := float64(runs[i]+runs[i+1]) - 2*m; math.Abs(d) > 0.6*m+0.5 {
			return 0, false
		}
	}
	for i, v := range runs {
		d := float64(v) - m
		if d < -0.6*m-0.5 || d > 0.8*m+0.5 && i > 0 && i < rings-1 {
			return 0, false
		}
	}
	return m, true
}

// check looks along the column, then the row again, and keeps the eye.
func (r *Reader) check(b *binarize.Bitmap, x, y int) {
	cy, mv, ok := through(b, x, y, 0, 1)
	if !ok {
		return
	}
	cx, mh, ok := through(b, x, int(cy), 1, 0)
	if !ok || mh > 1.8*mv || mv > 1.8*mh {
		return
	}
	e := eye{at: grid.Point{X: cx, Y: cy}, module: (mh + mv) / 2, rows: 1}
	for i := range r.eyes {
		old := &r.eyes[i]
		if grid.Dist(old.at, e.at) < old.module {
			old.rows++
			return
		}
	}
	if len(r.eyes) < maxSeen {
		r.eyes = append(r.eyes, e)
	}
}

// through measures the runs around a dark pixel along a row or a column.
func through(b *binarize.Bitmap, x, y, dx, dy int) (middle, module float64, ok bool) {
	var runs [rings]int
	const mid = rings / 2
	px, py := x, y
	for i := mid; i >= 0; i-- {
		px, py, runs[i] = walk(b, px, py, -dx, -dy, (i-mid)%2 == 0)
	}
	px, py, after := walk(b, x+dx, y+dy, dx, dy, true)
	runs[mid] += after
	for i := mid + 1; i < rings; i++ {
		px, py, runs[i] = walk(b, px, py, dx, dy, (i-mid)%2 == 0)
	}
	m, ok := even(&runs)
	return float64(x*dx+y*dy) + 1 + float64(after) - float64(runs[mid])/2, m, ok
}

// walk counts pixels of a colour inside the picture.
func walk(b *binarize.Bitmap, x, y, dx, dy int, dark bool) (int, int, int) {
	n := 0
	for uint(x) < uint(b.W) && uint(y) < uint(b.H) && b.Black(x, y) == dark {
		x, y, n = x+dx, y+dy, n+1
	}
	return x, y, n
}

// ringMarks returns the modules of a bull's-eye up to a ring, the middle of the
// middle one at 0, 0.
func ringMarks(out []grid.Mark, radius int) []grid.Mark {
	for y := -radius; y <= radius; y++ {
		for x := -radius; x <= radius; x++ {
			ring := max(x, -x, y, -y)
			out = append(out, grid.Mark{X: float64(x), Y: float64(y), Dark: ring%2 == 0})
		}
	}
	return out
}

// square is the quad of a square around 0, 0.
func square(half float64) grid.Quad {
	return grid.Quad{{X: -half, Y: -half}, {X: half, Y: -half}, {X: half, Y: half}, {X: -half, Y: half}}
}

// turn finds how an eye is turned and how well its rings are seen then.
func (r *Reader) turn(m *luma.Image, e *eye) {
	r.marks = ringMarks(r.marks[:0], 4)
	from := square(4)
	for a := range angles {
		angle := math.Pi / 2 * float64(a) / angles
		cos, sin := math.Cos(angle), math.Sin(angle)
		module := e.module * max(cos, sin) // rows cut a turned square longer
		to := from
		for i, p := range from {
			to[i] = grid.Point{X: e.at.X + module*(cos*p.X-sin*p.Y), Y: e.at.Y + module*(sin*p.X+cos*p.Y)}
		}
		t, ok := grid.Between(from, to)
		if !ok {
			continue
		}
		if s := grid.Contrast(m, &t, r.marks); s > e.score {
			e.to, e.score, e.unit = to, s, module
		}
	}
}

// fitEye fits the rings of an eye.
func (r *Reader) fitEye(m *luma.Image, e *eye) (grid.Transform, bool) {
	if e.score < minLighter {
		return grid.Transform{}, false
	}
	r.marks = ringMarks(r.marks[:0], 4)
	t, score, ok := grid.Climb(m, r.marks, square(4), e.to, e.unit)
	return t, ok && score > 2*minLighter
}
