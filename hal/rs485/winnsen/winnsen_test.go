package winnsen_test

import (
	"testing"

	"lockerd/hal/rs485"
	"lockerd/hal/rs485/codectest"
	"lockerd/hal/rs485/winnsen"
)

const frames = "../../../testdata/frames.tsv"

func reply(fn, station, low, high byte) []byte { return []byte{0x90, 7, fn, station, low, high, 3} }

func TestPublishedFrames(t *testing.T) {
	c, all := codectest.Make(t, winnsen.New, nil), codectest.Frames(t, frames, "WINN")
	codectest.Requests(t, all, []rs485.Request{codectest.Must(t, c, 1, 1), c.Status(codectest.Board(2, 12))})
	codectest.Foreign(t, codectest.Must(t, c, 1, 5), all, "90 07 85 01 05 01 03")
	codectest.Foreign(t, codectest.Must(t, c, 1, 3), all, "90 07 85 01 03 00 03")
	codectest.Foreign(t, codectest.Must(t, c, 1, 1), all)
	codectest.Foreign(t, c.Status(codectest.Board(2, 16)), all)
	status := c.Status(codectest.Board(1, 16))
	codectest.Foreign(t, status, all, "90 07 82 01 00 00 03", "90 07 82 01 01 01 03")
	codectest.Says(t, status, codectest.Bytes(t, "90 07 82 01 00 00 03"), 16, func(int) bool { return true })
	codectest.Says(t, status, codectest.Bytes(t, "90 07 82 01 01 01 03"), 16, func(ch int) bool { return ch != 1 && ch != 9 })
}

// All but the locks' own bits is guarded.
func TestFlippedReplies(t *testing.T) {
	codectest.Flipped(t, codectest.Make(t, winnsen.New, nil).Status(codectest.Board(1, 16)), reply(0x82, 1, 1, 1), 4, 5)
	codectest.Flipped(t, codectest.Must(t, codectest.Make(t, winnsen.New, nil), 1, 5), reply(0x85, 1, 5, 1), 5)
}

func TestReplyA5(t *testing.T) {
	plain, odd := codectest.Make(t, winnsen.New, nil), codectest.Make(t, winnsen.New, map[string]string{"reply": "a5", "closed_bit": "1"})
	codectest.Says(t, odd.Status(codectest.Board(1, 8)), reply(0xA2, 1, 3, 0), 8, func(ch int) bool { return ch <= 2 })
	for _, tc := range []struct {
		req   rs485.Request
		reply []byte
		want  rs485.Verdict
	}{
		{codectest.Must(t, odd, 1, 5), reply(0xA5, 1, 5, 1), rs485.Reply},
		{codectest.Must(t, odd, 1, 5), reply(0x85, 1, 5, 1), rs485.Foreign},
		{codectest.Must(t, plain, 1, 5), reply(0xA5, 1, 5, 1), rs485.Foreign},
		{codectest.Must(t, plain, 1, 5), reply(0x85, 1, 5, 2), rs485.Foreign},
	} {
		if _, v, _ := tc.req.Parse(tc.reply); v != tc.want {
			t.Errorf("%x for %x: verdict %d, want %d", tc.reply, tc.req.Bytes, v, tc.want)
		}
	}
}

// Without a checksum one read is not enough.
func TestBounds(t *testing.T) {
	codectest.Bounds(t, codectest.Make(t, winnsen.New, nil))
	if n := codectest.Make(t, winnsen.New, nil).Limits().Agree; n < 3 {
		t.Errorf("%d reads make a state, want 3", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, fr := range codectest.Frames(f, frames, "WINN") {
		f.Add(fr.Bytes)
	}
	f.Fuzz(func(t *testing.T, buf []byte) {
		codectest.Sound(t, codectest.Make(t, winnsen.New, nil).Status(codectest.Board(1, 16)), buf)
		codectest.Sound(t, codectest.Must(t, codectest.Make(t, winnsen.New, nil), 1, 5), buf)
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(byte(1), byte(8), uint16(0xA5A5))
	f.Fuzz(func(t *testing.T, station, channels byte, bits uint16) {
		b := codectest.Board(int(station), 1+int(channels)%16)
		codectest.Says(t, codectest.Make(t, winnsen.New, nil).Status(b), reply(0x82, station, byte(bits), byte(bits>>8)), b.Channels,
			func(ch int) bool { return bits>>(ch-1)&1 == 0 })
	})
}
