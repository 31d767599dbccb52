package read

import (
	"encoding/csv"
	"image"
	_ "image/jpeg" // the pictures are
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockerd/scanner/camera/luma"
)

// still is one of the project's own pictures, in ../testdata.
type still struct {
	name, text string // text is empty if there is no code in it
	luma       luma.Image
}

func stills(tb testing.TB) []*still {
	tb.Helper()
	const dir = "../testdata"
	f, err := os.Open(filepath.Join(dir, "manifest.csv"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	var out []*still
	for _, row := range rows[1:] {
		s := &still{name: row[0], text: row[2]}
		s.load(tb, filepath.Join(dir, row[0]))
		out = append(out, s)
	}
	return out
}

func (s *still) load(tb testing.TB, path string) {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	img, _, err := image.Decode(f)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.luma.FromImage(img); err != nil {
		tb.Fatal(err)
	}
}

// texts returns what a reader makes of a picture shown until each way was taken.
func texts(r *Reader, m *luma.Image) string {
	var all []string
	for range Turns {
		for _, res := range r.Frame(m) {
			if all == nil || all[len(all)-1] != res.Text {
				all = append(all, res.Text)
			}
		}
	}
	return strings.Join(all, "|")
}

func TestStills(t *testing.T) {
	for _, s := range stills(t) {
		if got := texts(New(), &s.luma); got != s.text {
			t.Errorf("%s: read %q, want %q", s.name, got, s.text)
		}
	}
}

// TestTurned reads the same pictures on their sides and heads.
func TestTurned(t *testing.T) {
	for _, s := range stills(t) {
		m := &s.luma
		for range 3 {
			turned := &luma.Image{}
			turned.Turn(m)
			m = turned
			if got := texts(New(), m); got != s.text {
				t.Errorf("%s turned: read %q, want %q", s.name, got, s.text)
			}
		}
	}
}

// TestNegatives reads QR and Data Matrix codes that are light on dark.
func TestNegatives(t *testing.T) {
	for _, s := range stills(t) {
		if !strings.HasPrefix(s.name, "qr") && !strings.HasPrefix(s.name, "dm") {
			continue
		}
		var negative luma.Image
		negative.Invert(&s.luma)
		if got := texts(New(), &negative); got != s.text {
			t.Errorf("%s inverted: read %q, want %q", s.name, got, s.text)
		}
	}
}

// TestReaderForgets holds that what one frame had does not confirm what another
// has long after.
func TestReaderForgets(t *testing.T) {
	var l lines
	seen := Result{Format: EAN13, Text: "5586697782818"}
	for i, c := range []struct {
		frames int // since the last
		line   lineID
		read   bool
	}{
		{1, lineID{0, 10}, false},
		{1, lineID{0, 10}, false}, // the same line of a scene that stands still
		{1, lineID{0, 12}, true},
		{1, lineID{1, 10}, true},
		{remember + 1, lineID{0, 12}, false},
	} {
		for range c.frames {
			l.begin()
		}
		l.out = l.out[:0]
		l.see(seen, c.line)
		if (len(l.out) > 0) != c.read {
			t.Errorf("step %d: read %v, want %v", i, l.out, c.read)
		}
	}
}

// TestAllocations bounds what a frame without a code takes: a camera at 30
// frames a second must not keep the collector busy.
func TestAllocations(t *testing.T) {
	for _, s := range stills(t) {
		if s.text != "" {
			continue
		}
		r := New()
		texts(r, &s.luma) // makes the scratch memory
		if n := testing.AllocsPerRun(2*Turns, func() { r.Frame(&s.luma) }); n > 150 {
			t.Errorf("%s: %.0f allocations a frame, at most 150 are allowed", s.name, n)
		}
	}
}

// FuzzFrame holds that no picture makes the reader panic.
func FuzzFrame(f *testing.F) {
	for _, s := range stills(f) {
		var small luma.Image
		small.Half(&s.luma)
		s.luma.Half(&small)
		f.Add(s.luma.Pix, uint16(s.luma.W))
	}
	r := New()
	f.Fuzz(func(t *testing.T, pix []byte, w uint16) {
		if w == 0 || int(w) > len(pix) || len(pix) > 1<<17 {
			return
		}
		m := &luma.Image{W: int(w), H: len(pix) / int(w)}
		m.Pix = pix[:m.W*m.H]
		for range Turns {
			for _, res := range r.Frame(m) {
				if res.Text == "" {
					t.Fatalf("an empty %s was read", res.Format)
				}
			}
		}
	})
}
