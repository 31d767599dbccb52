package read

import (
	"testing"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/luma"
)

// stackedStill is the picture of a PDF417, a little turned.
func stackedStill(t *testing.T) *still {
	t.Helper()
	for _, s := range stills(t) {
		if s.name == "pdf-g1-01.jpg" {
			return s
		}
	}
	t.Fatal("no picture of a PDF417")
	return nil
}

// TestCoveredEnd reads a PDF417 without its start or its stop.
func TestCoveredEnd(t *testing.T) {
	const paper = 205
	for name, covered := range map[string]func(x, y int) bool{
		"no start": func(x, y int) bool { return x < 94-(y-177)/12 }, // where the data begin
		"no stop":  func(x, y int) bool { return x > 551-(y-209)/17 },
	} {
		s := stackedStill(t)
		m := &s.luma
		for i := range m.Pix {
			if covered(i%m.W, i/m.W) {
				m.Pix[i] = paper
			}
		}
		for turned := range 4 {
			if got := texts(New(), m); got != s.text {
				t.Errorf("%s, turned %d times: read %q, want %q", name, turned, got, s.text)
			}
			next := &luma.Image{}
			next.Turn(m)
			m = next
		}
	}
}

// TestBlurredStacked reads a PDF417 that is out of focus, which takes the
// sharpened picture.
func TestBlurredStacked(t *testing.T) {
	s := stackedStill(t)
	m := &s.luma
	for range blurs {
		m = blurred(m)
	}
	for _, contrast := range contrasts {
		var bits binarize.Bitmap
		new(binarize.Binarizer).Blocks(&bits, m, contrast)
		if got := newStacked().read(&bits); got != "" {
			t.Fatalf("the picture is too easy: %q is read as it is", got)
		}
	}
	if got := texts(New(), m); got != s.text {
		t.Errorf("read %q, want %q", got, s.text)
	}
}

const blurs = 3

// blurred returns a picture in which each pixel is the mean of nine.
func blurred(m *luma.Image) *luma.Image {
	out := &luma.Image{}
	out.Reset(m.W, m.H)
	copy(out.Pix, m.Pix)
	for y := 1; y < m.H-1; y++ {
		for x := 1; x < m.W-1; x++ {
			sum := 0
			for i := range 9 {
				sum += int(m.Pix[(y+i/3-1)*m.W+x+i%3-1])
			}
			out.Pix[y*m.W+x] = uint8(sum / 9)
		}
	}
	return out
}

// TestEndsApart holds that what looks like ends of PDF417s here and there, as in
// text, is not looked at any closer than it takes to see that.
func TestEndsApart(t *testing.T) {
	const bars = "11111111010101000"
	for name, c := range map[string]struct {
		aside   int // from one row to the next
		stacked bool
	}{"apart": {97, false}, "one below the other": {0, true}} {
		var m luma.Image
		m.Reset(640, 480)
		for i := range m.Pix {
			x, row := i%m.W, i/m.W/8 // each crossed by one line
			x = (x - 40 - row*c.aside%400) / 3
			m.Pix[i] = 190
			if x >= 0 && x < len(bars) && bars[x] == '1' || x >= len(bars) && x < 60 && x%2 == 1 {
				m.Pix[i] = 50
			}
		}
		r := New()
		r.Frame(&m)
		if got := r.lines.stacked >= minStacked; got != c.stacked {
			t.Errorf("%s: %d lines are taken for a PDF417", name, r.lines.stacked)
		}
	}
}
