package oned

import (
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	writers "github.com/makiuchi-d/gozxing/oned"
)

// draw makes a line of a code that another implementation has encoded. module is
// the width of a module in thirds of a pixel: what lies across a pixel is mixed.
func draw(t *testing.T, kind Kind, text string, module int, quiet int) []uint8 {
	t.Helper()
	w, format := writers.NewCode128Writer(), gozxing.BarcodeFormat_CODE_128
	switch kind {
	case Code39:
		w, format = writers.NewCode39Writer(), gozxing.BarcodeFormat_CODE_39
	case EAN13:
		w, format = writers.NewEAN13Writer(), gozxing.BarcodeFormat_EAN_13
	case Code128:
	}
	m, err := w.Encode(text, format, 0, 1, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_MARGIN: 0})
	if err != nil {
		t.Fatal(err)
	}
	var thirds []int
	add := func(v, n int) {
		for range n * module {
			thirds = append(thirds, v)
		}
	}
	add(200, quiet)
	for x := range m.GetWidth() {
		add(map[bool]int{true: 40, false: 200}[m.Get(x, 0)], 1)
	}
	add(200, quiet)
	line := make([]uint8, len(thirds)/3)
	for x := range line {
		line[x] = uint8((thirds[3*x] + thirds[3*x+1] + thirds[3*x+2]) / 3)
	}
	return line
}

func TestScan(t *testing.T) {
	for _, c := range []struct {
		kind Kind
		text string
	}{
		{Code128, "AST-E0T1UGSVKHEX-FXZ"},
		{Code128, "12345678901234567890123456"},
		{Code128, "AB12345678cd"},
		{Code128, "a~ !\"#"},
		{Code39, "SNSB0KFPXP"},
		{Code39, "A-1.2 $/+%"},
		{EAN13, "5586697782818"},
		{EAN13, "0012345678905"},
	} {
		for _, module := range []int{5, 6, 9, 15} {
			line := draw(t, c.kind, c.text, module, 12)
			mirrored := make([]uint8, len(line))
			for i, v := range line {
				mirrored[len(line)-1-i] = v
			}
			var s Scanner
			for _, l := range [][]uint8{line, mirrored} {
				hits := s.Scan(l)
				if len(hits) != 1 || hits[0].Kind != c.kind || hits[0].Text != c.text {
					t.Errorf("%q, %d/3 pixels a module: got %+v", c.text, module, hits)
				}
			}
		}
	}
}

func TestWhereAHitLies(t *testing.T) {
	var s Scanner
	line := append(draw(t, EAN13, "5586697782818", 9, 20), draw(t, Code39, "ABC123", 6, 20)...)
	hits := s.Scan(line)
	if len(hits) != 2 || hits[0].Text != "5586697782818" || hits[1].Text != "ABC123" {
		t.Fatalf("got %+v", hits)
	}
	if h := hits[0]; h.From < 58 || h.From > 62 || h.To < 343 || h.To > 347 {
		t.Errorf("EAN-13 of 95 modules of 3 pixels from 60 was found from %.1f to %.1f", h.From, h.To)
	}
}

// TestNoHit damages codes: one that is not whole gives nothing.
func TestNoHit(t *testing.T) {
	blot := func(line []uint8, from, to int, v uint8) []uint8 {
		for i := from; i < to; i++ {
			line[i] = v
		}
		return line
	}
	long := draw(t, Code128, "AST-E0T1UGSVKHEX-FXZ", 6, 12)
	for _, c := range []struct {
		name string
		line []uint8
	}{
		{"empty", nil},
		{"flat", blot(make([]uint8, 500), 0, 500, 90)},
		{"cut", draw(t, Code128, "AST-E0T1UGSVKHEX-FXZ", 6, 12)[:400]},
		{"a stroke through it", blot(draw(t, Code128, "AST-E0T1UGSVKHEX-FXZ", 6, 12), 200, 220, 40)},
		{"glare", blot(draw(t, EAN13, "5586697782818", 9, 12), 100, 130, 220)},
		{"no quiet zone", blot(long, 20, 23, 40)},
		{"one character", draw(t, Code39, "A", 6, 12)},
	} {
		var s Scanner
		if hits := s.Scan(c.line); len(hits) != 0 {
			t.Errorf("%s: got %+v", c.name, hits)
		}
	}
}

func TestText128(t *testing.T) {
	sum := func(values ...int) []int { return append(values, check128(values)) }
	for _, c := range []struct {
		name   string
		values []int
		want   string // "": no text
	}{
		{"set B", sum(104, 33, 34), "AB"},
		{"set A", sum(103, 33, 64), "A\x00"},
		{"set C", sum(105, 12, 0, 99-1), "120098"},
		{"shift", sum(104, 33, 98, 65, 65), "A\x01a"},
		{"sets change", sum(104, 33, 99, 12, 101, 34, 100, 65), "A12Ba"},
		{"GS1", sum(105, 102, 1, 102, 2), "01\x1d02"},
		{"Latin-1 once", sum(104, 100, 83, 83), "ós"},
		{"Latin-1 on and off", sum(104, 100, 100, 83, 83, 100, 83, 100, 100, 83), "óóss"},
		{"wrong check symbol", []int{104, 33, 34, 35}, ""},
		{"nothing", sum(104), ""},
		{"functions only", sum(104, 102, 96), ""},
	} {
		got, ok := text128(c.values, nil)
		if ok != (c.want != "") || got != c.want {
			t.Errorf("%s: got %q %v, want %q", c.name, got, ok, c.want)
		}
	}
}

func TestTablesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for v, p := range patterns128 {
		total := 0
		for _, c := range p {
			total += int(c - '0')
		}
		if total != code128Modules || seen[p] {
			t.Errorf("symbol %d is %q", v, p)
		}
		seen[p] = true
	}
	if len(patterns39) != len(alphabet39) || strings.Count(alphabet39, " ") != 1 {
		t.Error("Code 39 has other than 43 characters")
	}
	for d := range digitPatterns {
		a, b := digitPatterns[d], setPatterns[d]
		if a[0] != b[3] || a[1] != b[2] || a[2] != b[1] || a[3] != b[0] {
			t.Errorf("digit %d: set B is not set A from right to left", d)
		}
	}
}

// FuzzScan holds that no line makes the scanner panic, and that what it finds
// lies on the line.
func FuzzScan(f *testing.F) {
	f.Add([]byte("\x00\xff\x00\xff"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var s Scanner
		for _, h := range s.Scan(line) {
			if h.Text == "" || h.From < 0 || h.From >= h.To || h.To > float32(len(line)) {
				t.Fatalf("found %+v on a line of %d pixels", h, len(line))
			}
		}
	})
}
