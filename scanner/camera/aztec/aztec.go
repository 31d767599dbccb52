// Package aztec finds Aztec codes in pictures and reads them.
//
// Bull's-eyes are looked for in black and white and fitted in grey; the ring
// around them tells the size and how the code is turned; codes with a reference
// grid are fitted to that once more. Decoding is gozxing's. A Reader keeps its
// scratch memory: one for each goroutine.
package aztec

import (
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/aztec/decoder"
	"github.com/makiuchi-d/gozxing/aztec/detector"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

const (
	minLighter = 8  // contrast of rings
	gridEvery  = 16 // modules between lines of the reference grid
)

// Reader reads Aztec codes.
type Reader struct {
	eyes    []eye
	marks   []grid.Mark
	outer   []grid.Mark
	grid    grid.Grid
	decoder *decoder.Decoder
}

// New returns a reader.
func New() *Reader { return &Reader{decoder: decoder.NewDecoder()} }

// Read returns the text of one code in a picture, "" if there is none. b is the
// picture in black and white, of which every step-th row is looked at.
func (r *Reader) Read(m *luma.Image, b *binarize.Bitmap, step int) string {
	for _, e := range r.findEyes(m, b, step) {
		if t, ok := r.fitEye(m, &e); ok {
			if text := r.around(m, &t, e.module); text != "" {
				return text
			}
		}
	}
	return ""
}

// around reads the code around a fitted bull's-eye.
func (r *Reader) around(m *luma.Image, t *grid.Transform, module float64) string {
	light, dark := r.levels(m, t, 4)
	if wide, ok := r.widen(m, t, module, (light-dark)/2); ok {
		light, dark = r.levels(m, &wide, 6)
		if o, ok := readMode(m, &wide, 7, (light+dark)/2); ok {
			return r.read(m, &wide, &o, module)
		}
	}
	if o, ok := readMode(m, t, 5, (light+dark)/2); ok {
		return r.read(m, t, &o, module)
	}
	return ""
}

// levels returns the mean luminance of light and dark rings up to a radius.
func (r *Reader) levels(m *luma.Image, t *grid.Transform, radius int) (light, dark float32) {
	var sums, counts [2]float32
	r.marks = ringMarks(r.marks[:0], radius)
	for _, k := range r.marks {
		v, _ := grid.Light(m, t.At(k.X, k.Y))
		i := 0
		if k.Dark {
			i = 1
		}
		sums[i] += v
		counts[i]++
	}
	return sums[0] / counts[0], sums[1] / counts[1]
}

// widen fits the two more rings of a bull's-eye that is no compact one.
func (r *Reader) widen(m *luma.Image, t *grid.Transform, module float64, least float32) (grid.Transform, bool) {
	r.marks = ringMarks(r.marks[:0], 6)
	r.outer = r.outer[:0]
	for _, k := range r.marks {
		if max(k.X, -k.X, k.Y, -k.Y) > 4.5 {
			r.outer = append(r.outer, k)
		}
	}
	if grid.Contrast(m, t, r.outer) < least {
		return grid.Transform{}, false
	}
	from := square(6)
	to := from
	for i, p := range from {
		to[i] = t.At(p.X, p.Y)
	}
	wide, _, ok := grid.Climb(m, r.marks, from, to, module/2)
	return wide, ok && grid.Contrast(m, &wide, r.outer) >= least
}

// read reads the modules of a code as the bull's-eye sees them, or else fitted to
// the light around it and the reference grid.
func (r *Reader) read(m *luma.Image, t *grid.Transform, o *mode, module float64) string {
	half := float64(o.size()) / 2
	to := square(half)
	for i, p := range to {
		to[i] = t.At(p.X, p.Y)
	}
	if text := r.modules(m, to, o); text != "" {
		return text
	}
	if o.compact {
		r.marks = ringMarks(r.marks[:0], 4)
	} else {
		r.marks = gridMarks(ringMarks(r.marks[:0], 6), o.size()/2)
	}
	r.marks = outsideMarks(r.marks, o.size()/2+1)
	fitted, _, ok := grid.Climb(m, r.marks, square(half), to, module)
	if !ok {
		return ""
	}
	for i, p := range square(half) {
		to[i] = fitted.At(p.X, p.Y)
	}
	if text := r.modules(m, to, o); text != "" {
		return text
	}
	settled, ok := grid.Settle(m, o.size(), o.size(), to, module)
	if !ok {
		return ""
	}
	return r.sampled(m, &settled, o)
}

// outsideMarks appends the light around a code.
func outsideMarks(out []grid.Mark, radius int) []grid.Mark {
	d := float64(radius)
	for i := -d; i <= d; i++ {
		out = append(out, grid.Mark{X: i, Y: -d}, grid.Mark{X: i, Y: d}, grid.Mark{X: -d, Y: i}, grid.Mark{X: d, Y: i})
	}
	return out
}

// gridMarks appends the reference grid: ISO 24778, 7.2.3.
func gridMarks(out []grid.Mark, half int) []grid.Mark {
	for line := -half / gridEvery * gridEvery; line <= half; line += gridEvery {
		for i := -half; i <= half; i++ {
			if max(line, -line) > 7 || max(i, -i) > 7 {
				dark := (line+i)%2 == 0
				out = append(out, grid.Mark{X: float64(line), Y: float64(i), Dark: dark}, grid.Mark{X: float64(i), Y: float64(line), Dark: dark})
			}
		}
	}
	return out
}

// modules reads the modules inside a quad.
func (r *Reader) modules(m *luma.Image, to grid.Quad, o *mode) string {
	d := float64(o.size())
	from := grid.Quad{{}, {X: d}, {X: d, Y: d}, {Y: d}}
	t, ok := grid.Between(from, to)
	if !ok {
		return ""
	}
	return r.sampled(m, &t, o)
}

// sampled reads the modules of a grid, as they are and then sharpened.
func (r *Reader) sampled(m *luma.Image, t *grid.Transform, o *mode) string {
	if !r.grid.Sample(m, t, o.size(), o.size()) {
		return ""
	}
	for _, sharpness := range [...]float32{0, 0.25} {
		r.grid.Threshold(sharpness)
		if text := r.text(o); text != "" {
			return text
		}
	}
	return ""
}

// text decodes the modules of the grid, turned upright.
func (r *Reader) text(o *mode) string {
	n := o.size()
	upright, err := gozxing.NewSquareBitMatrix(n)
	if err != nil {
		return ""
	}
	for i, v := range r.grid.Dark {
		if v == 0 {
			continue
		}
		x, y := i%n, i/n
		if o.mirror {
			x, y = y, x
		}
		for range o.turns { // the side that is first comes to the top
			x, y = y, n-1-x
		}
		upright.Set(x, y)
	}
	res, err := r.decoder.Decode(detector.NewAztecDetectorResult(upright, nil, o.compact, o.words, o.layers))
	if err != nil {
		return ""
	}
	return res.GetText()
}
