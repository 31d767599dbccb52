package sim

import (
	"encoding/binary"
	"slices"
	"time"
)

// Addresses and values of the Waveshare boards, PROTOCOLS.md 8.
const (
	wsAll      = 0x00FF // coil that means every coil
	wsFlashOn  = 0x0200
	wsFlashOff = 0x0400
	wsFlashMax = 0x7FFF

	wsOn     = 0xFF00
	wsOff    = 0x0000
	wsToggle = 0x5500

	wsModes   = 0x1000
	wsUART    = 0x2000
	wsAddress = 0x4000
	wsVersion = 0x8000

	wsUART9600   = 0x0001 // no parity, 9600
	wsVersion200 = 200    // V2.00

	wsFlashUnit = 100 * time.Millisecond
)

// Control modes of a channel.
const (
	modeNormal  = 0
	modeLinkage = 1 // the relay is what the input is
	modeToggle  = 2 // the relay turns over when the input comes
	modeEdge    = 3 // the relay turns over when the input changes
)

type waveshare struct{}

func newWaveshare(LineConfig) dialect { return waveshare{} }

func (waveshare) cut(b []byte) int { return mbCut(b) }

func (waveshare) address(r []byte) (int, bool) { return int(r[0]), r[0] == 0 }

func (waveshare) unlocks(r []byte) bool {
	q := mbParse(r)
	switch q.function {
	case mbWriteCoil:
		return q.value != wsOff
	case mbWriteCoils:
		return slices.ContainsFunc(q.data, func(v byte) bool { return v != 0 })
	}
	return false
}

func (waveshare) refuse(r []byte) []byte { return mbParse(r).exception(mbFailed) }

func (waveshare) readdress(reply []byte, address int) []byte {
	out := slices.Clone(reply[:len(reply)-2])
	out[0] = byte(address)
	return mbSeal(out...)
}

func (w waveshare) serve(b *Board, r []byte) answer {
	q := mbParse(r)
	if q.board == 0 {
		if q.function == mbWriteRegister && q.at == wsAddress {
			w.writeRegister(b, q.at, q.value)
		}
		return answer{} // nobody answers a broadcast, and only the address may be set by one
	}
	reply, code := w.act(b, q)
	if code != 0 {
		reply = q.exception(code)
	}
	return answer{after: b.answerAfter(), reply: func() []byte { return reply }}
}

func (w waveshare) act(b *Board, q mbRequest) (reply []byte, code byte) {
	switch q.function {
	case mbReadCoils, mbReadInputs:
		return w.readBits(b, q)
	case mbReadRegisters:
		return w.readRegisters(b, q)
	case mbWriteCoil:
		return q.echo(), w.writeCoil(b, q)
	case mbWriteCoils:
		return q.echo(), w.writeCoils(b, q)
	case mbWriteRegister:
		return q.echo(), w.writeRegister(b, q.at, q.value)
	case mbWriteMany:
		return q.echo(), w.writeRegisters(b, q)
	}
	return nil, mbBadFunction
}

// within tells whether a run of channels is on the board.
func within(b *Board, at, n uint16) byte {
	if n == 0 {
		return mbBadValue
	}
	if int(at)+int(n) > b.size {
		return mbBadAddress
	}
	return 0
}

func (waveshare) readBits(b *Board, q mbRequest) ([]byte, byte) {
	if code := within(b, q.at, q.value); code != 0 {
		return nil, code
	}
	if q.function == mbReadInputs {
		return q.bytes(b.word(int(q.at)+1, int(q.value))), 0
	}
	data := make([]byte, (q.value+7)/8)
	for i := range int(q.value) {
		if b.coils[int(q.at)+i].on {
			data[i/8] |= 1 << (i % 8)
		}
	}
	return q.bytes(data), 0
}

func (waveshare) readRegisters(b *Board, q mbRequest) ([]byte, byte) {
	if q.value == 0 || q.value > 125 {
		return nil, mbBadValue
	}
	var data []byte
	for i := range q.value {
		v, ok := b.register(q.at + i)
		if !ok {
			return nil, mbBadAddress
		}
		data = binary.BigEndian.AppendUint16(data, v)
	}
	return q.bytes(data), 0
}

func (b *Board) register(at uint16) (uint16, bool) {
	switch {
	case at >= wsModes && int(at-wsModes) < b.size:
		return b.modes[at-wsModes], true
	case at == wsUART:
		return wsUART9600, true
	case at == wsAddress:
		return uint16(b.address), true
	case at == wsVersion:
		return wsVersion200, true
	}
	return 0, false
}

func (waveshare) writeRegister(b *Board, at, v uint16) byte {
	switch {
	case at >= wsModes && int(at-wsModes) < b.size:
		if v > modeEdge {
			return mbBadValue
		}
		b.modes[at-wsModes] = v
		b.follow(int(at-wsModes) + 1)
	case at == wsUART:
		if v != wsUART9600 {
			return mbBadValue // the line's speed can't change under a pty
		}
	case at == wsAddress:
		if v < 1 || v > 255 {
			return mbBadValue
		}
		b.address = int(v)
	default:
		return mbBadAddress
	}
	return 0
}

func (w waveshare) writeRegisters(b *Board, q mbRequest) byte {
	if q.value == 0 || len(q.data) != 2*int(q.value) {
		return mbBadValue
	}
	for i := range q.value {
		if code := w.writeRegister(b, q.at+i, binary.BigEndian.Uint16(q.data[2*i:])); code != 0 {
			return code
		}
	}
	return 0
}
