package grid

import (
	"math"

	"lockerd/scanner/camera/luma"
)

// Line looks up the luminance at points evenly spread along a way: the middles
// of as many parts as out has. It is Light for each of them, only quicker.
func Line(m *luma.Image, from, way Point, out []float32) {
	n := float64(len(out))
	if far(from) || far(way) {
		for i := range out {
			out[i], _ = Light(m, from.Add(way, (float64(i)+0.5)/n))
		}
		return
	}
	dx, dy := way.X/n, way.Y/n
	sx, sy := int32(dx*lineOne), int32(dy*lineOne)
	x, y := int32((from.X+dx/2-0.5)*lineOne), int32((from.Y+dy/2-0.5)*lineOne)
	w, pix := m.W, m.Pix
	right, bottom := uint32(max(m.W-1, 0)), uint32(max(m.H-1, 0))
	for i := range out {
		ix, iy := uint32(x>>lineBits), uint32(y>>lineBits) // left of and above the picture they are huge
		if ix >= right || iy >= bottom {
			out[i], _ = atEdge(m, from.Add(way, (float64(i)+0.5)/n))
		} else {
			fx, fy := x>>(lineBits-8)&0xFF, y>>(lineBits-8)&0xFF
			at := int(iy)*w + int(ix)
			up, down := pix[at:at+2:at+2], pix[at+w:at+w+2]
			a := int32(up[0])<<8 + (int32(up[1])-int32(up[0]))*fx
			b := int32(down[0])<<8 + (int32(down[1])-int32(down[0]))*fx
			out[i] = float32(a<<8+(b-a)*fy) * (1.0 / 65536)
		}
		x, y = x+sx, y+sy
	}
}

// far tells whether a point is too far for the numbers of Line.
func far(p Point) bool {
	return !(math.Abs(p.X) < lineFar && math.Abs(p.Y) < lineFar) // so for NaN
}

// Places along a line are fixed-point numbers, fine enough that the errors of
// 480 steps add up to a hundredth of a pixel.
const (
	lineBits = 16
	lineOne  = 1 << lineBits
	lineFar  = 1 << 13
)
