package matrix

import (
	"fmt"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/common/reedsolomon"
	"github.com/makiuchi-d/gozxing/datamatrix"
	"github.com/makiuchi-d/gozxing/datamatrix/encoder"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/gridtest"
	"lockerd/scanner/camera/luma"
)

func encode(t *testing.T, text string, shape encoder.SymbolShapeHint) gridtest.Code {
	t.Helper()
	m, err := datamatrix.NewDataMatrixWriter().Encode(text, gozxing.BarcodeFormat_DATA_MATRIX, 0, 0,
		map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_DATA_MATRIX_SHAPE: shape})
	if err != nil {
		t.Fatal(err)
	}
	return gridtest.Code{W: m.GetWidth(), H: m.GetHeight(), Dark: m.Get}
}

// read draws a code from all sides and reads it.
func read(t *testing.T, code gridtest.Code, want string) {
	t.Helper()
	r, m := New(), &luma.Image{}
	m.Reset(640, 480)
	var z binarize.Binarizer
	var b binarize.Bitmap
	for name, at := range gridtest.Views(float64(code.W) / float64(code.H)) {
		gridtest.Draw(m, code, at, 3, 1)
		z.Blocks(&b, m, binarize.Coarse)
		if got := r.Read(m, &b, 4); got != want {
			t.Errorf("%d x %d %s: read %q, want %q", code.W, code.H, name, got, want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, n := range []int{3, 10, 30, 60, 130} {
		text := fmt.Sprintf("%0*d", n, 12345)
		read(t, encode(t, text, encoder.SymbolShapeHint_FORCE_SQUARE), text)
	}
	read(t, encode(t, "LK9NUQ1PJRAUYUK5R2", encoder.SymbolShapeHint_FORCE_RECTANGLE), "LK9NUQ1PJRAUYUK5R2")
}

// TestPlacement holds that code words are found where another implementation has
// put them: a symbol without errors has none after correction.
func TestPlacement(t *testing.T) {
	for _, c := range []struct {
		text  string
		s     size
		shape encoder.SymbolShapeHint
	}{
		{"123456", size{10, 10, 10, 10, 5}, encoder.SymbolShapeHint_FORCE_SQUARE},
		{"12345678901234567890123456", size{18, 18, 18, 18, 14}, encoder.SymbolShapeHint_FORCE_SQUARE},
		{"ABCdefGHIjklMNOpqrSTUvwxYZ0123456789abcdABCdefGHIjklMNOpqrST", size{32, 32, 16, 16, 36}, encoder.SymbolShapeHint_FORCE_SQUARE},
		{"AB12CD", size{18, 8, 18, 8, 7}, encoder.SymbolShapeHint_FORCE_RECTANGLE},
		{"ABCdefGHIjklMN", size{26, 12, 26, 12, 14}, encoder.SymbolShapeHint_FORCE_RECTANGLE},
	} {
		code := encode(t, c.text, c.shape)
		if code.W != c.s.w || code.H != c.s.h {
			t.Errorf("%q is %d x %d", c.text, code.W, code.H)
			continue
		}
		dark := make([]uint8, code.W*code.H)
		for i := range dark {
			if code.Dark(i%code.W, i/code.W) {
				dark[i] = 1
			}
		}
		if got := decodeWide(dark, c.s); got != c.text {
			t.Errorf("%d x %d: read %q, want %q", code.W, code.H, got, c.text)
		}
	}
}

// wide makes a symbol of ISO 21471 by writing words where place reads them.
func wide(t *testing.T, s size, data string) gridtest.Code {
	t.Helper()
	n := len(place(make([]uint8, s.w*s.h), s))
	words := make([]int, n)
	for i := range n - s.check {
		words[i] = 129 // padding
		if i < len(data) {
			words[i] = int(data[i]) + 1
		}
	}
	for i := len(data) + 1; i < n-s.check; i++ {
		if words[i] += 149*(i+1)%253 + 1; words[i] > 254 {
			words[i] -= 254
		}
	}
	if err := reedsolomon.NewReedSolomonEncoder(reedsolomon.GenericGF_DATA_MATRIX_FIELD_256).Encode(words, s.check); err != nil {
		t.Fatal(err)
	}
	dark := make([]uint8, s.w*s.h)
	for i := range dark { // alone, a dark module tells which bit of which word it is
		alone := make([]uint8, s.w*s.h)
		alone[i] = 1
		for w, v := range place(alone, s) {
			if v&words[w] != 0 {
				dark[i] = 1
			}
		}
	}
	return gridtest.Code{W: s.w, H: s.h, Dark: func(x, y int) bool {
		inX, inY := x%s.regionW, y%s.regionH
		switch {
		case inX == 0 || inY == s.regionH-1:
			return true
		case inY == 0:
			return inX%2 == 0
		case inX == s.regionW-1:
			return inY%2 == 1
		}
		return dark[y*s.w+x] == 1
	}}
}

func TestReadWide(t *testing.T) {
	if testing.Short() {
		t.Skip("a third of a minute under the race detector")
	}
	for _, s := range oblongs[6:] {
		if s.w > 4*s.h || s.h == 22 {
			continue // in these pictures not read from all sides
		}
		read(t, wide(t, s, "LOCKER-1-07"), "LOCKER-1-07")
	}
}

// TestSizes holds that code words fill each size.
func TestSizes(t *testing.T) {
	for _, s := range oblongs[6:] {
		inner := (s.w - 2*s.w/s.regionW) * (s.h - 2*s.h/s.regionH)
		if n := len(place(make([]uint8, s.w*s.h), s)); n != inner/8 {
			t.Errorf("%d x %d: %d words in %d modules", s.w, s.h, n, inner)
		}
	}
}
