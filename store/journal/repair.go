package journal

import (
	"encoding/binary"
	"math/bits"
)

// repairFrame mends the frame at the beginning of b if exactly one of its bits
// is wrong. It returns the byte that must be written back and the frame's size.
// b itself is mended too. The second checksum keeps a torn record, whose first
// checksum matches some single flip once in 2^32 / bits, from passing as mended.
func repairFrame(b []byte) (at, size int, ok bool) {
	if len(b) < frameHead || allZero(b[:frameHead]) {
		return 0, 0, false
	}
	if at, size, ok = repairLength(b); ok {
		return at, size, true
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n > MaxPayload || frameHead+int(n) > len(b) {
		return 0, 0, false
	}
	at, mask, found := locateFlip(b, int(n))
	if !found {
		return 0, 0, false
	}
	b[at] ^= mask
	if _, size, ok = parseFrame(b); !ok {
		b[at] ^= mask
	}
	return at, size, ok
}

// repairLength tries the 32 lengths that are one bit away from the one that
// stands there.
func repairLength(b []byte) (at, size int, ok bool) {
	for bit := range 32 {
		at, mask := 4+bit/8, byte(1)<<(bit%8)
		b[at] ^= mask
		if _, size, ok = parseFrame(b); ok {
			return at, size, true
		}
		b[at] ^= mask
	}
	return 0, 0, false
}

// locateFlip finds the bit whose flipping explains the syndrome of a frame with
// n payload bytes. A CRC is linear: a flip of bit i in the message changes it by
// x^i mod P, whatever the message is, so walking back from the last byte costs
// eight table steps a byte.
func locateFlip(b []byte, n int) (at int, mask byte, ok bool) {
	s := syndrome(b, n)
	if bits.OnesCount32(s) == 1 {
		bit := bits.TrailingZeros32(s)
		return 28 + bit/8, 1 << (bit % 8), true
	}
	table := castagnoli()
	var effect [8]uint32
	for i := range effect {
		effect[i] = table[1<<i]
	}
	for k := 28 + n - 1; k >= 0; k-- {
		for i, e := range effect {
			if e == s {
				return message(k), 1 << i, true
			}
			effect[i] = table[e&0xff] ^ e>>8
		}
	}
	return 0, 0, false
}

// message maps byte k of the checksummed message to its place in the frame: the
// checksum's own four bytes are not in the message.
func message(k int) int {
	if k < 28 {
		return k
	}
	return k + 4
}
