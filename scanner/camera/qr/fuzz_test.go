package qr

import (
	"testing"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

// FuzzModules holds that no grid makes the decoder panic, whatever lies in it.
func FuzzModules(f *testing.F) {
	f.Add([]byte("some modules"), uint8(0))
	r := New()
	f.Fuzz(func(t *testing.T, seed []byte, v uint8) {
		if len(seed) == 0 {
			return
		}
		dim := minDim + 4*int(v%40)
		m := &luma.Image{}
		m.Reset(dim, dim)
		for i := range m.Pix {
			m.Pix[i] = seed[i%len(seed)] + uint8(i/len(seed))
		}
		marks := r.marksOf(dim)
		for _, k := range marks { // a code as far as anybody can see
			if k.X > 0 && k.Y > 0 && int(k.X) < dim && int(k.Y) < dim {
				m.Pix[int(k.Y)*dim+int(k.X)] = map[bool]uint8{true: 0, false: 255}[k.Dark]
			}
		}
		d := float64(dim)
		q := grid.Quad{{}, {X: d}, {X: d, Y: d}, {Y: d}}
		tr, ok := grid.Between(q, q)
		if !ok {
			t.Fatal("a square has no perspective")
		}
		_ = r.modules(m, &tr, dim)
		var z binarize.Binarizer
		var b binarize.Bitmap
		z.Blocks(&b, m, binarize.Fine)
		_ = r.Read(m, &b, 1)
	})
}
