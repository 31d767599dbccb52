package sim

import "slices"

// Functions and marks of the Kerong CU48, PROTOCOLS.md 4.
const (
	cuStart  = 0x02
	cuEnd    = 0x03
	cuStatus = 0x60
	cuUnlock = 0x61
	cuReply  = 0x75
	cuAll    = 0x30
	cuLocks  = 48
)

// cu48 speaks with the lock's number in byte 2, or in byte 1 as one installer
// has it.
type cu48 struct{ lockAt, boardAt int }

func newCU48(cfg LineConfig) dialect {
	if cfg.LockByte == 1 {
		return cu48{lockAt: 1, boardAt: 2}
	}
	return cu48{lockAt: 2, boardAt: 1}
}

func cuSeal(b ...byte) []byte {
	sum := byte(0)
	for _, v := range b {
		sum += v
	}
	return append(b, sum)
}

func (cu48) cut(b []byte) int {
	const size = 6
	if b[0] != cuStart || len(b) > 3 && b[3] != cuStatus && b[3] != cuUnlock {
		return -1
	}
	if len(b) < size {
		return 0
	}
	if b[4] != cuEnd || !slices.Equal(cuSeal(b[:5:5]...), b[:size]) {
		return -1
	}
	return size
}

func (c cu48) address(r []byte) (int, bool) { return int(r[c.boardAt]), false }

func (cu48) unlocks(r []byte) bool { return r[3] == cuUnlock }

func (cu48) refuse([]byte) []byte { return nil }

func (c cu48) readdress(reply []byte, address int) []byte {
	out := slices.Clone(reply[:len(reply)-1])
	out[c.boardAt] = byte(address)
	return cuSeal(out...)
}

func (c cu48) serve(b *Board, r []byte) answer {
	lock := r[c.lockAt]
	reply := func() []byte { return c.status(b, lock) }
	if r[3] == cuStatus {
		return answer{reply: reply}
	}
	if lock == cuAll {
		b.unlockAll()
	} else if !b.unlock(int(lock)+1, b.cfg.Pulse) {
		return answer{}
	}
	if b.cfg.NoUnlockReply {
		return answer{}
	}
	return answer{after: b.answerAfter(), reply: reply}
}

// status is the 18-byte reply: 48 lock bits, then 48 item sensors of which
// there are none.
func (c cu48) status(b *Board, lock byte) []byte {
	head := []byte{cuStart, 0, 0, cuReply}
	head[c.lockAt], head[c.boardAt] = lock, byte(b.address)
	return cuSeal(slices.Concat(head, b.word(1, cuLocks), make([]byte, cuLocks/8), []byte{cuEnd})...)
}
