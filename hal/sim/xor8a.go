package sim

import (
	"slices"
	"time"
)

// Functions and marks of the xor8a boards, PROTOCOLS.md 1.
const (
	xorOpen    = 0x8A
	xorRead    = 0x80
	xorMany    = 0x90
	xorHold    = 0x9A
	xorRelease = 0x9B

	xorCommand = 0x11
	xorQuery   = 0x33
	xorMade    = 0x11 // state: the feedback contact is made
)

type xor8a struct{}

func newXOR8A(LineConfig) dialect { return xor8a{} }

func xorOf(b []byte) (x byte) {
	for _, v := range b {
		x ^= v
	}
	return x
}

func xorSeal(b ...byte) []byte { return append(b, xorOf(b)) }

func (xor8a) cut(b []byte) int {
	mark := byte(xorCommand)
	lengths := []int{5}
	switch b[0] {
	case xorOpen:
		lengths = []int{5, 6} // the longer one names its seconds
	case xorHold, xorRelease:
	case xorRead:
		mark = xorQuery
	case xorMany:
		lengths, mark = []int{6}, 0
	default:
		return -1
	}
	if mark != 0 && len(b) >= 4 && b[3] != mark {
		return -1
	}
	for _, n := range lengths {
		if len(b) < n {
			return 0
		}
		if xorOf(b[:n]) == 0 {
			return n
		}
	}
	return -1
}

func (xor8a) address(r []byte) (int, bool) { return int(r[1]), false }

func (xor8a) unlocks(r []byte) bool { return r[0] != xorRead && r[0] != xorRelease }

func (xor8a) refuse([]byte) []byte { return nil }

func (xor8a) readdress(reply []byte, address int) []byte {
	out := slices.Clone(reply[:len(reply)-1])
	out[1] = byte(address)
	return xorSeal(out...)
}

func (x xor8a) serve(b *Board, r []byte) answer {
	switch r[0] {
	case xorOpen:
		return x.open(b, r)
	case xorRead:
		return x.read(b, r)
	case xorMany:
		return x.many(b, r[2:5])
	case xorHold:
		return x.hold(b, r, func(c *coil) { c.fire(0) })
	case xorRelease:
		return x.hold(b, r, (*coil).release)
	}
	return answer{}
}

func (x xor8a) open(b *Board, r []byte) answer {
	if r[2] == 0 {
		return answer{after: b.unlockAll(), reply: func() []byte { return xorSeal(r[:4:4]...) }}
	}
	d := b.cfg.Pulse
	if len(r) == 6 {
		d = time.Duration(r[4]) * time.Second
	}
	if !b.unlock(int(r[2]), d) {
		return answer{}
	}
	return answer{after: b.answerAfter(), reply: func() []byte { return x.state(b, xorOpen, r[2]) }}
}

// state is the reply that carries the feedback of one channel.
func (xor8a) state(b *Board, head, channel byte) []byte {
	st := byte(0)
	if b.bit(int(channel)) {
		st = xorMade
	}
	return xorSeal(head, byte(b.address), channel, st)
}

func (x xor8a) read(b *Board, r []byte) answer {
	if r[2] == 0 {
		return say(x.readAll(b))
	}
	if int(r[2]) > b.size {
		return answer{}
	}
	return say(x.state(b, xorRead, r[2]))
}

func (xor8a) readAll(b *Board) []byte {
	bits := b.word(1, b.size)
	for len(bits) < b.cfg.StatusBytes {
		bits = append(bits, 0)
	}
	if !b.cfg.LowFirst {
		slices.Reverse(bits)
	}
	return xorSeal(slices.Concat([]byte{xorRead, byte(b.address)}, bits, []byte{xorQuery})...)
}

func (xor8a) many(b *Board, masks []byte) answer {
	for i := range len(masks) * 8 {
		if masks[i/8]&(1<<(i%8)) != 0 {
			b.unlock(i+1, b.cfg.Pulse)
		}
	}
	return answer{}
}

func (x xor8a) hold(b *Board, r []byte, do func(*coil)) answer {
	if r[2] < 1 || int(r[2]) > b.size {
		return answer{}
	}
	do(b.coils[r[2]-1])
	return say(x.state(b, r[0], r[2]))
}
