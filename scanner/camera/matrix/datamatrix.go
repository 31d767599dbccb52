// Package matrix finds Data Matrix codes in pictures and reads them.
//
// The outline of dark areas is searched for the corner of the two solid sides;
// from their ends the dotted sides are looked for, which tell the size; then the
// grid is fitted to all four in grey. Decoding is gozxing's. A Reader keeps its
// scratch memory: one for each goroutine.
package matrix

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/datamatrix/decoder"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

const (
	minMatch   = 0.8 // part of the marks that must have their colour
	minLighter = 8   // contrast of the marks
	maxSizes   = 3   // sizes tried for one corner
)

// Reader reads Data Matrix codes.
type Reader struct {
	tracer     tracer
	simplifier simplifier
	legs       []legs
	line       [maxSamples]float32
	marks      []grid.Mark
	grid       grid.Grid
	decoder    *decoder.Decoder
}

// New returns a reader.
func New() *Reader { return &Reader{decoder: decoder.NewDecoder()} }

// Read returns the text of one code in a picture, "" if there is none. b is the
// picture in black and white, of which every step-th row is looked at.
func (r *Reader) Read(m *luma.Image, b *binarize.Bitmap, step int) string {
	for _, l := range r.findLegs(b, step) {
		if text := r.try(m, &l); text != "" {
			return text
		}
	}
	return ""
}

// try reads the code that has a corner, if there is one.
func (r *Reader) try(m *luma.Image, l *legs) string {
	u, v := l.bottom.Sub(l.corner), l.left.Sub(l.corner)
	top, ok := r.findTiming(m, l.left, u, grid.Point{X: -v.X, Y: -v.Y})
	if !ok {
		return ""
	}
	right, ok := r.findTiming(m, l.bottom, v, grid.Point{X: -u.X, Y: -u.Y})
	if !ok {
		return ""
	}
	// the dotted sides meet in the fourth corner
	p, q := u.Add(v, -top.skew), v.Add(u, -right.skew)
	den := p.Cross(q)
	if math.Abs(den) < 1 {
		return ""
	}
	k := l.bottom.Sub(l.left).Cross(q) / den
	to := grid.Quad{l.left, l.left.Add(p, k), l.bottom, l.corner}
	for _, s := range nearSizes(top.modules, right.modules) {
		if text := r.read(m, to, s); text != "" {
			return text
		}
	}
	return ""
}

// read reads a grid of a size as it is, or else fitted to the sides.
func (r *Reader) read(m *luma.Image, to grid.Quad, s size) string {
	w, h := float64(s.w), float64(s.h)
	marks, from := r.marksOf(s), grid.Quad{{}, {X: w}, {X: w, Y: h}, {Y: h}}
	if t, ok := grid.Between(from, to); ok {
		if text := r.modules(m, &t, s); text != "" {
			return text
		}
	}
	t, score, ok := grid.Climb(m, marks, from, to, grid.Dist(to[3], to[2])/w)
	if !ok || score < minLighter {
		return ""
	}
	return r.modules(m, &t, s)
}

// modules reads the modules of a grid, as they are and then sharpened.
func (r *Reader) modules(m *luma.Image, t *grid.Transform, s size) string {
	if !r.grid.Sample(m, t, s.w, s.h) {
		return ""
	}
	for _, sharpness := range [...]float32{0, 0.25} {
		r.grid.Threshold(sharpness)
		if r.grid.Match(r.marks) < minMatch {
			return ""
		}
		// a GS in front says GS1, and is no part of the text
		if text := strings.TrimPrefix(r.decode(s), "\x1d"); text != "" {
			return text
		}
	}
	return ""
}

// decode reads the modules of the grid.
func (r *Reader) decode(s size) string {
	if s.check > 0 {
		return decodeWide(r.grid.Dark, s)
	}
	bits, err := gozxing.NewBitMatrix(s.w, s.h)
	if err != nil {
		return ""
	}
	for i, v := range r.grid.Dark {
		if v == 1 {
			bits.Set(i%s.w, i/s.w)
		}
	}
	res, err := r.decoder.Decode(bits)
	if err != nil {
		return ""
	}
	return res.GetText()
}

// marksOf returns the modules of the four sides, and the light around them.
func (r *Reader) marksOf(s size) []grid.Mark {
	out := r.marks[:0]
	for x := range s.w {
		out = append(out, grid.Module(x, s.h-1, true), grid.Module(x, 0, x%2 == 0),
			grid.Module(x, -1, false), grid.Module(x, s.h, false))
	}
	for y := range s.h {
		out = append(out, grid.Module(0, y, true), grid.Module(s.w-1, y, y%2 == 1),
			grid.Module(-1, y, false), grid.Module(s.w, y, false))
	}
	r.marks = out
	return out
}

// nearSizes returns the sizes nearest to what was measured, the best first.
func nearSizes(w, h float64) []size {
	off := func(s size) float64 {
		return math.Abs(math.Log(w/float64(s.w))) + math.Abs(math.Log(h/float64(s.h)))
	}
	all := sizes()
	slices.SortFunc(all, func(a, b size) int { return cmp.Compare(off(a), off(b)) })
	return all[:maxSizes]
}
