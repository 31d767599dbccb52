package wkly_test

import (
	"bytes"
	"testing"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/codectest"
	"lockerd/hal/rs485/wkly"
)

const frames = "../../../testdata/frames.tsv"

func codec(tb testing.TB) rs485.Codec {
	tb.Helper()
	return codectest.Make(tb, wkly.New, nil)
}

// frame closes what stands behind the header.
func frame(board, cmd byte, data ...byte) []byte {
	f := append([]byte{'W', 'K', 'L', 'Y', byte(8 + len(data)), board, cmd}, data...)
	x := byte(0)
	for _, v := range f {
		x ^= v
	}
	return append(f, x)
}

func TestPublishedFrames(t *testing.T) {
	c, all := codec(t), codectest.Frames(t, frames, "WKLY")
	status, open := c.Status(codectest.Board(0, 24)), codectest.Must(t, c, 0, 1)
	codectest.Requests(t, all, []rs485.Request{status, codectest.Must(t, c, 10, 1)},
		"57 4B 4C 59 09 00 83 01 82", "57 4B 4C 59 08 00 86 87", "57 4B 4C 59 0C 00 87 03 01 02 03 81")
	if want := codectest.Bytes(t, "57 4B 4C 59 08 00 84 85"); !bytes.Equal(status.Bytes, want) {
		t.Errorf("status is %x, want %x", status.Bytes, want)
	}
	readAll := "57 4B 4C 59 22 00 84 00 18 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 B7"
	codectest.Foreign(t, status, all, readAll)
	codectest.Says(t, status, codectest.Bytes(t, readAll), 24, func(int) bool { return false })
	codectest.Foreign(t, open, all, "57 4B 4C 59 0B 00 82 00 01 00 81")
	codectest.Foreign(t, codectest.Must(t, c, 0, 2), all)
	codectest.Foreign(t, c.Status(codectest.Board(1, 24)), all)
}

// Published reports are no reply to anything, and name their lock.
func TestPublishedReports(t *testing.T) {
	want := map[string]hal.Lock{
		"57 4B 4C 59 0A 00 85 01 01 86": {Address: 0, Channel: 1},
		"57 4B 4C 59 0A 00 85 02 00 84": {Address: 0, Channel: 2},
	}
	for text, lock := range want {
		n, v, a := codectest.Must(t, codec(t), 3, 1).Parse(codectest.Bytes(t, text))
		if n != 10 || v != rs485.Foreign || a.Reported != lock {
			t.Errorf("%s: verdict %d on %d bytes, reported %+v", text, v, n, a.Reported)
		}
	}
	events := 0
	for _, f := range codectest.Frames(t, frames, "WKLY") {
		if f.Kind == "evt" {
			events++
		}
	}
	if events != len(want) || !codec(t).Limits().Reports {
		t.Errorf("%d reports are published, %d are tried", events, len(want))
	}
}

func TestReplies(t *testing.T) {
	open, status := codectest.Must(t, codec(t), 1, 2), codec(t).Status(codectest.Board(1, 2))
	for _, tc := range []struct {
		name    string
		req     rs485.Request
		reply   []byte
		want    rs485.Verdict
		refused string
	}{
		{"opened", open, frame(1, 0x82, 0, 2, 1), rs485.Reply, ""},
		{"another lock", open, frame(1, 0x82, 0, 3, 1), rs485.Foreign, ""},
		{"another board", open, frame(2, 0x82, 0, 2, 1), rs485.Foreign, ""},
		{"another function", open, frame(1, 0x83, 0, 2, 1), rs485.Foreign, ""},
		{"refused", open, frame(1, 0x82, 0xFF, 2, 0), rs485.Reply, "status FF"},
		{"refused, short", open, frame(1, 0x82, 0xFF), rs485.Reply, "status FF"},
		{"another's refusal", open, frame(1, 0x82, 0xFF, 3, 0), rs485.Foreign, ""},
		{"unknown status", open, frame(1, 0x82, 7, 2, 0), rs485.Foreign, ""},
		{"too few channels", status, frame(1, 0x84, 0, 1, 0), rs485.Reply, "for 1 channels only"},
		{"no state", status, frame(1, 0x84, 0, 2, 0, 7), rs485.Reply, "07 as the state of channel 2"},
		{"wrong count", status, frame(1, 0x84, 0, 3, 0, 0), rs485.Foreign, ""},
		{"read refused", status, frame(1, 0x84, 0xFF), rs485.Reply, "status FF"},
		{"no data", status, frame(1, 0x84), rs485.Foreign, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, v, a := tc.req.Parse(tc.reply); v != tc.want || a.Refused != tc.refused {
				t.Errorf("verdict %d, refused %q", v, a.Refused)
			}
		})
	}
}

func TestPolarity(t *testing.T) {
	c := codectest.Make(t, wkly.New, map[string]string{"closed_bit": "0"})
	reply := frame(1, 0x84, 0, 3, 0, 1, 0)
	codectest.Says(t, c.Status(codectest.Board(1, 3)), reply, 3, func(ch int) bool { return ch != 2 })
	codectest.Says(t, codec(t).Status(codectest.Board(1, 3)), reply, 3, func(ch int) bool { return ch == 2 })
	codectest.Flipped(t, c.Status(codectest.Board(1, 3)), reply)
	codectest.Bounds(t, c)
}

func FuzzParse(f *testing.F) {
	for _, fr := range codectest.Frames(f, frames, "WKLY") {
		f.Add(fr.Bytes)
	}
	f.Fuzz(func(t *testing.T, buf []byte) {
		codectest.Sound(t, codec(t).Status(codectest.Board(0, 24)), buf)
		codectest.Sound(t, codectest.Must(t, codec(t), 0, 1), buf)
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(byte(1), byte(8), uint32(0xA5A5))
	f.Fuzz(func(t *testing.T, address, channels byte, bits uint32) {
		b := codectest.Board(int(address)%32, 1+int(channels)%24)
		data := []byte{0, 24}
		for ch := range 24 {
			data = append(data, byte(bits>>ch&1))
		}
		codectest.Says(t, codec(t).Status(b), frame(byte(b.Address), 0x84, data...), b.Channels,
			func(ch int) bool { return bits>>(ch-1)&1 == 1 })
	})
}
