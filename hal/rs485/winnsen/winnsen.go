// Package winnsen is the codec of Winnsen's lock boards (PROTOCOLS.md 5, from
// the maker's paper V202104 and public code): up to 16 locks, 9600 8N1.
//
//	open   90 06 05 ST LK 03          reply 90 07 85 ST LK R 03
//	state  90 07 02 ST LOW HIGH 03    reply 90 07 82 ST LOW HIGH 03
//
// ST is the station, LK the lock from 1; LOW and HIGH name the locks that are
// asked, and in the reply those that are open. R is the feedback after the
// pulse, 01 or 00; it is not used, as a status read follows.
//
// No checksum guards a frame: head, length, function, station, lock and tail
// must fit, and a state counts only once three reads in a row agree on it, as
// two flipped bits may agree by chance. That another lock than was meant opens,
// when a bit of a request flips on the line, can't be kept from happening here.
//
// Some boards answer A5 and A2 in place of 85 and 82: reply = "a5". The boards
// that tell one lock at a time (90 06 12) and the LD1.0, which speaks Modbus,
// are not driven.
package winnsen

import (
	"fmt"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

const (
	head     = 0x90
	tail     = 0x03
	fnOpen   = 0x05
	fnState  = 0x02
	fnOne    = 0x12 // state of one lock, of the boards with that
	reply    = 0x80 // added to a function in its reply
	replyA5  = 0xA0 // the same on boards with reply = "a5"
	channels = 16
	agree    = 3

	// boardPulse stands for the board's own, which is not published.
	boardPulse = 300 * time.Millisecond
)

type codec struct {
	frame.SelfTimed

	limits        rs485.Limits
	closed, reply byte
}

// Limits returns what the family can do.
func Limits() rs485.Limits {
	return rs485.Limits{
		Family:     "winnsen",
		AddressMin: 0,
		AddressMax: 255,
		Channels:   channels,
		PulseMax:   rs485.PulseCeiling,
		PulseCure:  "give at most 1s",
		Baud:       9600,
		Agree:      agree,
		Profile: map[string][]string{
			"closed_bit": {"0", "1"},
			"reply":      {"85", "a5"},
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
	c := &codec{limits: l, closed: p["closed_bit"][0] - '0', reply: reply}
	if p["reply"] == "a5" {
		c.reply = replyA5
	}
	return c, nil
}

// Limits implements rs485.Codec.
func (c *codec) Limits() rs485.Limits { return c.limits }

// Unlock implements rs485.Codec.
func (c *codec) Unlock(l hal.Lock, pulse time.Duration) (rs485.Request, error) {
	if err := c.limits.Takes(l, pulse); err != nil {
		return rs485.Request{}, err
	}
	st, lk := byte(l.Address), byte(l.Channel)
	return rs485.Request{
		Bytes: seal(fnOpen, st, lk),
		Pulse: boardPulse,
		Grace: boardPulse,
		Parse: frame.Parse(find, func(f []byte) (rs485.Answer, bool) {
			return rs485.Answer{}, frame.Begins(f, head, 7, fnOpen|c.reply, st, lk) && f[5] <= 1
		}),
	}, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	st, asked := byte(b.Address), uint16(1)<<b.Channels-1
	return rs485.Request{
		Bytes: seal(fnState, st, byte(asked), byte(asked>>8)),
		Parse: frame.Parse(find, func(f []byte) (rs485.Answer, bool) {
			if !frame.Begins(f, head, 7, fnState|c.reply, st) {
				return rs485.Answer{}, false
			}
			return rs485.Answer{States: frame.Bits(f[4:6], b.Channels, c.closed)}, true
		}),
	}
}

// Words implements rs485.Codec.
func (c *codec) Words(f []byte) string {
	switch f[2] {
	case fnState:
		return fmt.Sprintf("read board %d", f[3])
	case fnOpen:
		return fmt.Sprintf("open board %d lock %d", f[3], f[4])
	case fnOpen | reply, fnOpen | replyA5:
		return fmt.Sprintf("board %d lock %d says %02X", f[3], f[4], f[5])
	case fnState | reply, fnState | replyA5:
		return fmt.Sprintf("states of board %d", f[3])
	}
	return fmt.Sprintf("board %d function %02X", f[3], f[2])
}

// Probe implements rs485.Codec.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request { return c.Status(b) }

// seal makes a frame, whose length counts all of it.
func seal(b ...byte) []byte {
	return append(append([]byte{head, byte(len(b) + 3)}, b...), tail)
}

// length returns that of a frame by its function.
func length(fn byte) int {
	switch fn {
	case fnOpen, fnOne:
		return 6
	case fnState, fnOpen | reply, fnState | reply, fnOne | reply, fnOpen | replyA5, fnState | replyA5:
		return 7
	}
	return 0
}

// find implements frame.Find.
func find(buf []byte) int {
	if buf[0] != head || len(buf) > 1 && buf[1] != 6 && buf[1] != 7 {
		return -1
	}
	if len(buf) < 3 {
		return 0
	}
	n := length(buf[2])
	switch {
	case n == 0 || n != int(buf[1]):
		return -1
	case len(buf) < n:
		return 0
	case buf[n-1] != tail:
		return -1
	}
	return n
}
