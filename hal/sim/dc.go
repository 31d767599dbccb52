package sim

import (
	"slices"
	"time"
)

// Functions and marks of the Dingchang boards, PROTOCOLS.md 6.
const (
	dcHead    = 0xDC
	dcAsks    = 0x02
	dcReplies = 0xFE

	dcVersion  = 0x01
	dcOpen     = 0x10
	dcRead     = 0x11
	dcReadAll  = 0x12
	dcOpenAll  = 0x14
	dcInTurn   = 0x15
	dcHold     = 0x16
	dcAtOnce   = 0x18
	dcHoldMany = 0x1A

	dcPulse24 = 150 * time.Millisecond // of 24-way boards
)

type dc struct{}

func newDC(LineConfig) dialect { return dc{} }

// dcSeal closes a frame of which kind, address, function and data are given.
func dcSeal(kind, address, cmd byte, data ...byte) []byte {
	body := cuSeal(slices.Concat([]byte{address, cmd, byte(len(data))}, data)...)
	return slices.Concat([]byte{dcHead, kind}, body)
}

func (dc) cut(b []byte) int {
	if b[0] != dcHead || len(b) > 1 && b[1] != dcAsks {
		return -1
	}
	if len(b) < 5 {
		return 0
	}
	size := int(b[4]) + 6
	switch {
	case size > 16:
		return -1
	case len(b) < size:
		return 0
	case !slices.Equal(dcSeal(dcAsks, b[2], b[3], b[5:size-1]...), b[:size]):
		return -1
	}
	return size
}

func (dc) address(r []byte) (int, bool) { return int(r[2]), false }

func (dc) unlocks(r []byte) bool {
	return slices.Contains([]byte{dcOpen, dcOpenAll, dcInTurn, dcHold, dcAtOnce, dcHoldMany}, r[3])
}

func (dc) refuse([]byte) []byte { return nil }

func (dc) readdress(reply []byte, address int) []byte {
	return dcSeal(dcReplies, byte(address), reply[3], reply[5:len(reply)-1]...)
}

func (d dc) serve(b *Board, r []byte) answer {
	cmd, data := r[3], r[5:len(r)-1]
	tell := func(data func() []byte) func() []byte {
		return func() []byte { return dcSeal(dcReplies, byte(b.address), cmd, data()...) }
	}
	mask := tell(func() []byte { return d.mask(b) })
	switch cmd {
	case dcVersion:
		return answer{reply: tell(func() []byte { return []byte{2} })}
	case dcReadAll:
		return answer{reply: mask}
	case dcOpenAll:
		return answer{after: b.unlockAll(), reply: mask}
	case dcInTurn, dcAtOnce:
		d.each(b, data, func(c *coil) { c.fire(b.cfg.Pulse) })
		return answer{after: b.answerAfter(), reply: mask}
	case dcHoldMany:
		d.each(b, data, func(c *coil) { c.fire(0) })
		return answer{reply: tell(func() []byte { return []byte{1} })}
	}
	if len(data) == 0 || data[0] < 1 || int(data[0]) > b.size {
		return answer{}
	}
	one := tell(func() []byte { return d.one(b, data[0]) })
	switch cmd {
	case dcRead:
		return answer{reply: one}
	case dcOpen:
		b.unlock(int(data[0]), b.cfg.Pulse)
		return answer{after: b.answerAfter(), reply: one}
	case dcHold:
		d.hold(b.coils[data[0]-1], data[1:])
		return answer{reply: tell(func() []byte { return []byte{1} })}
	}
	return answer{}
}

// one is the state of one lock, with its number unless the board leaves it out.
func (dc) one(b *Board, channel byte) []byte {
	state := flag(b.bit(int(channel)))
	if b.cfg.ShortReply {
		return []byte{state}
	}
	return []byte{channel, state}
}

// mask is the state of all locks, the highest first.
func (dc) mask(b *Board) []byte {
	bits := b.word(1, max(b.size, 16))
	slices.Reverse(bits)
	return bits
}

// each does something to the coils that a mask names, the highest first.
func (dc) each(b *Board, mask []byte, do func(*coil)) {
	for i := range 8 * len(mask) {
		if mask[len(mask)-1-i/8]>>(i%8)&1 == 1 && i < b.size {
			do(b.coils[i])
		}
	}
}

func (dc) hold(c *coil, on []byte) {
	if len(on) > 0 && on[0] == 1 {
		c.fire(0)
		return
	}
	c.release()
}
