package dc_test

import (
	"slices"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/codectest"
	"lockerd/hal/rs485/dc"
)

const frames = "../../../testdata/frames.tsv"

func codec(tb testing.TB) rs485.Codec {
	tb.Helper()
	return codectest.Make(tb, dc.New, nil)
}

func reply(address, cmd byte, data ...byte) []byte {
	f := append([]byte{0xDC, 0xFE, address, cmd, byte(len(data))}, data...)
	s := byte(0)
	for _, v := range f[2:] {
		s += v
	}
	return append(f, s)
}

func TestPublishedFrames(t *testing.T) {
	c, all := codec(t), codectest.Frames(t, frames, "DC")
	codectest.Requests(t, all, []rs485.Request{codectest.Must(t, c, 1, 1), c.Status(codectest.Board(1, 12))},
		"DC 02 01 01 00 02", "DC 02 01 14 00 15", "DC 02 01 15 02 00 07 1F", "DC 02 01 16 02 01 01 1B", "DC 02 01 1A 02 00 07 24")
	codectest.Foreign(t, codectest.Must(t, c, 1, 1), all, "DC FE 01 10 01 01 13", "DC FE 01 10 02 01 01 15")
	codectest.Foreign(t, codectest.Must(t, c, 1, 2), all, "DC FE 01 10 01 01 13") // the short form names no lock
	codectest.Foreign(t, codectest.Must(t, c, 2, 1), all)
	codectest.Foreign(t, c.Status(codectest.Board(1, 12)), all)
	for _, f := range all {
		n, v, _ := c.Status(codectest.Board(1, 12)).Parse(f.Bytes)
		if misprint := f.Kind == "BAD"; misprint != (v == rs485.Garbage) || !misprint && n != len(f.Bytes) {
			t.Errorf("%s %x: verdict %d on %d bytes", f.Kind, f.Bytes, v, n)
		}
	}
}

func TestStates(t *testing.T) {
	open := func(channels ...int) func(int) bool {
		return func(ch int) bool { return !slices.Contains(channels, ch) }
	}
	ways24 := codectest.Make(t, dc.New, map[string]string{"ways": "24"})
	inverted := codectest.Make(t, dc.New, map[string]string{"closed_bit": "1"})
	codectest.Says(t, codec(t).Status(codectest.Board(1, 12)), reply(1, 0x12, 8, 7), 12, open(1, 2, 3, 12))
	codectest.Says(t, ways24.Status(codectest.Board(99, 24)), reply(99, 0x12, 0x80, 0, 1), 24, open(1, 24))
	codectest.Says(t, ways24.Status(codectest.Board(99, 10)), reply(99, 0x12, 0, 1), 10, open(1))
	codectest.Says(t, inverted.Status(codectest.Board(1, 2)), reply(1, 0x12, 0, 2), 2, open(1))
	codectest.Flipped(t, codec(t).Status(codectest.Board(1, 12)), reply(1, 0x12, 8, 7))
	_, v, a := ways24.Status(codectest.Board(1, 20)).Parse(reply(1, 0x12, 0, 1))
	if v != rs485.Reply || a.Refused != "for 16 channels only" {
		t.Errorf("verdict %d, %+v", v, a)
	}
}

// A 24-way board has more of everything but the pulse.
func TestWays(t *testing.T) {
	for _, tc := range []struct {
		ways           string
		last, channels int
		pulse          time.Duration
	}{{"12", 15, 12, 300 * time.Millisecond}, {"24", 99, 24, 150 * time.Millisecond}} {
		c := codectest.Make(t, dc.New, map[string]string{"ways": tc.ways})
		l := c.Limits()
		req, err := c.Unlock(hal.Lock{Address: 1, Channel: tc.channels}, 0)
		if l.AddressMax != tc.last || l.Channels != tc.channels || err != nil || req.Pulse != tc.pulse {
			t.Errorf("%s: %+v, pulse %v, %v", tc.ways, l, req.Pulse, err)
		}
		codectest.Bounds(t, c)
	}
}

func FuzzParse(f *testing.F) {
	for _, fr := range codectest.Frames(f, frames, "DC") {
		f.Add(fr.Bytes)
	}
	f.Fuzz(func(t *testing.T, buf []byte) {
		codectest.Sound(t, codec(t).Status(codectest.Board(1, 12)), buf)
		codectest.Sound(t, codectest.Must(t, codec(t), 1, 1), buf)
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(byte(1), byte(8), uint32(0xA5A5))
	f.Fuzz(func(t *testing.T, address, channels byte, bits uint32) {
		b := codectest.Board(1+int(address)%99, 1+int(channels)%24)
		c := codectest.Make(t, dc.New, map[string]string{"ways": "24"})
		codectest.Says(t, c.Status(b), reply(byte(b.Address), 0x12, byte(bits>>16), byte(bits>>8), byte(bits)), b.Channels,
			func(ch int) bool { return bits>>(ch-1)&1 == 0 })
	})
}
