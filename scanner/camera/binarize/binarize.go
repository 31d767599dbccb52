// Package binarize turns luminance into black and white.
//
// A Bitmap has one byte a pixel, because readers look at single pixels far more
// often than a frame is binarized, and a border of white is implied. A Binarizer
// keeps its scratch memory: one for each goroutine.
package binarize

import "lockerd/scanner/camera/luma"

// Bitmap is a black and white picture: 1 is black.
type Bitmap struct {
	W, H int
	Pix  []uint8
}

// Row returns one row, a part of the bitmap.
func (b *Bitmap) Row(y int) []uint8 { return b.Pix[y*b.W : (y+1)*b.W] }

// Black tells whether a pixel is black. Outside all is white.
func (b *Bitmap) Black(x, y int) bool {
	return uint(x) < uint(b.W) && uint(y) < uint(b.H) && b.Pix[y*b.W+x] == 1
}

func (b *Bitmap) reset(w, h int) {
	b.W, b.H = w, h
	if cap(b.Pix) < w*h {
		b.Pix = make([]uint8, w*h)
	}
	b.Pix = b.Pix[:w*h]
}

// Binarizer makes bitmaps.
type Binarizer struct {
	points []int // black points of blocks
}

// Contrasts for Blocks.
const (
	Fine   = 24
	Coarse = 40
)

const (
	block = 8 // pixels of a block's side
	reach = 2 // blocks on each side whose black points are averaged
)

// Blocks binarizes by the mean black point of the 5 x 5 blocks of 8 x 8 pixels
// around each block. A block without contrast is taken as white unless its
// neighbours say that this grey is ink. contrast is the range of luminance that a
// block of ink and paper has at least: Fine for clean pictures, Coarse where noise
// alone has as much.
func (z *Binarizer) Blocks(out *Bitmap, m *luma.Image, contrast int) {
	out.reset(m.W, m.H)
	bw, bh := (m.W+block-1)/block, (m.H+block-1)/block
	if cap(z.points) < bw*bh {
		z.points = make([]int, bw*bh)
	}
	z.points = z.points[:bw*bh]
	for by := range bh {
		for bx := range bw {
			z.points[by*bw+bx] = z.blackPoint(m, bx, by, bw, contrast)
		}
	}
	for by := range bh {
		for bx := range bw {
			t := z.threshold(bx, by, bw, bh)
			for y := by * block; y < min((by+1)*block, m.H); y++ {
				compare(out.Row(y)[bx*block:min((bx+1)*block, m.W)], m.Row(y)[bx*block:], t)
			}
		}
	}
}

// compare writes 1 where the luminance is not above t.
func compare(out, in []uint8, t int) {
	in = in[:len(out)]
	for i, v := range in {
		out[i] = uint8(uint32(int32(v)-int32(t)-1) >> 31) // the sign
	}
}

// blackPoint returns the threshold of one block.
func (z *Binarizer) blackPoint(m *luma.Image, bx, by, bw, contrast int) int {
	// the last blocks overlap those before them instead of being smaller
	x0, y0 := max(min(bx*block, m.W-block), 0), max(min(by*block, m.H-block), 0)
	sum, low, high, n := 0, 255, 0, 0
	for y := y0; y < min(y0+block, m.H); y++ {
		for _, v := range m.Row(y)[x0:min(x0+block, m.W)] {
			l := int(v)
			sum += l
			low, high = min(low, l), max(high, l)
			n++
		}
	}
	if high-low > contrast {
		return sum / n
	}
	point := low / 2
	if bx > 0 && by > 0 {
		i := by*bw + bx
		around := (z.points[i-bw] + 2*z.points[i-1] + z.points[i-bw-1]) / 4
		if low < around {
			return around
		}
	}
	return point
}

func (z *Binarizer) threshold(bx, by, bw, bh int) int {
	cx, cy := clamp(bx, reach, bw-1-reach), clamp(by, reach, bh-1-reach)
	sum, n := 0, 0
	for y := max(cy-reach, 0); y <= min(cy+reach, bh-1); y++ {
		for _, p := range z.points[y*bw+max(cx-reach, 0) : y*bw+min(cx+reach, bw-1)+1] {
			sum += p
			n++
		}
	}
	return sum / n
}

func clamp(v, low, high int) int { return max(min(v, high), min(low, high)) }
