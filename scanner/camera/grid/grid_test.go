package grid

import (
	"math"
	"testing"

	"lockerd/scanner/camera/luma"
)

func TestBetween(t *testing.T) {
	from := Quad{{}, {X: 10}, {X: 10, Y: 10}, {Y: 10}}
	for _, to := range []Quad{
		from,
		{{X: 5, Y: 7}, {X: 105, Y: 7}, {X: 105, Y: 107}, {X: 5, Y: 107}},
		{{X: 50, Y: 10}, {X: 90, Y: 60}, {X: 40, Y: 100}, {X: 3, Y: 40}},
		{{X: 10, Y: 10}, {X: 90, Y: 20}, {X: 70, Y: 80}, {X: 20, Y: 60}},
	} {
		tr, ok := Between(from, to)
		if !ok {
			t.Fatalf("no perspective to %v", to)
		}
		for i, p := range from {
			if got := tr.At(p.X, p.Y); Dist(got, to[i]) > 1e-6 {
				t.Errorf("%v becomes %v, want %v", p, got, to[i])
			}
		}
	}
}

func TestNoPerspective(t *testing.T) {
	good := Quad{{}, {X: 10}, {X: 10, Y: 10}, {Y: 10}}
	nan, inf := math.NaN(), math.Inf(1)
	for _, bad := range []Quad{
		{},
		{{}, {X: 1}, {X: 2}, {Y: 5}},
		{{}, {X: 10}, {X: 10}, {Y: 10}},
		{{X: nan}, {X: 10}, {X: 10, Y: 10}, {Y: 10}},
		{{X: inf}, {X: 10}, {X: 10, Y: 10}, {Y: 10}},
	} {
		if _, ok := Between(good, bad); ok {
			t.Errorf("a perspective to %v", bad)
		}
		if _, ok := Between(bad, good); ok {
			t.Errorf("a perspective from %v", bad)
		}
	}
}

func TestLight(t *testing.T) {
	m := &luma.Image{W: 2, H: 2, Pix: []uint8{0, 100, 100, 200}}
	for _, c := range []struct {
		p      Point
		want   float32
		inside bool
	}{
		{Point{0.5, 0.5}, 0, true},
		{Point{1, 1}, 100, true},
		{Point{1, 0.5}, 50, true},
		{Point{1.5, 1.5}, 200, true},
		{Point{-9, -9}, 0, false},
		{Point{99, 99}, 200, false},
		{Point{math.NaN(), 1}, 0, false},
		{Point{math.Inf(1), math.Inf(-1)}, 100, false},
	} {
		if got, inside := Light(m, c.p); got != c.want || inside != c.inside {
			t.Errorf("%v: got %g %v, want %g %v", c.p, got, inside, c.want, c.inside)
		}
	}
}

// TestThresholdUnderUnevenLight holds that modules are judged by their
// surroundings.
func TestThresholdUnderUnevenLight(t *testing.T) {
	var g Grid
	g.reset(20, 20)
	dark := func(x, y int) bool { return (x*7+y*13+x*y)%3 == 0 }
	for i := range g.Light {
		x, y := i%20, i/20
		g.Light[i] = float32(100 + 2*x)
		if dark(x, y) {
			g.Light[i] -= 40
		}
	}
	g.Threshold(0)
	for i, v := range g.Dark {
		if (v == 1) != dark(i%20, i/20) {
			t.Fatalf("module %d, %d is judged %d", i%20, i/20, v)
		}
	}
}

func FuzzBetween(f *testing.F) {
	f.Add(0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0)
	m := &luma.Image{W: 3, H: 3, Pix: make([]uint8, 9)}
	f.Fuzz(func(t *testing.T, a, b, c, d, e, g, h, i float64) {
		from := Quad{{}, {X: 10}, {X: 10, Y: 10}, {Y: 10}}
		tr, ok := Between(from, Quad{{a, b}, {c, d}, {e, g}, {h, i}})
		if ok && !tr.sound() {
			t.Fatal("a perspective that is no numbers")
		}
		var gr Grid
		_ = gr.Sample(m, &tr, 10, 10)
		gr.Threshold(0.25)
		_, _, _ = Climb(m, []Mark{Module(1, 1, true)}, from, Quad{{a, b}, {c, d}, {e, g}, {h, i}}, 1)
	})
}
