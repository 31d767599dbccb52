package matrix

import (
	"github.com/makiuchi-d/gozxing/common/reedsolomon"
	"github.com/makiuchi-d/gozxing/datamatrix/decoder"
)

// decodeWide reads the sizes of ISO 21471, which gozxing does not know: one block
// of data and error correction, placed as in ISO 16022.
func decodeWide(dark []uint8, s size) string {
	words := place(dark, s)
	if len(words) <= s.check {
		return ""
	}
	rs := reedsolomon.NewReedSolomonDecoder(reedsolomon.GenericGF_DATA_MATRIX_FIELD_256)
	if err := rs.Decode(words, s.check); err != nil {
		return ""
	}
	data := make([]byte, len(words)-s.check)
	for i := range data {
		data[i] = byte(words[i])
	}
	res, err := decoder.DecodedBitStreamParser_decode(data)
	if err != nil {
		return ""
	}
	return res.GetText()
}

// placement walks over the data modules of a code: ISO 16022, annex F.
type placement struct {
	w, h  int // of the data modules, borders left out
	dark  func(x, y int) bool
	used  []bool
	words []int
}

// place returns the code words of a symbol.
func place(dark []uint8, s size) []int {
	p := &placement{w: s.w - 2*s.w/s.regionW, h: s.h - 2*s.h/s.regionH}
	innerW, innerH := s.regionW-2, s.regionH-2
	p.dark = func(x, y int) bool {
		return dark[(y+2*(y/innerH)+1)*s.w+x+2*(x/innerW)+1] == 1
	}
	p.used = make([]bool, p.w*p.h)
	p.walk()
	return p.words
}

// walk goes diagonally up and down over the modules.
func (p *placement) walk() {
	x, y := 0, 4
	for x < p.w || y < p.h {
		p.corners(x, y)
		for ; y >= 0 && x < p.w; x, y = x+2, y-2 {
			p.utah(x, y, y < p.h && x >= 0)
		}
		x, y = x+3, y+1
		for ; y < p.h && x >= 0; x, y = x-2, y+2 {
			p.utah(x, y, y >= 0 && x < p.w)
		}
		x, y = x+1, y+3
	}
}

// corners reads the four special shapes.
func (p *placement) corners(x, y int) {
	w, h := p.w, p.h
	switch {
	case y == h && x == 0:
		p.word([8][2]int{{0, h - 1}, {1, h - 1}, {2, h - 1}, {w - 2, 0}, {w - 1, 0}, {w - 1, 1}, {w - 1, 2}, {w - 1, 3}})
	case y == h-2 && x == 0 && w%4 != 0:
		p.word([8][2]int{{0, h - 3}, {0, h - 2}, {0, h - 1}, {w - 4, 0}, {w - 3, 0}, {w - 2, 0}, {w - 1, 0}, {w - 1, 1}})
	case y == h+4 && x == 2 && w%8 == 0:
		p.word([8][2]int{{0, h - 1}, {w - 1, h - 1}, {w - 3, 0}, {w - 2, 0}, {w - 1, 0}, {w - 3, 1}, {w - 2, 1}, {w - 1, 1}})
	case y == h-2 && x == 0 && w%8 == 4:
		p.word([8][2]int{{0, h - 3}, {0, h - 2}, {0, h - 1}, {w - 2, 0}, {w - 1, 0}, {w - 1, 1}, {w - 1, 2}, {w - 1, 3}})
	}
}

// utah reads the usual shape around a module that was not read yet.
func (p *placement) utah(x, y int, inside bool) {
	if !inside || p.used[y*p.w+x] {
		return
	}
	p.word([8][2]int{{x - 2, y - 2}, {x - 1, y - 2}, {x - 2, y - 1}, {x - 1, y - 1}, {x, y - 1}, {x - 2, y}, {x - 1, y}, {x, y}})
}

// word reads eight modules, the most significant bit first. What lies outside
// is on the other side, shifted.
func (p *placement) word(at [8][2]int) {
	v := 0
	for _, m := range at {
		x, y := m[0], m[1]
		if y < 0 {
			x, y = x+4-(p.h+4)%8, y+p.h
		}
		if x < 0 {
			x, y = x+p.w, y+4-(p.w+4)%8
		}
		if y >= p.h {
			y -= p.h // ISO 21471: happens in 26 x 40 only
		}
		if x < 0 || y < 0 || x >= p.w || y >= p.h {
			return // a size that does not exist
		}
		p.used[y*p.w+x] = true
		v <<= 1
		if p.dark(x, y) {
			v |= 1
		}
	}
	p.words = append(p.words, v)
}
