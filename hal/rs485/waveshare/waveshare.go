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
// found and set to normal if they are not. A board without modes refuses the
// read or is silent; that is taken for normal. That all-off also ends a flash
// that runs is unproven.
package waveshare

import (
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
)

const (
	fcInputs   = 0x02
	fcRegs     = 0x03
	fcCoil     = 0x05
	fcSetRegs  = 0x10
	exception  = 0x80
	coilAll    = 0x00FF
	coilFlash  = 0x0200
	regMode    = 0x1000
	modes      = 8 // registers 1000–1007
	channels   = 32
	pulseUnit  = 100 * time.Millisecond
	modeNormal = 0
)

type codec struct{ closed byte }

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
		Gap:        4, // the 3.5 of Modbus RTU, rounded up
		Profile:    map[string][]string{"closed_bit": {"1", "0"}},
	}
}

// New makes the codec for a profile.
func New(profile map[string]string) (rs485.Codec, error) {
	p, err := rs485.Profile(Limits(), profile)
	if err != nil {
		return nil, err
	}
	return &codec{closed: p["closed_bit"][0] - '0'}, nil
}

// Limits implements rs485.Codec.
func (c *codec) Limits() rs485.Limits { return Limits() }

// Unlock implements rs485.Codec.
func (c *codec) Unlock(l hal.Lock, pulse time.Duration) (rs485.Request, error) {
	if err := Limits().Takes(l, pulse); err != nil {
		return rs485.Request{}, err
	}
	units := max(1, int((pulse+pulseUnit-1)/pulseUnit))
	req := coil(byte(l.Address), coilFlash+uint16(l.Channel-1), uint16(units))
	req.Pulse = time.Duration(units) * pulseUnit
	return req, nil
}

// Status implements rs485.Codec.
func (c *codec) Status(b hal.BoardConfig) rs485.Request {
	return rs485.Request{
		Bytes: ask(byte(b.Address), fcInputs, 0, uint16(b.Channels)),
		Parse: parse(counted(byte(b.Address), fcInputs, (b.Channels+7)/8), func(f []byte) rs485.Answer {
			return rs485.Answer{States: c.states(f[3:], b.Channels)}
		}),
	}
}

// Probe implements rs485.Codec.
func (c *codec) Probe(b hal.BoardConfig) rs485.Request { return c.Status(b) }

// Inert implements rs485.Codec.
func (c *codec) Inert(b hal.BoardConfig) []rs485.Request {
	return []rs485.Request{coil(byte(b.Address), coilAll, 0)}
}

// Start implements rs485.Codec.
func (c *codec) Start(b hal.BoardConfig) []rs485.Request {
	return append(c.Inert(b), readModes(byte(b.Address)))
}

func readModes(address byte) rs485.Request {
	return rs485.Request{
		Bytes:    ask(address, fcRegs, regMode, modes),
		Parse:    parse(counted(address, fcRegs, 2*modes), payload),
		Optional: true,
		Then: func(a rs485.Answer) []rs485.Request {
			for _, v := range a.Data {
				if v != modeNormal {
					return []rs485.Request{setModes(address)}
				}
			}
			return nil
		},
	}
}

func setModes(address byte) rs485.Request {
	b := ask(address, fcSetRegs, regMode, modes)
	head := b[:6:6]
	return rs485.Request{
		Bytes: seal(append(append(head, 2*modes), make([]byte, 2*modes)...)),
		Parse: parse(reply{head: head, length: 8}, payload),
	}
}

// coil makes an FC05 request, whose reply repeats it.
func coil(address byte, at, value uint16) rs485.Request {
	b := ask(address, fcCoil, at, value)
	return rs485.Request{Bytes: b, Parse: parse(reply{head: b[:6:6], length: len(b)}, payload), Twin: true}
}

// payload keeps what a reply carries, if it says how much.
func payload(f []byte) rs485.Answer {
	if f[1] != fcRegs {
		return rs485.Answer{}
	}
	return rs485.Answer{Data: append([]byte(nil), f[3:len(f)-2]...)}
}

func (c *codec) states(inputs []byte, channels int) []hal.State {
	out := make([]hal.State, channels)
	for i := range out {
		out[i] = hal.Open
		if inputs[i/8]>>(i%8)&1 == c.closed {
			out[i] = hal.Closed
		}
	}
	return out
}
