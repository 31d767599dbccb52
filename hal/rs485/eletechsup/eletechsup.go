// Package eletechsup is the codec of Eletechsup's Modbus RTU relay boards
// (PROTOCOLS.md 8: N4D8B08, R4D8A08, RYN408F and their kin, from the maker's
// papers and one scan of hardware): 8 relays, 8 inputs, 9600 8N1.
//
//	unlock  FC06 channel, 0500        relay on for one second, off again by the board
//	status  FC03 first input, channels   a register an input, 0001 or 0000
//	inert   FC06 0000, 0800           all relays off
//
// One second is the only pulse that the boards time themselves, and more than
// many solenoids take, so it must be allowed: by long_pulse = "1", or by an
// open.pulse of one second. The delay (06SS) is longer still and is not ended by
// an off; on (01), toggle (03) and latch (04) hold a lock: never sent. That
// all-off ends a pulse that runs is unproven.
//
// Sources disagree on the register of relay 1 (0001 in papers, 0000 in the scan:
// first_channel) and on whether "81" for input 1 is hexadecimal (first_input).
// Boards without inputs (R421A08, R421B16) refuse the status or give none, and
// stay lost: a lock without feedback is not driven.
package eletechsup

import (
	"encoding/binary"
	"fmt"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
	"lockerd/hal/rs485/modbus"
)

const (
	regAll    = 0x0000
	allOff    = 0x0800
	momentary = 0x0500
	inputHex  = 0x0081
	inputDec  = 81
	channels  = 8

	boardPulse = time.Second
)

type codec struct {
	closed       uint16
	firstChannel int
	firstInput   uint16
	limits       rs485.Limits
}

// Limits returns what the family can do, before any profile.
func Limits() rs485.Limits {
	return rs485.Limits{
		Family:     "eletechsup",
		AddressMin: 1,
		AddressMax: 247, // FF: all boards
		Channels:   channels,
		PulseMin:   boardPulse,
		PulseMax:   rs485.PulseCeiling,
		PulseCure:  `eletechsup boards pulse for a fixed 1s: if every lock of the bus takes that, allow it by profile.long_pulse = 1`,
		Baud:       9600,
		Gap:        modbus.Gap,
		Profile: map[string][]string{
			"closed_bit":    {"1", "0"},
			"first_channel": {"1", "0"},
			"first_input":   {"0x81", "81"},
			"long_pulse":    {"0", "1"},
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
	c := &codec{closed: uint16(p["closed_bit"][0] - '0'), firstChannel: int(p["first_channel"][0] - '0'), firstInput: inputHex, limits: l}
	if p["first_input"] == "81" {
		c.firstInput = inputDec
	}
	if p["long_pulse"] == "1" {
		c.limits.PulseMin = 0
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
	req := modbus.Repeat(byte(l.Address), modbus.WriteRegister, uint16(l.Channel-1+c.firstChannel), momentary)
	req.Pulse = boardPulse
	return req, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	return rs485.Request{
		Bytes: modbus.Ask(byte(b.Address), modbus.ReadRegisters, c.firstInput, uint16(b.Channels)),
		Parse: modbus.Parse(modbus.Counted(byte(b.Address), modbus.ReadRegisters, 2*b.Channels), func(f []byte) rs485.Answer {
			return c.states(f[3:len(f)-2], b.Channels)
		}),
	}
}

// Words implements rs485.Codec.
func (c *codec) Words(f []byte) string {
	at, value, whole := modbus.Fields(f)
	switch {
	case whole && f[1] == modbus.WriteRegister && value == momentary:
		return fmt.Sprintf("pulse board %d relay %d for %v", f[0], int(at)-c.firstChannel+1, boardPulse)
	case whole && f[1] == modbus.WriteRegister && at == regAll && value == allOff:
		return fmt.Sprintf("board %d all relays off", f[0])
	case whole && f[1] == modbus.ReadRegisters && at == c.firstInput:
		return fmt.Sprintf("read board %d", f[0])
	}
	return modbus.Words(f)
}

// Probe implements rs485.Codec.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request { return c.Status(b) }

// Start implements rs485.Codec.
func (c *codec) Start(b hal.BoardConfig) []rs485.Request { return c.Inert(b) }

// Inert implements rs485.Codec.
func (c *codec) Inert(b hal.BoardConfig) []rs485.Request {
	return []rs485.Request{modbus.Repeat(byte(b.Address), modbus.WriteRegister, regAll, allOff)}
}

// states reads a register a channel.
func (c *codec) states(regs []byte, channels int) rs485.Answer {
	values := make([]uint16, channels)
	for i := range values {
		values[i] = binary.BigEndian.Uint16(regs[2*i:])
	}
	return frame.Values(values, c.closed)
}
