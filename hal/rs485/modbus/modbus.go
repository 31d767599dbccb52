// Package modbus is what the codecs of relay boards share that speak Modbus RTU:
// requests, their replies and exceptions, and how a frame is told from noise by
// its function's lengths and its CRC. It is pure, and knows the functions that
// such boards have.
package modbus

import (
	"fmt"

	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

// Functions.
const (
	ReadInputs     = 0x02
	ReadRegisters  = 0x03
	WriteCoil      = 0x05
	WriteRegister  = 0x06
	WriteCoils     = 0x0F
	WriteRegisters = 0x10
)

// Gap is the silence between two frames, in bits: 3.5 characters.
const Gap = 35

const (
	exception    = 0x80 // added to a function that was refused
	exceptionLen = 5
	fixed        = 8 // bytes of requests and of the replies that repeat them
)

// Reply is what the frame that answers a request looks like: how it begins and
// how long it is, checksum included.
type Reply struct {
	Head   []byte
	Length int
}

// Counted is a reply that carries n bytes and says so.
func Counted(address, fc byte, n int) Reply {
	return Reply{Head: []byte{address, fc, byte(n)}, Length: n + 5}
}

// Repeat makes a request to write one value, whose reply repeats it.
func Repeat(address, fc byte, at, value uint16) rs485.Request {
	b := Ask(address, fc, at, value)
	nothing := func([]byte) rs485.Answer { return rs485.Answer{} }
	return rs485.Request{Bytes: b, Parse: Parse(Reply{Head: b[:6:6], Length: len(b)}, nothing), Twin: true}
}

// Parse looks for the reply or for the exception that stands for it. Read is
// given the whole frame.
func Parse(want Reply, read func(f []byte) rs485.Answer) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	refused := []byte{want.Head[0], want.Head[1] | exception}
	return func(buf []byte) (int, rs485.Verdict, rs485.Answer) {
		switch {
		case frame.Begins(buf, refused...):
			if len(buf) < exceptionLen {
				return 0, rs485.More, rs485.Answer{}
			}
			if intact(buf[:exceptionLen]) {
				return exceptionLen, rs485.Reply, rs485.Answer{Refused: fmt.Sprintf("Modbus exception %02X", buf[2])}
			}
		case frame.Begins(buf, want.Head...):
			if len(buf) < want.Length {
				return 0, rs485.More, rs485.Answer{}
			}
			if intact(buf[:want.Length]) {
				return want.Length, rs485.Reply, read(buf[:want.Length])
			}
		}
		return other(buf)
	}
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
	switch fc := buf[1]; {
	case fc >= 1 && fc <= 4:
		if n := int(buf[2]); n <= countMax {
			return []int{n + 5, fixed}
		}
		return []int{fixed}
	case fc == WriteCoil, fc == WriteRegister:
		return []int{fixed}
	case fc == WriteCoils, fc == WriteRegisters:
		if len(buf) > 6 && buf[6] <= countMax {
			return []int{fixed, int(buf[6]) + 9}
		}
		return []int{fixed}
	case fc&exception != 0 && fc&^exception <= WriteRegisters:
		return []int{exceptionLen}
	}
	return nil
}

// Ask makes a request of eight bytes.
func Ask(address, fc byte, at, value uint16) []byte {
	return Seal([]byte{address, fc, byte(at >> 8), byte(at), byte(value >> 8), byte(value)})
}

// Seal appends the CRC.
func Seal(b []byte) []byte {
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

// Fields takes a frame of eight bytes apart: first coil, input or register, and
// value or number. It says false of other frames.
func Fields(f []byte) (at, value uint16, whole bool) {
	if len(f) != fixed {
		return 0, 0, false
	}
	return uint16(f[2])<<8 | uint16(f[3]), uint16(f[4])<<8 | uint16(f[5]), true
}

// Words says what a frame means that no family knows better.
func Words(f []byte) string {
	at, value, whole := Fields(f)
	switch {
	case f[1]&exception != 0 && len(f) == exceptionLen:
		return fmt.Sprintf("board %d exception %02X to function %02X", f[0], f[2], f[1]&^exception)
	case whole && f[1] == ReadInputs:
		return fmt.Sprintf("read board %d inputs %d to %d", f[0], at+1, at+value)
	case whole:
		return fmt.Sprintf("board %d function %02X at %04X: %04X", f[0], f[1], at, value)
	}
	return fmt.Sprintf("board %d function %02X, %d bytes", f[0], f[1], len(f))
}
