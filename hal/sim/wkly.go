package sim

import (
	"bytes"
	"slices"
)

// Functions and marks of the boards whose frames begin with WKLY, PROTOCOLS.md 2.
const (
	wklyMany    = 0x80
	wklyFlash   = 0x81 // the channel's LED
	wklyOpen    = 0x82
	wklyRead    = 0x83
	wklyReadAll = 0x84
	wklyReport  = 0x85
	wklyAll     = 0x86
	wklyInTurn  = 0x87
	wklyHold    = 0x88
	wklyRelease = 0x89

	wklyOK = 0x00
	wklyNo = 0xFF
)

type wkly struct{}

func newWKLY(LineConfig) dialect { return wkly{} }

func wklySeal(board, cmd byte, data ...byte) []byte {
	return xorSeal(slices.Concat([]byte("WKLY"), []byte{byte(8 + len(data)), board, cmd}, data)...)
}

func (wkly) cut(b []byte) int {
	head := []byte("WKLY")
	if n := min(len(b), len(head)); !bytes.Equal(b[:n], head[:n]) {
		return -1
	}
	if len(b) < 5 {
		return 0
	}
	size := int(b[4])
	switch {
	case size < 8 || size > maxRequest:
		return -1
	case len(b) < size:
		return 0
	case xorOf(b[:size]) != 0:
		return -1
	}
	return size
}

func (wkly) address(r []byte) (int, bool) { return int(r[5]), false }

func (wkly) unlocks(r []byte) bool {
	return slices.Contains([]byte{wklyMany, wklyOpen, wklyAll, wklyInTurn, wklyHold}, r[6])
}

func (wkly) refuse(r []byte) []byte {
	data := []byte{wklyNo}
	if r[6] == wklyOpen && len(r) > 8 {
		data = append(data, r[7], 0)
	}
	return wklySeal(r[5], r[6], data...)
}

func (wkly) readdress(reply []byte, address int) []byte {
	return wklySeal(byte(address), reply[6], reply[7:len(reply)-1]...)
}

func (w wkly) serve(b *Board, r []byte) answer {
	cmd, data := r[6], r[7:len(r)-1]
	say := func(data ...byte) answer { return say(wklySeal(byte(b.address), cmd, data...)) }
	switch cmd {
	case wklyReadAll:
		return say(w.all(b)...)
	case wklyAll:
		return answer{after: b.unlockAll(), reply: say(wklyOK).reply}
	case wklyMany, wklyInTurn:
		return say(w.many(b, data))
	}
	if len(data) != 1 || data[0] < 1 || int(data[0]) > b.size {
		return say(wklyNo)
	}
	switch ch := data[0]; cmd {
	case wklyOpen:
		b.unlock(int(ch), b.cfg.Pulse)
		return answer{after: b.answerAfter(), reply: func() []byte {
			return wklySeal(byte(b.address), cmd, wklyOK, ch, flag(b.bit(int(ch))))
		}}
	case wklyRead:
		return say(wklyOK, ch, flag(b.bit(int(ch))))
	case wklyHold:
		b.coils[ch-1].fire(0)
		return say(wklyOK, ch)
	case wklyRelease:
		b.coils[ch-1].release()
		return say(wklyOK, ch)
	case wklyFlash:
		return say(wklyOK, ch)
	}
	return answer{}
}

// all tells one byte a channel.
func (wkly) all(b *Board) []byte {
	out := []byte{wklyOK, byte(b.size)}
	for ch := 1; ch <= b.size; ch++ {
		out = append(out, flag(b.bit(ch)))
	}
	return out
}

// many pulses the channels that are listed behind their number.
func (wkly) many(b *Board, data []byte) byte {
	if len(data) == 0 || int(data[0]) != len(data)-1 {
		return wklyNo
	}
	for _, ch := range data[1:] {
		if ch < 1 || int(ch) > b.size {
			return wklyNo
		}
	}
	for _, ch := range data[1:] {
		b.unlock(int(ch), b.cfg.Pulse)
	}
	return wklyOK
}

// report is what the board says unasked when a channel's input has changed.
func (wkly) report(b *Board, channel int) []byte {
	return wklySeal(byte(b.address), wklyReport, byte(channel), flag(b.bit(channel)))
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}
