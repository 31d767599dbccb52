package matrix

import (
	"testing"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/luma"
)

// FuzzDecode holds that no modules make the decoders panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("some modules"), uint8(0))
	r := New()
	all := sizes()
	f.Fuzz(func(_ *testing.T, seed []byte, v uint8) {
		if len(seed) == 0 {
			return
		}
		s := all[int(v)%len(all)]
		m := &luma.Image{}
		m.Reset(s.w, s.h)
		r.grid.W, r.grid.H, r.grid.Dark = s.w, s.h, make([]uint8, s.w*s.h)
		for i := range m.Pix {
			k := seed[i/8%len(seed)] + uint8(i/8/len(seed))
			r.grid.Dark[i] = k >> (i % 8) & 1
			m.Pix[i] = 255 * (1 - r.grid.Dark[i])
		}
		_ = r.decode(s)
		var z binarize.Binarizer
		var b binarize.Bitmap
		z.Blocks(&b, m, binarize.Fine)
		_ = r.Read(m, &b, 1)
	})
}
