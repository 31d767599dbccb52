package grid

import (
	"math"

	"lockerd/scanner/camera/luma"
)

// Mark is the middle of a module whose colour every code of its kind has.
type Mark struct {
	X, Y float64
	Dark bool
}

// Module returns the mark of the module in a column and row.
func Module(x, y int, dark bool) Mark {
	return Mark{X: float64(x) + 0.5, Y: float64(y) + 0.5, Dark: dark}
}

// Climb looks for the perspective that shows marks best. It begins with the one
// that maps the quad from (modules) to the quad to (pixels) and moves the four
// points by ever smaller steps, the first a module of unit pixels, for as long as
// the light marks get lighter and the dark ones darker. It returns how much
// lighter the light ones are then.
func Climb(m *luma.Image, marks []Mark, from, to Quad, unit float64) (Transform, float32, bool) {
	t, score, ok := climb(from, to, unit, func(t Transform) float32 { return contrast(m, &t, marks) })
	return t, score, ok
}

// Settle moves the corners of a grid of w x h modules from where they are thought
// to be until the luminance of its modules differs most, as it does when none
// lies between two. It needs no marks, but a good start.
func Settle(m *luma.Image, w, h int, to Quad, unit float64) (Transform, bool) {
	fw, fh := float64(w), float64(h)
	from := Quad{{}, {X: fw}, {X: fw, Y: fh}, {Y: fh}}
	t, _, ok := climb(from, to, unit, func(t Transform) float32 { return deviation(m, &t, w, h) })
	return t, ok
}

// deviation returns the standard deviation of the luminance of modules.
func deviation(m *luma.Image, t *Transform, w, h int) float32 {
	var sum, squares float64
	for y := range h {
		for x := range w {
			v, _ := Light(m, t.At(float64(x)+0.5, float64(y)+0.5))
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
	}
	n := float64(w * h)
	return float32(math.Sqrt(max(squares/n-sum*sum/n/n, 0)))
}

// climb moves the points of to by ever smaller steps for as long as score grows.
func climb(from, to Quad, unit float64, score func(Transform) float32) (Transform, float32, bool) {
	best, ok := Between(from, to)
	if !ok {
		return best, 0, false
	}
	high := score(best)
	for step := unit; step > unit/10; step /= 2 {
		for range climbRounds {
			before := high
			for i := range 16 {
				moved := to
				moved[i/4] = moved[i/4].Add(compass[i%4], step)
				t, ok := Between(from, moved)
				if !ok {
					continue
				}
				if s := score(t); s > high+moveGain {
					high, best, to = s, t, moved
				}
			}
			if high-before < climbGain {
				break
			}
		}
	}
	return best, high, true
}

const (
	climbRounds = 3   // with steps of one length
	moveGain    = 0.1 // that a move must bring: less is noise, and would carry free corners away
	climbGain   = 1   // of luminance in a round, or the next steps are shorter
)

// compass are the ways a point is moved.
var compass = [4]Point{{X: 1}, {X: -1}, {Y: 1}, {Y: -1}}

// contrast returns how much lighter the light marks are than the dark ones.
func contrast(m *luma.Image, t *Transform, marks []Mark) float32 {
	var sums, counts [2]float32
	for i := range marks {
		v, _ := Light(m, t.At(marks[i].X, marks[i].Y))
		k := 0
		if marks[i].Dark {
			k = 1
		}
		sums[k] += v
		counts[k]++
	}
	return sums[0]/max(counts[0], 1) - sums[1]/max(counts[1], 1)
}

// Match returns which part of the marks has its colour. Marks outside the grid
// don't count.
func (g *Grid) Match(marks []Mark) float64 {
	right, all := 0, 0
	for _, m := range marks {
		x, y := int(m.X), int(m.Y)
		if m.X < 0 || m.Y < 0 || x >= g.W || y >= g.H {
			continue
		}
		all++
		if (g.Dark[y*g.W+x] == 1) == m.Dark {
			right++
		}
	}
	return float64(right) / float64(max(all, 1))
}

// Contrast returns how much lighter the light marks are than the dark ones where
// a perspective puts them.
func Contrast(m *luma.Image, t *Transform, marks []Mark) float32 { return contrast(m, t, marks) }
