package eletechsup_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/codectest"
	"lockerd/hal/rs485/eletechsup"
)

const frames = "../../../testdata/frames.tsv"

func codec(tb testing.TB) rs485.Codec {
	tb.Helper()
	return codectest.Make(tb, eletechsup.New, nil)
}

func seal(b ...byte) []byte {
	c := uint16(0xFFFF)
	for _, v := range b {
		c ^= uint16(v)
		for range 8 {
			low := c & 1
			if c >>= 1; low == 1 {
				c ^= 0xA001
			}
		}
	}
	return append(b, byte(c), byte(c>>8))
}

// inputs is the reply to a status: a register a channel.
func inputs(address byte, values ...byte) []byte {
	f := []byte{address, 3, byte(2 * len(values))}
	for _, v := range values {
		f = append(f, 0, v)
	}
	return seal(f...)
}

// Nothing that was published is ever sent: it holds a lock, reads relays, or is
// for all boards.
func TestPublishedFrames(t *testing.T) {
	c, all := codec(t), codectest.Frames(t, frames, "MB-EL")
	open, status, off := codectest.Must(t, c, 1, 1), c.Status(codectest.Board(1, 8)), c.Inert(codectest.Board(1, 8))[0]
	var never []string
	for _, f := range all {
		if f.Kind == "req" {
			never = append(never, hex.EncodeToString(f.Bytes))
		}
	}
	codectest.Requests(t, all, []rs485.Request{open, status, off}, never...)
	for _, req := range []rs485.Request{open, status, off} {
		codectest.Foreign(t, req, all)
	}
	one := c.Status(codectest.Board(1, 1))
	codectest.Foreign(t, one, all, "01 03 02 00 01 79 84", "01 03 02 00 00 B8 44")
	codectest.Says(t, one, codectest.Bytes(t, "01 03 02 00 01 79 84"), 1, func(int) bool { return true })
	codectest.Says(t, one, codectest.Bytes(t, "01 03 02 00 00 B8 44"), 1, func(int) bool { return false })
	for _, f := range all {
		if _, v, _ := status.Parse(f.Bytes); (v == rs485.Foreign) == (f.Kind == "BAD") {
			t.Errorf("%s %x: verdict %d", f.Kind, f.Bytes, v)
		}
	}
}

func TestRequests(t *testing.T) {
	odd := codectest.Make(t, eletechsup.New, map[string]string{"first_channel": "0", "first_input": "81", "long_pulse": "1"})
	for _, tc := range []struct {
		name string
		got  rs485.Request
		want []byte
	}{
		{"open 1", codectest.Must(t, codec(t), 1, 1), seal(1, 6, 0, 1, 5, 0)},
		{"open 8", codectest.Must(t, codec(t), 1, 8), seal(1, 6, 0, 8, 5, 0)},
		{"open 1 from 0", codectest.Must(t, odd, 1, 1), seal(1, 6, 0, 0, 5, 0)},
		{"status", codec(t).Status(codectest.Board(1, 8)), seal(1, 3, 0, 0x81, 0, 8)},
		{"status, decimal", odd.Status(codectest.Board(1, 8)), seal(1, 3, 0, 81, 0, 8)},
		{"all off", codec(t).Start(codectest.Board(1, 8))[0], seal(1, 6, 0, 0, 8, 0)},
	} {
		if !bytes.Equal(tc.got.Bytes, tc.want) {
			t.Errorf("%s: %x, want %x", tc.name, tc.got.Bytes, tc.want)
		}
	}
	if req := codectest.Must(t, odd, 1, 1); !req.Twin || req.Pulse != time.Second {
		t.Errorf("twin %v, pulse %v", req.Twin, req.Pulse)
	}
}

// A pulse shorter than the board's only one is refused unless it was allowed to
// be longer.
func TestOneSecondMustBeAllowed(t *testing.T) {
	allowed := codectest.Make(t, eletechsup.New, map[string]string{"long_pulse": "1"})
	for _, tc := range []struct {
		c     rs485.Codec
		pulse time.Duration
		want  bool
	}{{codec(t), 300 * time.Millisecond, false}, {codec(t), 0, false}, {codec(t), time.Second, true}, {allowed, 300 * time.Millisecond, true}} {
		_, err := tc.c.Unlock(hal.Lock{Address: 1, Channel: 1}, tc.pulse)
		problems := rs485.Check(hal.Config{Port: "p", Pulse: tc.pulse, Boards: []hal.BoardConfig{codectest.Board(1, 8)}}, tc.c.Limits())
		if (err == nil) != tc.want || (len(problems) == 0) != tc.want {
			t.Errorf("%v: %v, %v", tc.pulse, err, problems)
		}
		if !tc.want && !strings.Contains(err.Error(), "long_pulse = 1") {
			t.Errorf("no way out in %q", err)
		}
	}
	codectest.Bounds(t, codec(t))
}

func TestStates(t *testing.T) {
	status := codec(t).Status(codectest.Board(3, 3))
	codectest.Says(t, status, inputs(3, 1, 0, 1), 3, func(ch int) bool { return ch != 2 })
	codectest.Flipped(t, status, inputs(3, 1, 0, 1))
	inverted := codectest.Make(t, eletechsup.New, map[string]string{"closed_bit": "0"})
	codectest.Says(t, inverted.Status(codectest.Board(3, 3)), inputs(3, 1, 0, 1), 3, func(ch int) bool { return ch == 2 })
	for text, reply := range map[string][]byte{
		"07 as the state of channel 2": inputs(3, 1, 7, 1),
		"Modbus exception 02":          seal(3, 0x83, 2),
	} {
		if _, v, a := status.Parse(reply); v != rs485.Reply || a.Refused != text {
			t.Errorf("%x: verdict %d, refused %q, want %q", reply, v, a.Refused, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, fr := range codectest.Frames(f, frames, "MB-EL") {
		f.Add(fr.Bytes)
	}
	f.Add(inputs(1, 1, 0, 1, 0, 1, 0, 1, 0))
	f.Fuzz(func(t *testing.T, buf []byte) {
		codectest.Sound(t, codec(t).Status(codectest.Board(1, 8)), buf)
		codectest.Sound(t, codectest.Must(t, codec(t), 1, 1), buf)
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(byte(1), byte(8), byte(0xA5))
	f.Fuzz(func(t *testing.T, address, channels, bits byte) {
		b := codectest.Board(1+int(address)%247, 1+int(channels)%8)
		values := make([]byte, b.Channels)
		for i := range values {
			values[i] = bits >> i & 1
		}
		codectest.Says(t, codec(t).Status(b), inputs(byte(b.Address), values...), b.Channels, func(ch int) bool { return values[ch-1] == 1 })
	})
}
