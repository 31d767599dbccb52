// Package frame is what the codecs of hal/rs485 share whose frames tell by
// their first bytes how long they are: from that follows how a reply is told
// from what is no frame, not yet one, or somebody else's. All of it is pure.
package frame

import (
	"fmt"

	"lockerd/hal"
	"lockerd/hal/rs485"
)

// Find says how long the checked frame is that buf begins with: 0 where more
// bytes are needed to tell, -1 where none of the family's begins there. It is
// never called without bytes and never returns more than there are.
type Find func(buf []byte) int

// Parse makes the parser of a request. Mine is asked of each whole frame what
// it says and whether it is the reply.
func Parse(find Find, mine func(f []byte) (rs485.Answer, bool)) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	return func(buf []byte) (int, rs485.Verdict, rs485.Answer) {
		n := find(buf)
		switch {
		case n < 0:
			return 1, rs485.Garbage, rs485.Answer{}
		case n == 0:
			return 0, rs485.More, rs485.Answer{}
		}
		a, ok := mine(buf[:n])
		if !ok {
			return n, rs485.Foreign, rs485.Answer{Reported: a.Reported}
		}
		return n, rs485.Reply, a
	}
}

// Kerong finds the frames of that maker's boards: 02, then at byte at a function
// that tells the length (0: there is no such), at the end 03 and the sum.
func Kerong(at int, length func(function byte) int) Find {
	const start, end = 0x02, 0x03
	return func(buf []byte) int {
		if buf[0] != start {
			return -1
		}
		if len(buf) <= at {
			return 0
		}
		n := length(buf[at])
		switch {
		case n == 0:
			return -1
		case len(buf) < n:
			return 0
		case buf[n-2] != end || Sum(buf[:n-1]) != buf[n-1]:
			return -1
		}
		return n
	}
}

// SelfTimed is for codecs of boards that end every pulse by themselves and know
// no other mode: they have nothing to be brought to rest by.
type SelfTimed struct{}

// Start implements half of rs485.Codec.
func (SelfTimed) Start(hal.BoardConfig) []rs485.Request { return nil }

// Inert implements the other half.
func (SelfTimed) Inert(hal.BoardConfig) []rs485.Request { return nil }

// Begins tells whether buf agrees with want as far as both go.
func Begins(buf []byte, want ...byte) bool {
	for i := range min(len(buf), len(want)) {
		if buf[i] != want[i] {
			return false
		}
	}
	return true
}

// Bits reads one state a bit, the lowest bit of the first byte for channel 1.
func Bits(bits []byte, channels int, closed byte) []hal.State {
	out := make([]hal.State, channels)
	for i := range out {
		out[i] = hal.Open
		if bits[i/8]>>(i%8)&1 == closed {
			out[i] = hal.Closed
		}
	}
	return out
}

// Values reads one state a value, which must be 0 or 1.
func Values[T uint8 | uint16](said []T, closed T) rs485.Answer {
	out := make([]hal.State, len(said))
	for i, v := range said {
		switch v {
		case closed:
			out[i] = hal.Closed
		case 1 - closed:
			out[i] = hal.Open
		default:
			return rs485.Answer{Refused: fmt.Sprintf("%02X as the state of channel %d", v, i+1)}
		}
	}
	return rs485.Answer{States: out}
}

// Sum returns the low byte of the sum.
func Sum(b []byte) (s byte) {
	for _, v := range b {
		s += v
	}
	return s
}

// Xor returns all bytes combined by exclusive or.
func Xor(b []byte) (x byte) {
	for _, v := range b {
		x ^= v
	}
	return x
}
