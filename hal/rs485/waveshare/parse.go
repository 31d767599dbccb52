package waveshare

import (
	"fmt"

	"lockerd/hal/rs485"
)

// reply is what the frame that answers a request looks like: how it begins and
// how long it is, checksum included.
type reply struct {
	head   []byte
	length int
}

// counted is a reply that carries n bytes and says so.
func counted(address, fc byte, n int) reply {
	return reply{head: []byte{address, fc, byte(n)}, length: n + 5}
}

const exceptionLen = 5

// parse looks for the reply or for the exception that stands for it.
func parse(want reply, read func(frame []byte) rs485.Answer) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	refused := []byte{want.head[0], want.head[1] | exception}
	return func(buf []byte) (int, rs485.Verdict, rs485.Answer) {
		switch {
		case begins(buf, refused):
			if len(buf) < exceptionLen {
				return 0, rs485.More, rs485.Answer{}
			}
			if intact(buf[:exceptionLen]) {
				return exceptionLen, rs485.Reply, rs485.Answer{Refused: fmt.Sprintf("Modbus exception %02X", buf[2])}
			}
		case begins(buf, want.head):
			if len(buf) < want.length {
				return 0, rs485.More, rs485.Answer{}
			}
			if intact(buf[:want.length]) {
				return want.length, rs485.Reply, read(buf[:want.length])
			}
		}
		return other(buf)
	}
}

// begins tells whether buf agrees with want as far as both go.
func begins(buf, want []byte) bool {
	for i := range min(len(buf), len(want)) {
		if buf[i] != want[i] {
			return false
		}
	}
	return true
}

// other tells a valid frame of somebody else from noise.
func other(buf []byte) (int, rs485.Verdict, rs485.Answer) {
	if len(buf) < 3 {
		return 0, rs485.More, rs485.Answer{}
	}
	verdict := rs485.Garbage
	for _, n := range lengths(buf) {
		switch {
		case len(buf) < n:
			verdict = rs485.More
		case intact(buf[:n]):
			return n, rs485.Foreign, rs485.Answer{}
		}
	}
	if verdict == rs485.More {
		return 0, verdict, rs485.Answer{}
	}
	return 1, verdict, rs485.Answer{}
}

// countMax bounds the payload of a foreign frame that is waited for.
const countMax = 32

// lengths returns how long a frame that begins so may be, as request or reply.
func lengths(buf []byte) []int {
	const fixed = 8
	switch fc := buf[1]; {
	case fc >= 1 && fc <= 4:
		if n := int(buf[2]); n <= countMax {
			return []int{n + 5, fixed}
		}
		return []int{fixed}
	case fc == fcCoil, fc == 0x06:
		return []int{fixed}
	case fc == 0x0F, fc == fcSetRegs:
		if len(buf) > 6 && buf[6] <= countMax {
			return []int{fixed, int(buf[6]) + 9}
		}
		return []int{fixed}
	case fc&exception != 0 && fc&^exception <= fcSetRegs:
		return []int{exceptionLen}
	}
	return nil
}

func ask(address, fc byte, at, value uint16) []byte {
	return seal([]byte{address, fc, byte(at >> 8), byte(at), byte(value >> 8), byte(value)})
}

func seal(b []byte) []byte {
	c := crc(b)
	return append(b, byte(c), byte(c>>8))
}

func intact(f []byte) bool {
	n := len(f) - 2
	return crc(f[:n]) == uint16(f[n])|uint16(f[n+1])<<8
}

// crc is CRC-16/MODBUS: polynomial A001 reflected, initial FFFF.
func crc(b []byte) uint16 {
	c := uint16(0xFFFF)
	for _, v := range b {
		c ^= uint16(v)
		for range 8 {
			low := c & 1
			c >>= 1
			if low == 1 {
				c ^= 0xA001
			}
		}
	}
	return c
}
