package sim

import "slices"

// Functions and marks of the Winnsen boards, PROTOCOLS.md 5. They have no
// checksum.
const (
	winnHead  = 0x90
	winnTail  = 0x03
	winnState = 0x02
	winnOpen  = 0x05
	winnOne   = 0x12
	winnReply = 0x80 // added to a function in its reply
	winnA5    = 0xA0 // the same on some boards
)

type winnsen struct{}

func newWinnsen(LineConfig) dialect { return winnsen{} }

func winnSeal(b ...byte) []byte {
	return slices.Concat([]byte{winnHead, byte(len(b) + 3)}, b, []byte{winnTail})
}

func (winnsen) cut(b []byte) int {
	if b[0] != winnHead {
		return -1
	}
	if len(b) < 3 {
		return 0
	}
	size := map[byte]int{winnState: 7, winnOpen: 6, winnOne: 6}[b[2]]
	switch {
	case size == 0 || int(b[1]) != size:
		return -1
	case len(b) < size:
		return 0
	case b[size-1] != winnTail:
		return -1
	}
	return size
}

func (winnsen) address(r []byte) (int, bool) { return int(r[3]), false }

func (winnsen) unlocks(r []byte) bool { return r[2] == winnOpen }

func (winnsen) refuse([]byte) []byte { return nil }

func (winnsen) readdress(reply []byte, address int) []byte {
	out := slices.Clone(reply)
	out[3] = byte(address)
	return out
}

func (winnsen) serve(b *Board, r []byte) answer {
	answers := byte(winnReply)
	if b.cfg.ReplyA5 {
		answers = winnA5
	}
	st, lock := byte(b.address), int(r[4])
	switch r[2] {
	case winnState:
		bits := b.word(1, min(b.size, 16))
		bits = append(bits, 0)
		return say(winnSeal(winnState|answers, st, bits[0]&r[4], bits[1]&r[5]))
	case winnOne:
		if lock >= 1 && lock <= b.size {
			return say(winnSeal(winnOne|answers, st, flag(b.bit(lock)), r[4]))
		}
	case winnOpen:
		if b.unlock(lock, b.cfg.Pulse) {
			return answer{after: b.answerAfter(), reply: func() []byte {
				return winnSeal(winnOpen|answers, st, r[4], flag(b.Door(lock) != nil && b.doors[lock-1].open))
			}}
		}
	}
	return answer{}
}
