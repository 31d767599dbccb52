// Package qr finds QR codes in pictures and reads them.
//
// Finders are looked for in black and white; then the grid is fitted to the
// marks that every code has, in grey, where blur and noise cost least, and its
// modules are judged by the light around them. Decoding is gozxing's. A Reader
// keeps its scratch memory: one for each goroutine.
package qr

import (
	"cmp"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

const (
	maxFits    = 6    // grids of one picture that are decoded
	minFinder  = 0.75 // part of the finders that must have their colour at first sight
	minMatch   = 0.8  // part of the marks that must have their colour
	minLighter = 12   // contrast of the marks
)

// Reader reads QR codes.
type Reader struct {
	finders []finder
	threes  []triple
	marks   []grid.Mark
	fits    []guess
	grid    grid.Grid
	decoder *decoder.Decoder
}

// New returns a reader.
func New() *Reader { return &Reader{decoder: decoder.NewDecoder()} }

// Read returns the text of one code in a picture, "" if there is none. b is the
// picture in black and white, of which every step-th row is looked at.
func (r *Reader) Read(m *luma.Image, b *binarize.Bitmap, step int) string {
	found := r.findFinders(b, step)
	if len(found) < 3 {
		return ""
	}
	r.fits = r.fits[:0]
	for _, t := range r.triples(b, found) {
		r.fits = append(r.fits, r.guesses(m, b, &t)...)
	}
	slices.SortFunc(r.fits, func(a, b guess) int { return cmp.Compare(b.score, a.score) })
	for _, g := range r.fits[:min(len(r.fits), maxFits)] {
		if text := r.decode(m, &g); text != "" {
			return text
		}
	}
	return ""
}

// decode reads the grid of a guess as it is, which does for most codes, or else
// fitted to the marks.
func (r *Reader) decode(m *luma.Image, g *guess) string {
	marks, from := r.marksOf(g.dim), anchors(g.dim)
	if t, ok := grid.Between(from, g.to); ok {
		if text := r.modules(m, &t, g.dim); text != "" {
			return text
		}
	}
	t, score, ok := grid.Climb(m, marks, from, g.to, g.unit)
	if !ok || score < minLighter {
		return ""
	}
	return r.modules(m, &t, g.dim)
}

// modules reads the modules of a grid, as they are and then sharpened.
func (r *Reader) modules(m *luma.Image, t *grid.Transform, dim int) string {
	if !r.grid.Sample(m, t, dim, dim) {
		return ""
	}
	for _, sharpness := range [...]float32{0, 0.25} {
		r.grid.Threshold(sharpness)
		if r.grid.Match(r.marks) < minMatch {
			return ""
		}
		if text := r.text(dim); text != "" {
			return text
		}
	}
	return ""
}

// text decodes the modules of the grid.
func (r *Reader) text(dim int) string {
	bits, err := gozxing.NewSquareBitMatrix(dim)
	if err != nil {
		return ""
	}
	for i, v := range r.grid.Dark {
		if v == 1 {
			bits.Set(i%dim, i/dim)
		}
	}
	res, err := r.decoder.Decode(bits, nil)
	if err != nil {
		return ""
	}
	return res.GetText()
}
