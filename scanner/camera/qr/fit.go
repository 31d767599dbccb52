package qr

import (
	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

// marksOf returns the modules whose colour every code of a size has: of finders,
// their margins, the timing lines and the last alignment pattern. ISO 18004, 6.3.
func (r *Reader) marksOf(dim int) []grid.Mark {
	out := r.marks[:0]
	far := dim - 8
	for y := -1; y < 8; y++ {
		for x := -1; x < 8; x++ {
			dark := finderDark(x, y)
			out = append(out,
				grid.Module(x, y, dark), grid.Module(far+7-x, y, dark), grid.Module(x, far+7-y, dark))
		}
	}
	for i := 8; i < dim-8; i++ {
		out = append(out, grid.Module(i, 6, i%2 == 0), grid.Module(6, i, i%2 == 0))
	}
	if dim > minDim {
		mid := float64(dim) - 6.5
		for _, o := range alignment {
			m := grid.Mark{X: mid + o.X, Y: mid + o.Y, Dark: o.Dark}
			out = append(out, m, m, m) // it alone holds the fourth corner
		}
	}
	r.marks = out
	return out
}

// finderDark tells the colour of the corner finder with its margin.
func finderDark(x, y int) bool {
	if x < 0 || y < 0 || x == 7 || y == 7 {
		return false
	}
	ring := max(x-3, 3-x, y-3, 3-y)
	return ring != 2
}

// alignment is an alignment pattern around its middle.
var alignment = func() [25]grid.Mark {
	var out [25]grid.Mark
	for i := range out {
		x, y := i%5-2, i/5-2
		out[i] = grid.Mark{X: float64(x), Y: float64(y), Dark: max(x, -x, y, -y) != 1}
	}
	return out
}()

// anchors are the four points of a grid that a fit moves: the middles of the
// finders and of the alignment pattern, or where a fourth finder would be.
func anchors(dim int) grid.Quad {
	d := float64(dim)
	last := d - 6.5
	if dim == minDim {
		last = d - 3.5
	}
	return grid.Quad{{X: 3.5, Y: 3.5}, {X: d - 3.5, Y: 3.5}, {X: last, Y: last}, {X: 3.5, Y: d - 3.5}}
}

// guess is where a code of a size may lie.
type guess struct {
	dim   int
	to    grid.Quad // of its anchors
	unit  float64   // pixels of a module
	score float32
}

// guesses returns where codes may lie by three finders and a first look for the
// alignment pattern.
func (r *Reader) guesses(m *luma.Image, b *binarize.Bitmap, t *triple) []guess {
	var out []guess
	for _, dim := range t.dimensions() {
		n := float64(dim - 7)
		ux, uy := t.right.Sub(t.corner), t.below.Sub(t.corner)
		ux, uy = grid.Point{X: ux.X / n, Y: ux.Y / n}, grid.Point{X: uy.X / n, Y: uy.Y / n}
		if finderMatch(b, t, ux, uy) < minFinder {
			continue
		}
		from := anchors(dim)
		last := t.corner.Add(ux, from[2].X-3.5).Add(uy, from[2].Y-3.5)
		if dim > minDim {
			last = align(m, last, ux, uy, max(2, float64(dim)/10))
		}
		g := guess{dim: dim, to: grid.Quad{t.corner, t.right, last, t.below}, unit: (ux.Len() + uy.Len()) / 2}
		if tr, ok := grid.Between(from, g.to); ok {
			g.score = grid.Contrast(m, &tr, r.marksOf(dim))
			out = append(out, g)
		}
	}
	return out
}

// finderMatch returns which part of the finders' modules has its colour, without
// perspective.
func finderMatch(b *binarize.Bitmap, t *triple, ux, uy grid.Point) float64 {
	right := 0
	for y := range 7 {
		for x := range 7 {
			dark := finderDark(x, y)
			for _, mid := range [...]grid.Point{t.corner, t.right, t.below} {
				p := mid.Add(ux, float64(x-3)).Add(uy, float64(y-3))
				if b.Black(int(p.X), int(p.Y)) == dark {
					right++
				}
			}
		}
	}
	return float64(right) / (3 * 49)
}

// align looks for an alignment pattern within some modules of where it would be
// without perspective.
func align(m *luma.Image, at, ux, uy grid.Point, reach float64) grid.Point {
	best, most := at, float32(0)
	for dy := -reach; dy <= reach; dy += 0.5 {
		for dx := -reach; dx <= reach; dx += 0.5 {
			mid := at.Add(ux, dx).Add(uy, dy)
			var sums [2]float32
			for _, o := range alignment {
				p := mid.Add(ux, o.X).Add(uy, o.Y)
				v := nearest(m, p)
				if o.Dark {
					sums[1] += v
				} else {
					sums[0] += v
				}
			}
			if s := sums[0]/8 - sums[1]/17; s > most {
				best, most = mid, s
			}
		}
	}
	return best
}

func nearest(m *luma.Image, p grid.Point) float32 {
	x, y := int(p.X), int(p.Y)
	if uint(x) >= uint(m.W) || uint(y) >= uint(m.H) {
		return 128
	}
	return float32(m.Pix[y*m.W+x])
}
