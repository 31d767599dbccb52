package binarize

import (
	"testing"

	"lockerd/scanner/camera/luma"
)

// board is a checkerboard of squares under light that falls off to the right.
func board(w, h, side int) *luma.Image {
	m := &luma.Image{}
	m.Reset(w, h)
	for y := range h {
		for x := range w {
			v := 220 - 120*x/max(w, 60)
			if black(x, y, side) {
				v -= 80
			}
			m.Pix[y*w+x] = uint8(v)
		}
	}
	return m
}

func black(x, y, side int) bool { return (x/side+y/side)%2 == 0 }

func TestBlocksUnderUnevenLight(t *testing.T) {
	var z Binarizer
	var b Bitmap
	for _, size := range [][2]int{{160, 120}, {67, 43}, {24, 24}} {
		z.Blocks(&b, board(size[0], size[1], 5), Fine)
		wrong := 0
		for y := range b.H {
			for x := range b.W {
				if b.Black(x, y) != black(x, y, 5) {
					wrong++
				}
			}
		}
		if wrong > b.W*b.H/50 {
			t.Errorf("%v: %d of %d pixels are wrong", size, wrong, b.W*b.H)
		}
	}
}

func TestFlatIsWhite(t *testing.T) {
	m := &luma.Image{}
	m.Reset(64, 48)
	for i := range m.Pix {
		m.Pix[i] = 30 + uint8(i%7)
	}
	var z Binarizer
	var b Bitmap
	z.Blocks(&b, m, Fine)
	for i, v := range b.Pix {
		if v != 0 {
			t.Fatalf("pixel %d of a dark wall is ink", i)
		}
	}
}

func TestOutsideIsWhite(t *testing.T) {
	b := Bitmap{W: 1, H: 1, Pix: []uint8{1}}
	if !b.Black(0, 0) || b.Black(-1, 0) || b.Black(0, 1) || b.Black(1, 0) {
		t.Error("one black pixel looks otherwise")
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add([]byte("some pixels"), uint8(3))
	f.Fuzz(func(t *testing.T, pix []byte, w uint8) {
		if w == 0 || len(pix) < int(w) {
			return
		}
		m := &luma.Image{W: int(w), H: len(pix) / int(w), Pix: pix}
		var z Binarizer
		var b Bitmap
		z.Blocks(&b, m, Fine)
		for _, v := range b.Pix {
			if v > 1 {
				t.Fatalf("a pixel is %d", v)
			}
		}
	})
}
