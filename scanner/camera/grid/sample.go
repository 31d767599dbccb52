package grid

import (
	"math"

	"lockerd/scanner/camera/luma"
)

// Grid is the luminance of the modules of a code, row after row, and what became
// of it: 1 is black.
type Grid struct {
	W, H  int
	Light []float32
	Dark  []uint8
	sharp []float32
	sums  []float32
}

// Sample looks up w x h modules. t maps modules to pixels. It is false if more
// than a few lie outside the picture.
func (g *Grid) Sample(m *luma.Image, t *Transform, w, h int) bool {
	g.reset(w, h)
	outside := 0
	for y := range h {
		for x := range w {
			fx, fy := float64(x)+0.5, float64(y)+0.5
			var sum float32
			for _, d := range [...]Point{{0, 0}, {-spread, 0}, {spread, 0}, {0, -spread}, {0, spread}} {
				v, ok := Light(m, t.At(fx+d.X, fy+d.Y))
				if !ok {
					outside++
				}
				sum += v
			}
			g.Light[y*w+x] = sum / 5
		}
	}
	return outside < 5*w*h/50+1
}

// spread is how far from the middle of a module its four other samples lie.
const spread = 0.2

func (g *Grid) reset(w, h int) {
	g.W, g.H = w, h
	if n := w * h; cap(g.Light) < n {
		g.Light, g.sharp, g.Dark = make([]float32, n), make([]float32, n), make([]uint8, n)
		g.sums = make([]float32, (w+1)*(h+1))
	}
	g.Light, g.sharp, g.Dark = g.Light[:w*h], g.sharp[:w*h], g.Dark[:w*h]
}

// Light returns the luminance at a point, between pixels a mean of the four
// around. Outside it is that of the nearest pixel, and false.
func Light(m *luma.Image, p Point) (float32, bool) {
	x, y := float32(p.X)-0.5, float32(p.Y)-0.5
	if !(x >= 0 && y >= 0 && x < float32(m.W-1) && y < float32(m.H-1)) { // not so for NaN
		return atEdge(m, p)
	}
	ix, iy := int(x), int(y) // what is too large for an int is of no certain sign
	fx, fy := x-float32(ix), y-float32(iy)
	pix := m.Pix[iy*m.W+ix:]
	down := pix[m.W:]
	a := float32(pix[0]) + (float32(pix[1])-float32(pix[0]))*fx
	b := float32(down[0]) + (float32(down[1])-float32(down[0]))*fx
	return a + (b-a)*fy, true
}

// atEdge is Light at the edge of the picture and outside.
func atEdge(m *luma.Image, p Point) (float32, bool) {
	inside := p.X > -0.5 && p.Y > -0.5 && p.X < float64(m.W)+0.5 && p.Y < float64(m.H)+0.5
	if math.IsNaN(p.X) || math.IsNaN(p.Y) {
		return 0, false
	}
	x, y := min(max(p.X, 0), float64(m.W-1)), min(max(p.Y, 0), float64(m.H-1))
	return float32(m.Pix[int(y)*m.W+int(x)]), inside
}

// Threshold makes modules black or white by the light around them. sharpness
// adds that part of a module's difference to its neighbours first, which undoes
// blur that mixes modules.
func (g *Grid) Threshold(sharpness float32) {
	g.sharpen(sharpness)
	g.integrate()
	const r = 5 // modules on each side: the mask of a code keeps such a square mixed
	for y := range g.H {
		for x := range g.W {
			x0, x1 := max(x-r, 0), min(x+r+1, g.W)
			y0, y1 := max(y-r, 0), min(y+r+1, g.H)
			w := g.W + 1
			sum := g.sums[y1*w+x1] - g.sums[y0*w+x1] - g.sums[y1*w+x0] + g.sums[y0*w+x0]
			mean := sum / float32((x1-x0)*(y1-y0))
			g.Dark[y*g.W+x] = 0
			if g.sharp[y*g.W+x] < mean {
				g.Dark[y*g.W+x] = 1
			}
		}
	}
}

func (g *Grid) sharpen(k float32) {
	copy(g.sharp, g.Light)
	if k == 0 {
		return
	}
	at := func(x, y int) float32 { return g.Light[min(max(y, 0), g.H-1)*g.W+min(max(x, 0), g.W-1)] }
	for y := range g.H {
		for x := range g.W {
			v := at(x, y)
			g.sharp[y*g.W+x] = v + k*(4*v-at(x-1, y)-at(x+1, y)-at(x, y-1)-at(x, y+1))
		}
	}
}

func (g *Grid) integrate() {
	w := g.W + 1
	if cap(g.sums) < w*(g.H+1) {
		g.sums = make([]float32, w*(g.H+1))
	}
	g.sums = g.sums[:w*(g.H+1)]
	clear(g.sums[:w])
	for y := range g.H {
		var row float32
		g.sums[(y+1)*w] = 0
		for x := range g.W {
			row += g.sharp[y*g.W+x]
			g.sums[(y+1)*w+x+1] = g.sums[y*w+x+1] + row
		}
	}
}
