// Package wkly is the codec of the boards whose frames begin with "WKLY"
// (PROTOCOLS.md 2, from makers' papers and public code of LockCtl, cnbaosi and
// Lockium): up to 24 locks, 9600 8N1.
//
//	open one  57 4B 4C 59 09 BD 82 CH X   reply … 0B BD 82 STATUS CH STATE X
//	read all  57 4B 4C 59 08 BD 84 X      reply … LEN BD 84 STATUS N S1…SN X
//	unasked   57 4B 4C 59 0A BD 85 CH STATE X
//
// Byte 4 counts the whole frame, X is the exclusive or of all before, STATUS is
// 00 or, for a refusal, FF. Which STATE means closed is disputed (two sources
// have 01, one 00): closed_bit. What an unlock's reply says of the door is not
// used; the boards' unasked reports, which may have been broken by a request of
// ours, only make the board be read at once. 80, 86 and 87 open several locks,
// 88 holds one: never sent.
package wkly

import (
	"fmt"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

const (
	cmdOpen    = 0x82
	cmdReadAll = 0x84
	cmdReport  = 0x85
	statusOK   = 0x00
	statusNo   = 0xFF
	channels   = 24

	// boardPulse stands for the board's own, which is not published.
	boardPulse = 300 * time.Millisecond
)

type codec struct {
	frame.SelfTimed

	limits rs485.Limits
	closed byte
}

// Limits returns what the family can do.
func Limits() rs485.Limits {
	return rs485.Limits{
		Family:     "wkly",
		AddressMin: 0,
		AddressMax: 31,
		Channels:   channels,
		PulseMax:   rs485.PulseCeiling,
		PulseCure:  "give at most 1s",
		Baud:       9600,
		Reports:    true,
		Profile:    map[string][]string{"closed_bit": {"1", "0"}},
	}
}

// New makes the codec for a profile.
func New(profile map[string]string) (rs485.Codec, error) {
	l := Limits()
	p, err := rs485.Profile(l, profile)
	if err != nil {
		return nil, err
	}
	return &codec{limits: l, closed: p["closed_bit"][0] - '0'}, nil
}

// Limits implements rs485.Codec.
func (c *codec) Limits() rs485.Limits { return c.limits }

// Unlock implements rs485.Codec.
func (c *codec) Unlock(l hal.Lock, pulse time.Duration) (rs485.Request, error) {
	if err := c.limits.Takes(l, pulse); err != nil {
		return rs485.Request{}, err
	}
	bd, ch := byte(l.Address), byte(l.Channel)
	return rs485.Request{
		Bytes: seal(bd, cmdOpen, ch),
		Pulse: boardPulse,
		Grace: boardPulse,
		Parse: parse(bd, cmdOpen, func(data []byte) (rs485.Answer, bool) {
			ours := len(data) == 3 && data[1] == ch
			switch data[0] {
			case statusNo:
				return rs485.Answer{Refused: "status FF"}, ours || len(data) == 1
			case statusOK:
				return rs485.Answer{}, ours
			}
			return rs485.Answer{}, false
		}),
	}, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	bd := byte(b.Address)
	return rs485.Request{
		Bytes: seal(bd, cmdReadAll),
		Parse: parse(bd, cmdReadAll, func(data []byte) (rs485.Answer, bool) {
			switch {
			case data[0] == statusNo:
				return rs485.Answer{Refused: "status FF"}, true
			case data[0] != statusOK || len(data) < 2 || int(data[1]) != len(data)-2:
				return rs485.Answer{}, false
			}
			return c.states(data[2:], b.Channels), true
		}),
	}
}

// Words implements rs485.Codec.
func (c *codec) Words(f []byte) string {
	board, cmd, data := f[5], f[6], f[7:len(f)-1]
	switch {
	case cmd == cmdReadAll && len(data) == 0:
		return fmt.Sprintf("read board %d", board)
	case cmd == cmdReadAll:
		return fmt.Sprintf("states of board %d", board)
	case cmd == cmdOpen && len(data) == 1:
		return fmt.Sprintf("open board %d lock %d", board, data[0])
	case cmd == cmdOpen && len(data) == 3:
		return fmt.Sprintf("board %d lock %d says %02X, status %02X", board, data[1], data[2], data[0])
	case cmd == cmdReport && len(data) == 2:
		return fmt.Sprintf("board %d lock %d has changed to %02X", board, data[0], data[1])
	}
	return fmt.Sprintf("board %d function %02X", board, cmd)
}

// Probe implements rs485.Codec.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request { return c.Status(b) }

// states reads one byte a channel. A board may tell of more than are wired.
func (c *codec) states(said []byte, channels int) rs485.Answer {
	if len(said) < channels {
		return rs485.Answer{Refused: fmt.Sprintf("for %d channels only", len(said))}
	}
	return frame.Values(said[:channels], c.closed)
}
