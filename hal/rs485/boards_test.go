package rs485_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/waveshare"
	"lockerd/hal/rs485/xor8a"
)

// cabinet is a chain of virtual 24-way xor8a boards, all doors closed.
type cabinet struct {
	boards  []int
	latency time.Duration
	echo    bool
	silent  map[int]bool
	mangle  func(req, reply []byte) []chunk // nil: reply after latency
}

func sealX(b ...byte) []byte {
	var x byte
	for _, v := range b {
		x ^= v
	}
	return append(b, x)
}

func (c *cabinet) answer(req []byte) []chunk {
	var out []chunk
	if c.echo {
		out = append(out, chunk{time.Millisecond, bytes.Clone(req)})
	}
	board := int(req[1])
	if !slices.Contains(c.boards, board) || c.silent[board] {
		return out
	}
	reply, after := sealX(req[0], req[1], 0xFF, 0xFF, 0xFF, 0x33), c.latency
	switch {
	case req[0] == 0x8A:
		reply, after = sealX(0x8A, req[1], req[2], 0x11), c.latency+300*time.Millisecond
	case req[2] != 0:
		reply = sealX(0x80, req[1], req[2], 0x11)
	}
	if c.mangle != nil {
		return append(out, c.mangle(req, reply)...)
	}
	return append(out, chunk{after, reply})
}

func xorConfig(addresses ...int) hal.Config {
	cfg := hal.Config{Name: "a", Driver: "xor8a", Port: "mem", ReplyTimeout: 100 * time.Millisecond, Poll: 500 * time.Millisecond, Coils: 1}
	for _, a := range addresses {
		cfg.Boards = append(cfg.Boards, hal.BoardConfig{Address: a, Channels: 24})
	}
	return cfg
}

func rsCodec() (rs485.Codec, error) { return xor8a.New(nil) }

func xorCodec(t *testing.T) rs485.Codec {
	t.Helper()
	c, err := xor8a.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wsCodec(t *testing.T) rs485.Codec {
	t.Helper()
	c, err := waveshare.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// relays is a virtual Waveshare board with 8 closed doors.
type relays struct {
	address byte
	modes   []byte // nil: the board has none and refuses the read
	echo    bool
	dead    bool
	refuse  bool // FC05 flash
	blind   bool // no inputs: FC02 is refused
}

func sealM(b ...byte) []byte {
	c := uint16(0xFFFF)
	for _, v := range b {
		c ^= uint16(v)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0xA001
			} else {
				c >>= 1
			}
		}
	}
	return append(b, byte(c), byte(c>>8))
}

func (r *relays) answer(req []byte) []chunk {
	var out []chunk
	if r.echo {
		out = append(out, chunk{time.Millisecond, bytes.Clone(req)})
	}
	if r.dead || req[0] != r.address {
		return out
	}
	return append(out, chunk{10 * time.Millisecond, r.reply(req)})
}

func (r *relays) reply(req []byte) []byte {
	switch req[1] {
	case 0x02:
		if r.blind {
			return sealM(req[0], 0x82, 1)
		}
		return sealM(req[0], 2, 1, 0xFF)
	case 0x03:
		if r.modes == nil {
			return sealM(req[0], 0x83, 2)
		}
		return sealM(append([]byte{req[0], 3, 16}, r.modes...)...)
	case 0x10:
		r.modes = bytes.Clone(req[7:23])
		return sealM(req[:6:6]...)
	case 0x05:
		if r.refuse && req[2] == 0x02 {
			return sealM(req[0], 0x85, 3)
		}
	}
	return bytes.Clone(req)
}

func wsConfig() hal.Config {
	return hal.Config{Name: "w", Driver: "waveshare", Port: "mem", ReplyTimeout: 100 * time.Millisecond, Poll: 500 * time.Millisecond, Boards: []hal.BoardConfig{{Address: 1, Channels: 8}}}
}
