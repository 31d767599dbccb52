package xor8a

import (
	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

const oneLen = 5 // of any frame about one lock

// one parses the reply about one lock. What its state says is not used: after
// an open it may be older than the bolt, and a whole status read follows.
func one(head, bd, lk byte) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	return func(buf []byte) (int, rs485.Verdict, rs485.Answer) {
		if !frame.Begins(buf, head, bd, lk) {
			return other(buf)
		}
		if len(buf) < oneLen {
			return 0, rs485.More, rs485.Answer{}
		}
		if st := buf[3]; (st != bit0 && st != bit1) || frame.Xor(buf[:4]) != buf[4] {
			return other(buf)
		}
		return oneLen, rs485.Reply, rs485.Answer{}
	}
}

// all parses the reply to read-all.
func (c *codec) all(b hal.BoardConfig) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	lengths := statusBytes(b.Channels)
	return func(buf []byte) (int, rs485.Verdict, rs485.Answer) {
		if !frame.Begins(buf, headRead, byte(b.Address)) {
			return other(buf)
		}
		for _, n := range lengths {
			if len(buf) < n+4 {
				return 0, rs485.More, rs485.Answer{}
			}
			if buf[n+2] == fnRead && frame.Xor(buf[:n+3]) == buf[n+3] {
				return n + 4, rs485.Reply, rs485.Answer{States: c.states(buf[2:n+2], b.Channels)}
			}
		}
		return other(buf)
	}
}

// statusBytes returns how many status bytes a reply may carry, fewest first:
// as many as the channels need, or the three of a 24-way board.
func statusBytes(channels int) []int {
	need := (channels + 7) / 8
	if need < 3 {
		return []int{need, 3}
	}
	return []int{need}
}

func (c *codec) states(s []byte, channels int) []hal.State {
	out := make([]hal.State, channels)
	for i := range out {
		group := i / 8
		if c.highFirst {
			group = len(s) - 1 - group
		}
		out[i] = hal.Open
		if s[group]>>(i%8)&1 == c.closed {
			out[i] = hal.Closed
		}
	}
	return out
}

// allLen is the length of a foreign reply to read-all: that of 24-way boards.
const allLen = 7

// other tells a valid frame of somebody else from noise.
func other(buf []byte) (int, rs485.Verdict, rs485.Answer) {
	if !known(buf[0]) {
		return 1, rs485.Garbage, rs485.Answer{}
	}
	if len(buf) < oneLen {
		return 0, rs485.More, rs485.Answer{}
	}
	if plain(buf[3]) && frame.Xor(buf[:oneLen-1]) == buf[oneLen-1] {
		return oneLen, rs485.Foreign, rs485.Answer{}
	}
	if buf[0] != headRead || len(buf) >= allLen && buf[allLen-2] != fnRead {
		return 1, rs485.Garbage, rs485.Answer{}
	}
	if len(buf) < allLen {
		return 0, rs485.More, rs485.Answer{}
	}
	if frame.Xor(buf[:allLen-1]) == buf[allLen-1] {
		return allLen, rs485.Foreign, rs485.Answer{}
	}
	return 1, rs485.Garbage, rs485.Answer{}
}

// plain tells whether a frame about one lock may carry this byte: a state or a
// function. Anything else would take noise and the start of a reply for one.
func plain(b byte) bool { return b == bit0 || b == bit1 || b == fnRead }

// known lists the heads of the family: commands, replies, and the reports that
// some firmware sends unasked (81 or 82, sources disagree).
func known(head byte) bool {
	switch head {
	case headOpen, headRead, 0x81, 0x82, 0x9A, 0x9B:
		return true
	}
	return false
}
