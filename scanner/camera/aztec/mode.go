package aztec

import (
	"math/bits"

	"github.com/makiuchi-d/gozxing/common/reedsolomon"

	"lockerd/scanner/camera/grid"
	"lockerd/scanner/camera/luma"
)

// corners are the marks that tell how a code is turned: before, at and after
// each corner of the ring around the bull's-eye, clockwise from the upper left.
// ISO 24778, 7.2.2.
const corners = 0b111_011_100_000

// What is added to the number of words of codes that set up readers, ISO 24778,
// 9: their text is nothing special here.
const (
	initCompact = 32
	initFull    = 1024
)

// mode is what the ring around the bull's-eye tells.
type mode struct {
	compact bool
	layers  int
	words   int // of data
	turns   int // quarters that the code is turned clockwise in the grid
	mirror  bool
}

// size returns the modules of a side: ISO 24778, table 1 and 7.2.3.
func (o *mode) size() int {
	if o.compact {
		return 11 + 4*o.layers
	}
	base := 14 + 4*o.layers
	return base + 1 + 2*((base/2-1)/15)
}

// readMode reads the ring of a radius. middle parts dark from light.
func readMode(m *luma.Image, t *grid.Transform, radius int, middle float32) (mode, bool) {
	for _, mirror := range [...]bool{false, true} {
		ring := readRing(m, t, radius, middle, mirror)
		for turns := range 4 {
			o := mode{compact: radius == 5, turns: turns, mirror: mirror}
			if bits.OnesCount(uint(cornersOf(ring, turns)^corners)) <= 2 && o.parse(ring) {
				return o, true
			}
		}
	}
	return mode{}, false
}

// readRing returns the modules of a ring clockwise from the upper left.
func readRing(m *luma.Image, t *grid.Transform, radius int, middle float32, mirror bool) []bool {
	side := 2 * radius
	ring := make([]bool, 4*side)
	for i := range ring {
		x, y := i%side-radius, -radius
		for range i / side {
			x, y = -y, x
		}
		if mirror {
			x, y = y, x
		}
		v, _ := grid.Light(m, t.At(float64(x), float64(y)))
		ring[i] = v < middle
	}
	return ring
}

// at returns a module of a ring whose first side is that many sides on.
func at(ring []bool, turns, i int) bool {
	n := len(ring)
	return ring[((turns*n/4+i)%n+n)%n]
}

func cornersOf(ring []bool, turns int) int {
	v := 0
	for side := range 4 {
		for d := -1; d <= 1; d++ {
			v <<= 1
			if at(ring, turns, side*len(ring)/4+d) {
				v |= 1
			}
		}
	}
	return v
}

// parse corrects and reads the words of the ring.
func (o *mode) parse(ring []bool) bool {
	side, words, data := len(ring)/4, 10, 4
	if o.compact {
		words, data = 7, 2
	}
	all := make([]int, 0, words)
	v, n := 0, 0
	for i := range ring {
		k := i % side
		if k < 2 || k == side-1 || !o.compact && k == side/2 {
			continue // corner marks and the reference grid
		}
		v <<= 1
		if at(ring, o.turns, i) {
			v |= 1
		}
		if n++; n%4 == 0 {
			all, v = append(all, v), 0
		}
	}
	if len(all) != words || reedsolomon.NewReedSolomonDecoder(reedsolomon.GenericGF_AZTEC_PARAM).Decode(all, words-data) != nil {
		return false
	}
	if o.compact {
		p := all[0]<<4 | all[1]
		o.layers, o.words = p>>6+1, p&0x3F+1
		if o.layers == 1 && o.words > initCompact {
			o.words -= initCompact
		}
		return true
	}
	p := all[0]<<12 | all[1]<<8 | all[2]<<4 | all[3]
	o.layers, o.words = p>>11+1, p&0x7FF+1
	if o.layers <= 22 && o.words > initFull {
		o.words -= initFull
	}
	return true
}
