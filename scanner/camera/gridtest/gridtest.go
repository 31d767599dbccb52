// Package gridtest draws codes for tests as a camera would see them: in
// perspective, blurred and noisy.
package gridtest

import (
	"math/rand/v2"

	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

// Luminance of ink, paper and what lies around the paper.
const (
	Ink   = 50
	Paper = 190
	Desk  = 120
)

// Code is a code to draw, modules of w x h.
type Code struct {
	W, H int
	Dark func(x, y int) bool
}

// Quiet is how many modules of paper are drawn around a code.
const Quiet = 4

// Draw draws a code into a picture so that its corners lie at a quad, each pixel
// the mean of nine places, and then noise of that much is added.
func Draw(m *luma.Image, c Code, at grid.Quad, noise float64, seed uint64) {
	w, h := float64(c.W), float64(c.H)
	t, ok := grid.Between(at, grid.Quad{{}, {X: w}, {X: w, Y: h}, {Y: h}})
	if !ok {
		return
	}
	rnd := rand.New(rand.NewPCG(seed, 1))
	for y := range m.H {
		for x := range m.W {
			sum := 0.0
			for i := range 9 {
				p := t.At(float64(x)+float64(i%3)/3+1.0/6, float64(y)+float64(i/3)/3+1.0/6)
				sum += c.light(p)
			}
			v := sum/9 + rnd.NormFloat64()*noise
			m.Pix[y*m.W+x] = uint8(min(max(v, 0), 255))
		}
	}
}

func (c *Code) light(p grid.Point) float64 {
	switch {
	case p.X < -Quiet || p.Y < -Quiet || p.X > float64(c.W+Quiet) || p.Y > float64(c.H+Quiet):
		return Desk
	case p.X < 0 || p.Y < 0 || p.X >= float64(c.W) || p.Y >= float64(c.H) || !c.Dark(int(p.X), int(p.Y)):
		return Paper
	}
	return Ink
}

// Views returns places of a code in a picture of 640 x 480: upright, turned,
// upside down, tilted away. aspect is its width by its height.
func Views(aspect float64) map[string]grid.Quad {
	base := grid.Quad{{X: -1, Y: -1}, {X: 1, Y: -1}, {X: 1, Y: 1}, {X: -1, Y: 1}}
	place := func(cos, sin, tilt float64) grid.Quad {
		var q grid.Quad
		for i, p := range base {
			x, y := p.X*130, p.Y*130/aspect
			x, y = cos*x-sin*y, sin*x+cos*y
			k := 1 / (1 + tilt*y/130)
			q[i] = grid.Point{X: 320 + k*x, Y: 240 + k*y}
		}
		return q
	}
	return map[string]grid.Quad{
		"upright":     place(1, 0, 0),
		"upside down": place(-1, 0, 0),
		"on its side": place(0, 1, 0),
		"turned":      place(0.8, 0.6, 0),
		"diagonal":    place(0.7071, -0.7071, 0),
		"tilted":      place(0.97, 0.24, 0.07),
	}
}
