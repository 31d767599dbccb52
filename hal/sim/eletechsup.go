package sim

import (
	"encoding/binary"
	"slices"
	"time"
)

// Registers and values of the Eletechsup boards, PROTOCOLS.md 8.
const (
	elOn        = 0x01
	elOff       = 0x02
	elToggle    = 0x03
	elLatch     = 0x04 // on, and all others off
	elMomentary = 0x05
	elDelay     = 0x06 // on for as many seconds as the low byte says
	elAllOn     = 0x07
	elAllOff    = 0x08

	elAll      = 0x0000 // register that means every relay
	elEveryone = 0xFF
	elInputs   = 0x0081
	elInputs10 = 81 // the same, read as a decimal number

	elPulse = time.Second
)

// eletechsup is a board with 8 relays and 8 inputs.
type eletechsup struct{}

func newEletechsup(LineConfig) dialect { return eletechsup{} }

func (eletechsup) cut(b []byte) int { return mbCut(b) }

func (eletechsup) address(r []byte) (int, bool) { return int(r[0]), r[0] == elEveryone }

func (eletechsup) unlocks(r []byte) bool {
	q := mbParse(r)
	return q.function == mbWriteRegister && q.value>>8 != elOff && q.value>>8 != elAllOff
}

func (eletechsup) refuse(r []byte) []byte { return mbParse(r).exception(mbFailed) }

func (eletechsup) readdress(reply []byte, address int) []byte {
	return waveshare{}.readdress(reply, address)
}

func (e eletechsup) serve(b *Board, r []byte) answer {
	q := mbParse(r)
	if q.board == elEveryone {
		return answer{}
	}
	var reply []byte
	code := byte(mbBadFunction)
	switch q.function {
	case mbReadRegisters:
		reply, code = e.read(b, q)
	case mbWriteRegister:
		reply, code = q.echo(), e.write(b, q.at, byte(q.value>>8), byte(q.value))
	}
	if code != 0 {
		reply = q.exception(code)
	}
	return answer{after: b.answerAfter(), reply: func() []byte { return reply }}
}

// relay returns the coil that a register switches; nil: none.
func (eletechsup) relay(b *Board, at uint16) *coil {
	i := int(at) - 1
	if b.cfg.FromZero {
		i++
	}
	if i < 0 || i >= b.size {
		return nil
	}
	return b.coils[i]
}

// read tells relays or inputs, a register each.
func (e eletechsup) read(b *Board, q mbRequest) ([]byte, byte) {
	if q.value == 0 || int(q.value) > b.size {
		return nil, mbBadValue
	}
	first := uint16(elInputs)
	if b.cfg.Decimal {
		first = elInputs10
	}
	var data []byte
	for at := q.at; at < q.at+q.value; at++ {
		in := int(at) - int(first) + 1
		var on bool
		switch c := e.relay(b, at); {
		case c != nil:
			on = c.on
		case in >= 1 && in <= b.size:
			on = b.bit(in)
		default:
			return nil, mbBadAddress
		}
		data = binary.BigEndian.AppendUint16(data, uint16(flag(on)))
	}
	return q.bytes(data), 0
}

func (e eletechsup) write(b *Board, at uint16, command, seconds byte) byte {
	if at == elAll && (command == elAllOn || command == elAllOff) {
		for _, c := range b.coils {
			e.turn(c, map[byte]byte{elAllOn: elOn, elAllOff: elOff}[command], 0)
		}
		return 0
	}
	c := e.relay(b, at)
	switch {
	case c == nil:
		return mbBadAddress
	case command < elOn || command > elDelay:
		return mbBadValue
	case command == elLatch:
		for _, other := range slices.DeleteFunc(slices.Clone(b.coils), func(o *coil) bool { return o == c }) {
			e.turn(other, elOff, 0)
		}
		command = elOn
	}
	e.turn(c, command, time.Duration(seconds)*time.Second)
	return 0
}

// turn switches one relay. What runs a delay is ended by another delay only,
// by one of no seconds at once.
func (eletechsup) turn(c *coil, command byte, d time.Duration) {
	if c.delayed && command != elDelay {
		return
	}
	switch command {
	case elOn:
		c.fire(0)
	case elOff:
		c.release()
	case elToggle:
		c.toggle()
	case elMomentary:
		c.fire(elPulse)
	case elDelay:
		if d == 0 {
			c.release()
			return
		}
		c.fire(d)
		c.delayed = true
	}
}
