// Package cu48 is the codec of Kerong CU48 boards (PROTOCOLS.md 4): up to 48
// locks, 19200 8N1.
//
//	unlock  02 ADDR LOCK 61 03 SUM   reply: a status, or none
//	status  02 ADDR LOCK 60 03 SUM   reply 02 ADDR LOCK 75 L1…L6 S1…S6 03 SUM
//
// SUM is the low byte of the sum of all before; LOCK counts from 0; L1 bit 0 is
// lock 1. In some boards the lock number stands before the address: lock_byte.
// An unlock is fired and the state polled; its status, if one comes, is older
// than the pulse and is not used. LOCK 30 and ADDR 0A mean all: never sent.
//
// A status is asked with LOCK 00, and the reply must repeat it (one source;
// unproven), as otherwise the late reply to an unlock could pass for it.
package cu48

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
	cmdStatus = 0x60
	cmdUnlock = 0x61
	cmdReply  = 0x75

	allBoards = 0x0A
	channels  = 48
	askLen    = 6
	replyLen  = 18

	// boardPulse stands for the length the board was set to, which no frame of
	// this family tells: the default of the makers' CU boards is not published.
	boardPulse = 500 * time.Millisecond
)

type codec struct {
	frame.SelfTimed

	limits    rs485.Limits
	closed    byte
	lockFirst bool
}

// Limits returns what the family can do. The pulse is the board's own setting.
func Limits() rs485.Limits {
	return rs485.Limits{
		Family:     "cu48",
		AddressMin: 0,
		AddressMax: 15,
		Reserved:   []int{allBoards},
		Channels:   channels,
		PulseMax:   rs485.PulseCeiling,
		PulseCure:  "give at most 1s",
		Baud:       19200,
		Profile: map[string][]string{
			"closed_bit": {"1", "0"},
			"lock_byte":  {"2", "1"},
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
	return &codec{limits: l, closed: p["closed_bit"][0] - '0', lockFirst: p["lock_byte"] == "1"}, nil
}

// Limits implements rs485.Codec.
func (c *codec) Limits() rs485.Limits { return c.limits }

// Unlock implements rs485.Codec.
func (c *codec) Unlock(l hal.Lock, pulse time.Duration) (rs485.Request, error) {
	if err := c.limits.Takes(l, pulse); err != nil {
		return rs485.Request{}, err
	}
	who := c.who(l.Address, l.Channel-1)
	req := rs485.Request{
		Bytes:    seal(who, cmdUnlock),
		Parse:    parse(who, func([]byte) rs485.Answer { return rs485.Answer{} }),
		Pulse:    max(pulse, boardPulse),
		Optional: true,
	}
	if l.Channel == 1 { // its status looks like one that was asked for
		req.Grace = req.Pulse
	}
	return req, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	who := c.who(b.Address, 0)
	return rs485.Request{
		Bytes: seal(who, cmdStatus),
		Parse: parse(who, func(locks []byte) rs485.Answer {
			return rs485.Answer{States: frame.Bits(locks, b.Channels, c.closed)}
		}),
	}
}

// Words implements rs485.Codec.
func (c *codec) Words(f []byte) string {
	board, lock := f[1], f[2]
	if c.lockFirst {
		board, lock = lock, board
	}
	switch f[3] {
	case cmdStatus:
		return fmt.Sprintf("read board %d", board)
	case cmdUnlock:
		return fmt.Sprintf("open board %d lock %d", board, lock+1)
	}
	return fmt.Sprintf("states of board %d, upon lock %d", board, lock+1)
}

// Probe implements rs485.Codec.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request { return c.Status(b) }

// who gives address and lock in the order in which the board has them.
func (c *codec) who(address, lock int) [2]byte {
	if c.lockFirst {
		return [2]byte{byte(lock), byte(address)}
	}
	return [2]byte{byte(address), byte(lock)}
}

func seal(who [2]byte, cmd byte) []byte {
	b := []byte{start, who[0], who[1], cmd, end}
	return append(b, frame.Sum(b))
}
