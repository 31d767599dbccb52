package grid

import "lockerd/scanner/camera/luma"

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
	best, ok := Between(from, to)
	if !ok {
		return best, 0, false
	}
	score := contrast(m, &best, marks)
	for step := unit; step > unit/10; step /= 2 {
		for range climbRounds {
			before := score
			for i := range 16 {
				moved := to
				moved[i/4] = moved[i/4].Add(compass[i%4], step)
				t, ok := Between(from, moved)
				if !ok {
					continue
				}
				if s := contrast(m, &t, marks); s > score+moveGain {
					score, best, to = s, t, moved
				}
			}
			if score-before < climbGain {
				break
			}
		}
	}
	return best, score, true
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
