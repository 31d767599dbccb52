package aztec

import (
	"testing"

	"github.com/makiuchi-d/gozxing/common/reedsolomon"

	"lockerd/scanner/camera/binarize"
	"lockerd/scanner/camera/luma"
)

func TestSize(t *testing.T) {
	for _, c := range []struct {
		compact      bool
		layers, size int
	}{
		{true, 1, 15}, {true, 4, 27}, {false, 1, 19}, {false, 4, 31}, {false, 5, 37}, {false, 12, 67}, {false, 32, 151}, // ISO 24778, table 1
	} {
		if o := (mode{compact: c.compact, layers: c.layers}); o.size() != c.size {
			t.Errorf("%+v has %d modules a side, want %d", c, o.size(), c.size)
		}
	}
}

// ringOf makes the ring around a bull's-eye: corner marks and the bits of words.
func ringOf(side int, words []int) []bool {
	ring := make([]bool, 4*side)
	for i := range 12 {
		if corners>>(11-i)&1 == 1 {
			ring[(i/3*side+i%3-1+len(ring))%len(ring)] = true
		}
	}
	n := 0
	for i := range ring {
		if k := i % side; k < 2 || k == side-1 || side == 14 && k == 7 {
			continue
		}
		ring[i] = words[n/4]>>(3-n%4)&1 == 1
		n++
	}
	return ring
}

// ringWords appends check words to words of data.
func ringWords(t *testing.T, data []int, check int) []int {
	t.Helper()
	words := append(append([]int(nil), data...), make([]int, check)...)
	if err := reedsolomon.NewReedSolomonEncoder(reedsolomon.GenericGF_AZTEC_PARAM).Encode(words, check); err != nil {
		t.Fatal(err)
	}
	return words
}

// TestParse reads the mode of a code of one layer with six data words.
func TestParse(t *testing.T) {
	words := ringWords(t, []int{0, 5}, 5)
	for turns := range 4 {
		ring := ringOf(10, words)
		turned := append(append([]bool(nil), ring[len(ring)-turns*10:]...), ring[:len(ring)-turns*10]...)
		if cornersOf(turned, turns) != corners {
			t.Fatalf("the corner marks of a ring turned by %d quarters are %012b", turns, cornersOf(turned, turns))
		}
		turned[turns*10+5] = !turned[turns*10+5] // one wrong module is corrected
		o := mode{compact: true, turns: turns}
		if !o.parse(turned) || o.layers != 1 || o.words != 6 {
			t.Errorf("turned by %d quarters: %+v, want one layer and 6 words", turns, o)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("some pixels"), uint8(3))
	r := New()
	f.Fuzz(func(_ *testing.T, pix []byte, w uint8) {
		if w == 0 || len(pix) < int(w) {
			return
		}
		m := &luma.Image{W: int(w), H: len(pix) / int(w), Pix: pix}
		var z binarize.Binarizer
		var b binarize.Bitmap
		z.Blocks(&b, m, binarize.Fine)
		_ = r.Read(m, &b, 1)
	})
}

// FuzzModules holds that no modules make the decoder panic.
func FuzzModules(f *testing.F) {
	f.Add([]byte("some modules"), uint8(1), true, uint16(3))
	r := New()
	f.Fuzz(func(_ *testing.T, seed []byte, layers uint8, compact bool, words uint16) {
		o := &mode{compact: compact, layers: 1 + int(layers)%32, words: 1 + int(words)%2048}
		if compact {
			o.layers, o.words = 1+int(layers)%4, 1+int(words)%64
		}
		n := o.size()
		r.grid.W, r.grid.H, r.grid.Dark = n, n, make([]uint8, n*n)
		for i := range r.grid.Dark {
			if len(seed) > 0 {
				r.grid.Dark[i] = (seed[i/8%len(seed)] + uint8(i/8/len(seed))) >> (i % 8) & 1
			}
		}
		_ = r.text(o)
	})
}
