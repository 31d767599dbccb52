package wkly

import (
	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

const (
	lenMin = 8  // without data
	lenMax = 64 // the longest published has 34
)

func header() []byte { return []byte("WKLY") }

func seal(board, cmd byte, data ...byte) []byte {
	b := append(header(), byte(lenMin+len(data)), board, cmd)
	b = append(b, data...)
	return append(b, frame.Xor(b))
}

// parse looks for the reply to a command; read is given its data, which is not
// empty.
func parse(board, cmd byte, read func(data []byte) (rs485.Answer, bool)) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	return frame.Parse(find, func(f []byte) (rs485.Answer, bool) {
		data := f[7 : len(f)-1]
		switch {
		case f[6] == cmdReport && len(data) == 2:
			return rs485.Answer{Reported: hal.Lock{Address: int(f[5]), Channel: int(data[0])}}, false
		case f[5] != board || f[6] != cmd || len(data) == 0:
			return rs485.Answer{}, false
		}
		return read(data)
	})
}

// find implements frame.Find.
func find(buf []byte) int {
	if !frame.Begins(buf, header()...) {
		return -1
	}
	if len(buf) < 5 {
		return 0
	}
	n := int(buf[4])
	switch {
	case n < lenMin || n > lenMax:
		return -1
	case len(buf) < n:
		return 0
	case frame.Xor(buf[:n-1]) != buf[n-1]:
		return -1
	}
	return n
}
