package sim

import (
	"encoding/binary"
	"slices"
)

// Modbus functions the boards know, and its exceptions.
const (
	mbReadCoils     = 0x01
	mbReadInputs    = 0x02
	mbReadRegisters = 0x03
	mbWriteCoil     = 0x05
	mbWriteRegister = 0x06
	mbWriteCoils    = 0x0F
	mbWriteMany     = 0x10

	mbBadFunction = 0x01
	mbBadAddress  = 0x02
	mbBadValue    = 0x03
	mbFailed      = 0x04

	mbFailure = 0x80 // set in the function of an exception
)

// crc16 is the CRC of Modbus RTU: reflected 0x8005, started at all ones.
func crc16(b []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, v := range b {
		crc ^= uint16(v)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= 0xA001
			}
		}
	}
	return crc
}

func mbSeal(b ...byte) []byte {
	return binary.LittleEndian.AppendUint16(slices.Clip(b), crc16(b))
}

// mbCut finds the end of a request; functions the boards don't know are
// supposed to have the common eight bytes, so that they can be refused.
func mbCut(b []byte) int {
	const short, head = 8, 7 // head: up to the byte count of a write of many
	n := short
	if len(b) >= 2 && (b[1] == mbWriteCoils || b[1] == mbWriteMany) {
		if len(b) < head {
			return 0
		}
		n = head + int(b[6]) + 2
	}
	if len(b) < n {
		return 0
	}
	if !slices.Equal(mbSeal(b[:n-2]...), b[:n]) {
		return -1
	}
	return n
}

// mbRequest is a request taken apart.
type mbRequest struct {
	board, function byte
	at              uint16 // first coil, input or register
	value           uint16 // its value, or how many
	data            []byte // of writes of many
}

func mbParse(r []byte) mbRequest {
	q := mbRequest{board: r[0], function: r[1], at: binary.BigEndian.Uint16(r[2:]), value: binary.BigEndian.Uint16(r[4:])}
	if q.function == mbWriteCoils || q.function == mbWriteMany {
		q.data = r[7 : len(r)-2]
	}
	return q
}

func (q mbRequest) exception(code byte) []byte {
	return mbSeal(q.board, q.function|mbFailure, code)
}

// echo is the reply to writes: the request up to its value.
func (q mbRequest) echo() []byte {
	b := []byte{q.board, q.function}
	b = binary.BigEndian.AppendUint16(b, q.at)
	return mbSeal(binary.BigEndian.AppendUint16(b, q.value)...)
}

// bytes is the reply to reads.
func (q mbRequest) bytes(data []byte) []byte {
	return mbSeal(slices.Concat([]byte{q.board, q.function, byte(len(data))}, data)...)
}
