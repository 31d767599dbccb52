package grid

import (
	"math"
	"math/rand/v2"
	"testing"

	"lockerd/scanner/camera/luma"
)

// TestLineIsLight compares the quick way with the plain one, on lines inside a
// picture, across its edge, outside, and too far for the quick one.
func TestLineIsLight(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 7))
	var m luma.Image
	m.Reset(97, 61)
	for i := range m.Pix {
		x, y := float64(i%m.W), float64(i/m.W)
		m.Pix[i] = uint8(128 + 90*math.Sin(x/3)*math.Cos(y/4)) // 30 a pixel at most
	}
	out := make([]float32, 480)
	for round := range 2000 {
		size := 150.0
		if round%100 == 0 {
			size = 40000
		}
		from := Point{X: size*rnd.Float64() - size/5, Y: size*rnd.Float64() - size/5}
		way := Point{X: size * (rnd.Float64() - 0.5), Y: size * (rnd.Float64() - 0.5)}
		line := out[:40+rnd.IntN(441)]
		Line(&m, from, way, line)
		for i, got := range line {
			p := from.Add(way, (float64(i)+0.5)/float64(len(line)))
			if atBorder(&m, p) { // where the nearest pixel is taken instead of a mean
				continue
			}
			if want, _ := Light(&m, p); math.Abs(float64(got-want)) > 1 {
				t.Fatalf("from %v along %v, %d of %d: %.2f, Light says %.2f", from, way, i, len(line), got, want)
			}
		}
	}
}

// atBorder tells whether a rounding error decides how a point is looked up.
func atBorder(m *luma.Image, p Point) bool {
	const e = 0.05
	near := func(v, w float64) bool { return math.Abs(v-w) < e }
	whole := func(v, n float64) bool { return (v < 1 || v > n-1) && near(v, math.Round(v)) }
	w, h := float64(m.W), float64(m.H)
	return near(p.X, 0.5) || near(p.Y, 0.5) || near(p.X, w-0.5) || near(p.Y, h-0.5) || whole(p.X, w) || whole(p.Y, h)
}

// TestLineOfNothing holds that no number makes a line leave the picture.
func TestLineOfNothing(t *testing.T) {
	out := make([]float32, 50)
	for _, size := range []int{0, 1, 2} {
		var m luma.Image
		m.Reset(max(size, 1), max(size, 1))
		for _, v := range []float64{0, -1, 0.5, lineFar, -lineFar, 1e300, math.Inf(1), math.NaN()} {
			Line(&m, Point{X: v, Y: 1}, Point{X: 1, Y: v}, out)
			Line(&m, Point{X: 1, Y: v}, Point{X: v, Y: -1}, out)
		}
	}
}
