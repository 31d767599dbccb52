package qr

import (
	"slices"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
)

const (
	maxFinders = 10 // candidates of one picture that are looked at
	maxFound   = 64 // and that are kept
)

// finder is a pattern that may be one of the three of a code.
type finder struct {
	at     grid.Point
	module float64 // pixels, along rows and columns
	rows   int     // in which it was seen
}

// findFinders looks along every step-th row for dark and light in the ratio
// 1:1:3:1:1, which must be there along the column too.
func (r *Reader) findFinders(b *binarize.Bitmap, step int) []finder {
	r.finders = r.finders[:0]
	for y := step / 2; y < b.H; y += step {
		r.scanRow(b, y)
	}
	slices.SortStableFunc(r.finders, func(a, b finder) int { return b.rows - a.rows })
	return r.finders[:min(len(r.finders), maxFinders)]
}

// scanRow looks at the runs of one row, five at a time.
func (r *Reader) scanRow(b *binarize.Bitmap, y int) {
	row := b.Row(y)
	var runs [5]int
	x := 0
	for x < len(row) && row[x] == 0 {
		x++
	}
	dark := uint8(1)
	for start := x; x <= len(row); x++ {
		if x < len(row) && row[x] == dark {
			continue
		}
		copy(runs[:], runs[1:])
		runs[4] = x - start
		if dark == 1 && runs[0] > 0 {
			if _, ok := ratio(&runs); ok {
				r.check(b, float64(x-runs[4]-runs[3])-float64(runs[2])/2, y)
			}
		}
		start, dark = x, 1-dark
	}
}

// ratio tells whether five runs are 1:1:3:1:1, and how long a module is.
// Distances between like edges don't change with blur and ink spread, so they
// must fit better than the runs themselves.
func ratio(r *[5]int) (float64, bool) {
	total := r[0] + r[1] + r[2] + r[3] + r[4]
	if total < 7 {
		return 0, false
	}
	m := float64(total) / 7
	for _, c := range [...]struct{ got, want int }{{r[0] + r[1], 2}, {r[1] + r[2], 4}, {r[2] + r[3], 4}, {r[3] + r[4], 2}} {
		d := float64(c.got) - float64(c.want)*m
		if d > 0.8*m+0.5 || -d > 0.8*m+0.5 {
			return 0, false
		}
	}
	ok := float64(r[2]) > 1.6*m && float64(r[2]) < 4.6*m
	for _, v := range [...]int{r[0], r[1], r[3], r[4]} {
		ok = ok && float64(v) > 0.25*m && float64(v) < 2.1*m
	}
	return m, ok
}

// check looks at the column, and then again at the row, through what may be the
// middle of a finder, and keeps it.
func (r *Reader) check(b *binarize.Bitmap, x float64, y int) {
	cy, mv, ok := through(b, int(x), y, 0, 1)
	if !ok {
		return
	}
	cx, mh, ok := through(b, int(x), int(cy), 1, 0)
	if !ok || mh > 2*mv || mv > 2*mh {
		return
	}
	f := finder{at: grid.Point{X: cx, Y: cy}, module: (mh + mv) / 2, rows: 1}
	for i := range r.finders {
		old := &r.finders[i]
		if grid.Dist(old.at, f.at) < 2*old.module && f.module < 1.5*old.module && old.module < 1.5*f.module {
			n := float64(old.rows)
			old.at = grid.Point{X: (n*old.at.X + cx) / (n + 1), Y: (n*old.at.Y + cy) / (n + 1)}
			old.module = (n*old.module + f.module) / (n + 1)
			old.rows++
			return
		}
	}
	if len(r.finders) < maxFound {
		r.finders = append(r.finders, f)
	}
}

// through measures the five runs around a dark pixel along a row or a column:
// where their middle is, and a module's length.
func through(b *binarize.Bitmap, x, y, dx, dy int) (middle, module float64, ok bool) {
	var runs [5]int
	px, py := x, y
	for i := 2; i >= 0; i-- { // backwards, the starting pixel included
		px, py, runs[i] = walk(b, px, py, -dx, -dy, i%2 == 0)
	}
	px, py = x+dx, y+dy
	var n int
	px, py, n = walk(b, px, py, dx, dy, true)
	after := n
	runs[2] += n
	for i := 3; i < 5; i++ {
		px, py, runs[i] = walk(b, px, py, dx, dy, i%2 == 0)
	}
	if slices.Contains(runs[:], 0) {
		return 0, 0, false
	}
	m, ok := ratio(&runs)
	end := float64(x*dx+y*dy) + 1 + float64(after)
	return end - float64(runs[2])/2, m, ok
}

// walk counts pixels of a colour.
func walk(b *binarize.Bitmap, x, y, dx, dy int, dark bool) (int, int, int) {
	n := 0
	for uint(x) < uint(b.W) && uint(y) < uint(b.H) && b.Black(x, y) == dark {
		x, y, n = x+dx, y+dy, n+1
	}
	return x, y, n
}
