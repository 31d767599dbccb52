// Package dc is the codec of Dingchang's lock boards (PROTOCOLS.md 6, from the
// manuals DC_锁控_12_V0.2 and _24_V0.1): 12 or 24 locks, 9600 8N1.
//
//	open      DC 02 AD 10 01 CH SUM   reply DC FE AD 10 02 CH STATE SUM, or … 01 STATE SUM
//	read all  DC 02 AD 12 00 SUM      reply DC FE AD 12 02 HIGH LOW SUM
//
// SUM is the low byte of the sum from AD on. The manual's table has the lock in
// the reply to an open, its printed example has not; both are taken, and what
// they say of the door is not used. Masks have the highest locks first; that of
// 24-way boards is taken with three bytes, which no source says. 14, 15 and 18
// open several locks, 16 and 1A hold them, by the manual's own word until they
// burn: never sent.
//
// ways = 24 is for the 24-way boards, which can have addresses to 99 where the
// 12-way ones end at 15.
package dc

import (
	"fmt"
	"slices"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
)

const (
	head       = 0xDC
	asks       = 0x02
	replies    = 0xFE
	cmdOpen    = 0x10
	cmdReadAll = 0x12
	lenMax     = 16 // of data; the longest published is 2

	pulse12 = 300 * time.Millisecond // stands for the board's own, not published
	pulse24 = 150 * time.Millisecond // by the manual
)

type codec struct {
	frame.SelfTimed

	closed byte
	limits rs485.Limits
	pulse  time.Duration
}

// Limits returns what the family can do, before any profile: what its 24-way
// boards can.
func Limits() rs485.Limits {
	return rs485.Limits{
		Family:     "dc",
		AddressMin: 1,
		AddressMax: 99,
		Channels:   24,
		PulseMax:   rs485.PulseCeiling,
		PulseCure:  "give at most 1s",
		Baud:       9600,
		Profile: map[string][]string{
			"closed_bit": {"0", "1"},
			"ways":       {"12", "24"},
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
	c := &codec{closed: p["closed_bit"][0] - '0', limits: l, pulse: pulse24}
	if p["ways"] == "12" {
		c.limits.AddressMax, c.limits.Channels, c.pulse = 15, 12, pulse12
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
	ad, ch := byte(l.Address), byte(l.Channel)
	return rs485.Request{
		Bytes: seal(ad, cmdOpen, ch),
		Pulse: c.pulse,
		Grace: c.pulse,
		Parse: parse(ad, cmdOpen, func(data []byte) (rs485.Answer, bool) {
			named := len(data) == 2 && data[0] == ch
			return rs485.Answer{}, (named || len(data) == 1) && data[len(data)-1] <= 1
		}),
	}, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	ad := byte(b.Address)
	return rs485.Request{
		Bytes: seal(ad, cmdReadAll),
		Parse: parse(ad, cmdReadAll, func(mask []byte) (rs485.Answer, bool) {
			if len(mask) < 2 {
				return rs485.Answer{}, false
			}
			if 8*len(mask) < b.Channels {
				return rs485.Answer{Refused: fmt.Sprintf("for %d channels only", 8*len(mask))}, true
			}
			bits := slices.Clone(mask)
			slices.Reverse(bits)
			return rs485.Answer{States: frame.Bits(bits, b.Channels, c.closed)}, true
		}),
	}
}

// Words implements rs485.Codec.
func (c *codec) Words(f []byte) string {
	address, cmd, data := f[2], f[3], f[5:len(f)-1]
	asked := f[1] == asks
	switch {
	case cmd == cmdReadAll && asked:
		return fmt.Sprintf("read board %d", address)
	case cmd == cmdReadAll:
		return fmt.Sprintf("states of board %d", address)
	case cmd == cmdOpen && asked && len(data) == 1:
		return fmt.Sprintf("open board %d lock %d", address, data[0])
	case cmd == cmdOpen && len(data) == 2:
		return fmt.Sprintf("board %d lock %d says %02X", address, data[0], data[1])
	case cmd == cmdOpen && len(data) == 1:
		return fmt.Sprintf("board %d says %02X of the lock it opened", address, data[0])
	}
	return fmt.Sprintf("board %d function %02X", address, cmd)
}

// Probe implements rs485.Codec.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request { return c.Status(b) }

func seal(address, cmd byte, data ...byte) []byte {
	b := append([]byte{head, asks, address, cmd, byte(len(data))}, data...)
	return append(b, frame.Sum(b[2:]))
}

// parse looks for the reply to a command and hands on its data.
func parse(address, cmd byte, read func(data []byte) (rs485.Answer, bool)) func([]byte) (int, rs485.Verdict, rs485.Answer) {
	return frame.Parse(find, func(f []byte) (rs485.Answer, bool) {
		if !frame.Begins(f, head, replies, address, cmd) {
			return rs485.Answer{}, false
		}
		return read(f[5 : len(f)-1])
	})
}

// find implements frame.Find.
func find(buf []byte) int {
	if buf[0] != head || len(buf) > 1 && buf[1] != asks && buf[1] != replies {
		return -1
	}
	if len(buf) < 5 {
		return 0
	}
	n := int(buf[4]) + 6
	switch {
	case buf[4] > lenMax:
		return -1
	case len(buf) < n:
		return 0
	case frame.Sum(buf[2:n-1]) != buf[n-1]:
		return -1
	}
	return n
}
