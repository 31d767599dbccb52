// Package cu16 is the codec of Kerong CU12, CU16 and NCU16L boards
// (PROTOCOLS.md 3, from a maker's paper and six public code bases): up to 16
// locks, 19200 8N1, one site at 115200.
//
//	unlock  02 AL 31 03 SUM   no reply, or the board's state
//	state   02 A0 30 03 SUM   reply 02 A0 35 L1 L2 S1 S2 03 SUM
//
// A is the board, 0 to 14, L the lock counted from 0; SUM is the low byte of
// the sum of all before; bit 0 of L1 is lock 1. S1 and S2 are item sensors, not
// used. A = F means all boards and 33 all locks: never sent. Neither are 37 and
// 39, which set the board's times and are known from one source only.
//
// Sources disagree on the reply to an unlock. unlock_reply = "none" (two of
// them) fires and polls; "state" (one) wants the board's state as reply. It
// names no lock and may be older than the pulse, so it is not used as a state.
package cu16

import (
	"fmt"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

const (
	start     = 0x02
	end       = 0x03
	cmdState  = 0x30
	cmdUnlock = 0x31
	cmdReply  = 0x35
	channels  = 16
	askLen    = 5
	replyLen  = 9

	// boardPulse stands for the length the board was set to, 0 to 60 s, which
	// nothing tells.
	boardPulse = 500 * time.Millisecond
)

type codec struct {
	frame.SelfTimed

	limits  rs485.Limits
	closed  byte
	answers bool
}

// Limits returns what the family can do. The pulse is the board's own setting.
func Limits() rs485.Limits {
	return rs485.Limits{
		Family:     "cu16",
		AddressMin: 0,
		AddressMax: 14, // F: all boards
		Channels:   channels,
		PulseMax:   rs485.PulseCeiling,
		PulseCure:  "give at most 1s",
		Baud:       19200,
		Profile: map[string][]string{
			"closed_bit":   {"1", "0"},
			"unlock_reply": {"none", "state"},
		},
	}
}

// New makes the codec for a profile.
func New(profile map[string]string) (rs485.Codec, error) {
	l := Limits()
	p, err := rs485.Profile(l, profile)
	if err != nil {
		return nil, err
	}
	return &codec{limits: l, closed: p["closed_bit"][0] - '0', answers: p["unlock_reply"] == "state"}, nil
}

// Limits implements rs485.Codec.
func (c *codec) Limits() rs485.Limits { return c.limits }

// Unlock implements rs485.Codec.
func (c *codec) Unlock(l hal.Lock, pulse time.Duration) (rs485.Request, error) {
	if err := c.limits.Takes(l, pulse); err != nil {
		return rs485.Request{}, err
	}
	return rs485.Request{
		Bytes:    seal(start, who(l.Address, l.Channel-1), cmdUnlock, end),
		Parse:    parse(l.Address, func([]byte) rs485.Answer { return rs485.Answer{} }),
		Pulse:    max(pulse, boardPulse),
		Optional: !c.answers,
	}, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	return rs485.Request{
		Bytes: seal(start, who(b.Address, 0), cmdState, end),
		Parse: parse(b.Address, func(f []byte) rs485.Answer {
			return rs485.Answer{States: frame.Bits(f[3:5], b.Channels, c.closed)}
		}),
	}
}

// Words implements rs485.Codec.
func (c *codec) Words(f []byte) string {
	board, lock := f[1]>>4, f[1]&0x0F+1
	switch f[2] {
	case cmdState:
		return fmt.Sprintf("read board %d", board)
	case cmdUnlock:
		return fmt.Sprintf("open board %d lock %d", board, lock)
	case cmdReply:
		return fmt.Sprintf("states of board %d", board)
	}
	return fmt.Sprintf("board %d function %02X", board, f[2])
}

// Probe implements rs485.Codec.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request { return c.Status(b) }

func who(board, lock int) byte { return byte(board<<4 | lock) }

func seal(b ...byte) []byte { return append(b, frame.Sum(b)) }

// parse looks for the state of a board, whatever it answers.
func parse(board int, read func(f []byte) rs485.Answer) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	return frame.Parse(frame.Kerong(2, length), func(f []byte) (rs485.Answer, bool) {
		if !frame.Begins(f, start, who(board, 0), cmdReply) {
			return rs485.Answer{}, false
		}
		return read(f), true
	})
}

// length returns that of a frame by its function: what a host sends, and the
// replies to 30 and, from each board in turn, to 32.
func length(cmd byte) int {
	switch cmd {
	case cmdState, cmdUnlock, 0x32, 0x33, 0x38:
		return askLen
	case cmdReply, 0x36:
		return replyLen
	}
	return 0
}
