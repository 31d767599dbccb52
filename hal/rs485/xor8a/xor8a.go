// Package xor8a is the codec of the boards that speak 8A/80 frames closed by
// an XOR (PROTOCOLS.md 1): many makers, 2 to 50 locks, 9600 8N1, DIP address.
//
//	open one   8A BD LK 11 X     reply 8A BD LK ST X, after the pulse
//	read one   80 BD LK 33 X     reply 80 BD LK ST X
//	read all   80 BD 00 33 X     reply 80 BD S… 33 X
//
// The board times the pulse itself, about 300 ms. Longer ones need the six-byte
// form with whole seconds, which one source only knows: it is used only when
// the profile says long_pulse = "1". Lock 0 means all locks, 9A holds a lock
// open, 90 opens several: none of them is ever sent.
//
// The number of status bytes does not follow from the number of channels (an
// 8-way board was seen to send three), and their order is profile data.
package xor8a

import (
	"fmt"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

const (
	headOpen = 0x8A
	headRead = 0x80
	fnOpen   = 0x11
	fnRead   = 0x33
	bit1     = 0x11 // the feedback bit in replies about one lock
	bit0     = 0x00

	boardPulse = 300 * time.Millisecond // the board's own, by the maker's text
	channels   = 50
)

type codec struct {
	frame.SelfTimed

	limits    rs485.Limits
	closed    byte // feedback bit that means closed
	highFirst bool
	long      bool
}

// Limits returns what the family can do, before any profile. Its pulse is the
// longest any profile allows.
func Limits() rs485.Limits {
	return rs485.Limits{
		Family:     "xor8a",
		AddressMin: 1,
		AddressMax: 32,
		Channels:   channels,
		PulseMax:   rs485.PulseCeiling,
		PulseCure:  "give at most 1s",
		Baud:       9600,
		Profile: map[string][]string{
			"closed_bit": {"1", "0"},
			"byte_order": {"high-first", "low-first"},
			"long_pulse": {"0", "1"},
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
	return &codec{
		limits:    l,
		closed:    p["closed_bit"][0] - '0',
		highFirst: p["byte_order"] == "high-first",
		long:      p["long_pulse"] == "1",
	}, nil
}

// Limits implements rs485.Codec.
func (c *codec) Limits() rs485.Limits { return c.limits }

// Unlock implements rs485.Codec.
func (c *codec) Unlock(l hal.Lock, pulse time.Duration) (rs485.Request, error) {
	if err := c.limits.Takes(l, pulse); err != nil {
		return rs485.Request{}, err
	}
	bd, lk := byte(l.Address), byte(l.Channel)
	if c.long && pulse > boardPulse {
		return rs485.Request{
			Bytes: seal(headOpen, bd, lk, fnOpen, 1), Pulse: time.Second, Grace: time.Second,
			Parse: one(headOpen, bd, lk),
		}, nil
	}
	return rs485.Request{
		Bytes: seal(headOpen, bd, lk, fnOpen), Pulse: boardPulse, Grace: boardPulse, Twin: true,
		Parse: one(headOpen, bd, lk),
	}, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	return rs485.Request{Bytes: seal(headRead, byte(b.Address), 0, fnRead), Parse: c.all(b)}
}

// Words implements rs485.Codec.
func (c *codec) Words(f []byte) string {
	who := fmt.Sprintf("board %d lock %d", f[1], f[2])
	switch {
	case f[0] == headOpen && f[3] == fnOpen:
		return "open " + who
	case f[0] == headRead && f[3] == fnRead && f[2] == 0:
		return fmt.Sprintf("read board %d", f[1])
	case f[0] == headRead && f[3] == fnRead:
		return "read " + who
	case len(f) == oneLen:
		return fmt.Sprintf("%s says %02X", who, f[3])
	}
	return fmt.Sprintf("states of board %d", f[1])
}

// Probe implements rs485.Codec: it reads lock 1 alone.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request {
	bd := byte(b.Address)
	return rs485.Request{Bytes: seal(headRead, bd, 1, fnRead), Parse: one(headRead, bd, 1)}
}

func seal(b ...byte) []byte { return append(b, frame.Xor(b)) }
