package cu16_test

import (
	"testing"

	"lockerd/hal/rs485"
	"lockerd/hal/rs485/codectest"
	"lockerd/hal/rs485/cu16"
)

const frames = "../../../testdata/frames.tsv"

func reply(board byte, l1, l2 byte) []byte {
	f := []byte{2, board << 4, 0x35, l1, l2, 0, 0, 3}
	s := byte(0)
	for _, v := range f {
		s += v
	}
	return append(f, s)
}

func TestPublishedFrames(t *testing.T) {
	c, all := codectest.Make(t, cu16.New, nil), codectest.Frames(t, frames, "CU16")
	ours := []rs485.Request{
		c.Status(codectest.Board(0, 16)), codectest.Must(t, c, 0, 1), codectest.Must(t, c, 0, 16),
		codectest.Must(t, c, 1, 1), codectest.Must(t, c, 1, 2),
	}
	codectest.Requests(t, all, ours, "02 00 32 03 37")
	for _, req := range ours {
		codectest.Foreign(t, req, all)
	}
	for _, f := range all {
		if n, v, _ := ours[0].Parse(f.Bytes); v != rs485.Foreign || n != len(f.Bytes) {
			t.Errorf("%x (%s): verdict %d, %d bytes", f.Bytes, f.Meaning, v, n)
		}
	}
}

func TestStates(t *testing.T) {
	closed := func(ch int) bool { return ch == 1 || ch == 10 }
	open := func(ch int) bool { return !closed(ch) }
	codectest.Says(t, codectest.Make(t, cu16.New, nil).Status(codectest.Board(3, 12)), reply(3, 1, 2), 12, closed)
	codectest.Says(t, codectest.Make(t, cu16.New, map[string]string{"closed_bit": "0"}).Status(codectest.Board(3, 16)), reply(3, 1, 2), 16, open)
	codectest.Flipped(t, codectest.Make(t, cu16.New, nil).Status(codectest.Board(3, 12)), reply(3, 1, 2))
}

// The reply to an unlock is the board's state, of which nothing is taken; it is
// waited for only where the profile promises it.
func TestUnlockReply(t *testing.T) {
	for profile, optional := range map[string]bool{"none": true, "state": false} {
		req := codectest.Must(t, codectest.Make(t, cu16.New, map[string]string{"unlock_reply": profile}), 3, 5)
		_, v, a := req.Parse(reply(3, 1, 2))
		_, other, _ := req.Parse(reply(2, 1, 2))
		if req.Optional != optional || v != rs485.Reply || a.States != nil || other != rs485.Foreign {
			t.Errorf("%s: optional %v, verdict %d with %v, another board's %d", profile, req.Optional, v, a.States, other)
		}
	}
}

func TestBounds(t *testing.T) {
	codectest.Bounds(t, codectest.Make(t, cu16.New, nil))
	_, err := cu16.New(map[string]string{"unlock_reply": "maybe"})
	if err == nil || err.Error() != "cannot use profile.unlock_reply = maybe: give none or state" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, fr := range codectest.Frames(f, frames, "CU16") {
		f.Add(fr.Bytes)
	}
	f.Add(reply(3, 1, 2))
	f.Fuzz(func(t *testing.T, buf []byte) {
		codectest.Sound(t, codectest.Make(t, cu16.New, nil).Status(codectest.Board(3, 16)), buf)
		codectest.Sound(t, codectest.Must(t, codectest.Make(t, cu16.New, nil), 3, 1), buf)
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(byte(1), byte(8), uint16(0xA5A5))
	f.Fuzz(func(t *testing.T, address, channels byte, bits uint16) {
		b := codectest.Board(int(address)%15, 1+int(channels)%16)
		codectest.Says(t, codectest.Make(t, cu16.New, nil).Status(b), reply(byte(b.Address), byte(bits), byte(bits>>8)), b.Channels,
			func(ch int) bool { return bits>>(ch-1)&1 == 1 })
	})
}
