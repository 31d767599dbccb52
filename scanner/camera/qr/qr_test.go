package qr

import (
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/gridtest"
	"lockerd/scanner/camera/luma"
)

func encode(t *testing.T, text string) gridtest.Code {
	t.Helper()
	code, err := encoder.Encoder_encode(text, decoder.ErrorCorrectionLevel_M, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := code.GetMatrix()
	return gridtest.Code{W: m.GetWidth(), H: m.GetHeight(), Dark: func(x, y int) bool { return m.Get(x, y) == 1 }}
}

func picture() *luma.Image {
	m := &luma.Image{}
	m.Reset(640, 480)
	return m
}

func TestRead(t *testing.T) {
	r, m := New(), picture()
	var z binarize.Binarizer
	var b binarize.Bitmap
	for _, text := range []string{"12345678901234567890123456", "https://example.com/a?b=c", strings.Repeat("0123456789", 40)} {
		code := encode(t, text)
		for name, at := range gridtest.Views(1) {
			gridtest.Draw(m, code, at, 3, 1)
			z.Blocks(&b, m, binarize.Coarse)
			if got := r.Read(m, &b, 2); got != text {
				t.Errorf("%d modules %s: read %q, want %q", code.W, name, got, text)
			}
		}
	}
}

func TestNothingToRead(t *testing.T) {
	r, m := New(), picture()
	var z binarize.Binarizer
	var b binarize.Bitmap
	code := encode(t, "12345678901234567890123456")
	whole := code.Dark
	for name, dark := range map[string]func(x, y int) bool{
		"two finders":    func(x, y int) bool { return whole(x, y) && (x > 8 || y > 8) },
		"finders only":   func(x, y int) bool { return whole(x, y) && (x < 8 || x >= code.W-8) && (y < 8 || y >= code.H-8) },
		"half the codes": func(x, y int) bool { return whole(x, y) && (x < 9 || y < 9) },
	} {
		code.Dark = dark
		gridtest.Draw(m, code, gridtest.Views(1)["turned"], 3, 1)
		z.Blocks(&b, m, binarize.Coarse)
		if got := r.Read(m, &b, 2); got != "" {
			t.Errorf("%s: read %q", name, got)
		}
	}
}

// TestFinderMiddles holds that finders are found to half a pixel.
func TestFinderMiddles(t *testing.T) {
	r, m := New(), picture()
	var z binarize.Binarizer
	var b binarize.Bitmap
	code := encode(t, "12345678901234567890123456")
	at := gridtest.Views(1)["upright"]
	gridtest.Draw(m, code, at, 0, 1)
	z.Blocks(&b, m, binarize.Coarse)
	found := r.findFinders(&b, 1)
	if len(found) < 3 {
		t.Fatalf("found %d finders", len(found))
	}
	module := (at[1].X - at[0].X) / float64(code.W)
	for _, f := range found[:3] {
		x, y := (f.at.X-at[0].X)/module, (f.at.Y-at[0].Y)/module
		far := float64(code.W) - 3.5
		off := func(v float64) float64 { return min(max(v-3.5, 3.5-v), max(v-far, far-v)) * module }
		if off(x) > 0.5 || off(y) > 0.5 {
			t.Errorf("a finder lies at module %.2f, %.2f", x, y)
		}
	}
}
