package sim

import "slices"

// Functions of the Kerong CU12/CU16, PROTOCOLS.md 3. Its frames begin, end and
// are summed like those of the CU48.
const (
	cu16State     = 0x30
	cu16Unlock    = 0x31
	cu16StateAll  = 0x32
	cu16UnlockAll = 0x33
	cu16Reply     = 0x35
	cu16ReplyAll  = 0x36
	cu16Everyone  = 0x0F // board that means all
	cu16Locks     = 16
)

type cu16 struct{}

func newCU16(LineConfig) dialect { return cu16{} }

func (cu16) cut(b []byte) int {
	const size = 5
	if b[0] != cuStart || len(b) > 2 && (b[2] < cu16State || b[2] > cu16UnlockAll) {
		return -1
	}
	if len(b) < size {
		return 0
	}
	if b[3] != cuEnd || !slices.Equal(cuSeal(b[:4:4]...), b[:size]) {
		return -1
	}
	return size
}

func (cu16) address(r []byte) (int, bool) {
	board := int(r[1] >> 4)
	return board, board == cu16Everyone
}

func (cu16) unlocks(r []byte) bool { return r[2] == cu16Unlock || r[2] == cu16UnlockAll }

func (cu16) refuse([]byte) []byte { return nil }

func (cu16) readdress(reply []byte, address int) []byte {
	out := slices.Clone(reply[:len(reply)-1])
	out[1] = byte(address << 4)
	return cuSeal(out...)
}

func (c cu16) serve(b *Board, r []byte) answer {
	function, lock := byte(cu16Reply), int(r[1]&0x0F)
	reply := func() []byte { return c.state(b, function) }
	switch r[2] {
	case cu16State:
		return answer{reply: reply}
	case cu16StateAll:
		function = cu16ReplyAll
		return answer{reply: reply}
	case cu16Unlock:
		if !b.unlock(lock+1, b.cfg.Pulse) {
			return answer{}
		}
	case cu16UnlockAll:
		b.unlockAll()
	}
	if !b.cfg.UnlockReply {
		return answer{}
	}
	return answer{after: b.answerAfter(), reply: reply}
}

// state is the 9-byte reply: 16 lock bits, then 16 item sensors of which there
// are none.
func (cu16) state(b *Board, function byte) []byte {
	head := []byte{cuStart, byte(b.address << 4), function}
	return cuSeal(slices.Concat(head, b.word(1, cu16Locks), []byte{0, 0, cuEnd})...)
}
