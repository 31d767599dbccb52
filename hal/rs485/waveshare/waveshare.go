// Package waveshare is the codec of Waveshare's Modbus RTU relay boards
// (PROTOCOLS.md 8): 9600 8N1, relays by coil, door switches on discrete inputs.
//
//	unlock  FC05 0200+n, value in 100 ms   relay n on, and off again by the board
//	status  FC02 0000, as many as channels
//	inert   FC05 00FF 0000                 all relays off
//
// A pulse is rounded up to whole 100 ms and never longer than a second. Coils
// are never held (FF00), toggled (5500), or flashed off (0400+n, which ends
// with the relay on). The reply to FC05 equals its request.
//
// A "(D)" board may come in a mode where an input drives a relay, so that a
// door switch would open a lock: the modes 1000–1007 are read when a board is
// found and set to normal if they are not, and all relays put off once more. A
// board without modes refuses the read or is silent, each time it is asked; that
// is taken for normal. That all-off also ends a flash
// that runs is unproven.
package waveshare

import (
	"fmt"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/frame"
	"lockerd/hal/rs485/modbus"
)

const (
	coilAll    = 0x00FF
	coilFlash  = 0x0200
	regMode    = 0x1000
	modesMin   = 8 // registers 1000–1007, on the boards that have them
	channels   = 32
	pulseUnit  = 100 * time.Millisecond
	modeNormal = 0
)

type codec struct {
	closed byte
	limits rs485.Limits
}

// Limits returns what the family can do.
func Limits() rs485.Limits {
	return rs485.Limits{
		Family:     "waveshare",
		AddressMin: 1,
		AddressMax: 255,
		Channels:   channels,
		PulseMax:   rs485.PulseCeiling,
		PulseCure:  "give at most 1s",
		Baud:       9600,
		Gap:        modbus.Gap,
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
	units := max(1, int((pulse+pulseUnit-1)/pulseUnit))
	req := modbus.Repeat(byte(l.Address), modbus.WriteCoil, coilFlash+uint16(l.Channel-1), uint16(units))
	req.Pulse = time.Duration(units) * pulseUnit
	return req, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	return rs485.Request{
		Bytes: modbus.Ask(byte(b.Address), modbus.ReadInputs, 0, uint16(b.Channels)),
		Parse: modbus.Parse(modbus.Counted(byte(b.Address), modbus.ReadInputs, (b.Channels+7)/8), func(f []byte) rs485.Answer {
			return rs485.Answer{States: frame.Bits(f[3:], b.Channels, c.closed)}
		}),
	}
}

// Words implements rs485.Codec.
func (c *codec) Words(f []byte) string {
	at, value, whole := modbus.Fields(f)
	switch {
	case whole && f[1] == modbus.WriteCoil && at>>8 == coilFlash>>8:
		return fmt.Sprintf("pulse board %d relay %d for %v", f[0], at&0xFF+1, time.Duration(value)*pulseUnit)
	case whole && f[1] == modbus.WriteCoil && at == coilAll && value == 0:
		return fmt.Sprintf("board %d all relays off", f[0])
	case whole && f[1] == modbus.ReadRegisters && at == regMode:
		return fmt.Sprintf("read modes of board %d", f[0])
	case len(f) >= 8 && f[1] == modbus.WriteRegisters:
		return fmt.Sprintf("board %d all modes to normal", f[0])
	}
	return modbus.Words(f)
}

// Probe implements rs485.Codec.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request { return c.Status(b) }

// Inert implements rs485.Codec.
func (c *codec) Inert(b hal.BoardConfig) []rs485.Request {
	return []rs485.Request{modbus.Repeat(byte(b.Address), modbus.WriteCoil, coilAll, 0)}
}

// Start implements rs485.Codec.
func (c *codec) Start(b hal.BoardConfig) []rs485.Request {
	return append(c.Inert(b), c.readModes(b))
}

// readModes asks for the modes of a whole board, which may have more channels
// than are wired: what drives a relay by itself is to be found.
// An input may have driven its relay until its mode was set, which leaves it on:
// all are put off again.
func (c *codec) readModes(b hal.BoardConfig) rs485.Request {
	n, address := modesMin, byte(b.Address)
	for n < b.Channels {
		n *= 2
	}
	return rs485.Request{
		Bytes:    modbus.Ask(address, modbus.ReadRegisters, regMode, uint16(n)),
		Parse:    modbus.Parse(modbus.Counted(address, modbus.ReadRegisters, 2*n), payload),
		Optional: true,
		Then: func(a rs485.Answer) []rs485.Request {
			for _, v := range a.Data {
				if v != modeNormal {
					return append([]rs485.Request{setModes(address, n)}, c.Inert(b)...)
				}
			}
			return nil
		},
	}
}

func setModes(address byte, n int) rs485.Request {
	b := modbus.Ask(address, modbus.WriteRegisters, regMode, uint16(n))
	head := b[:6:6]
	return rs485.Request{
		Bytes: modbus.Seal(append(append(head, byte(2*n)), make([]byte, 2*n)...)),
		Parse: modbus.Parse(modbus.Reply{Head: head, Length: 8}, func([]byte) rs485.Answer { return rs485.Answer{} }),
		Note:  "its inputs drove its relays (linkage, toggle or edge mode): set to normal; do it with the maker's tool before door switches are wired",
	}
}

// payload keeps what a reply to a read carries.
func payload(f []byte) rs485.Answer {
	return rs485.Answer{Data: append([]byte(nil), f[3:len(f)-2]...)}
}
