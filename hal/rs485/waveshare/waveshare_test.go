package waveshare_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/codectest"
	"lockerd/hal/rs485/waveshare"
)

const frames = "../../../testdata/frames.tsv"

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func seal(b ...byte) []byte {
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

func codec(tb testing.TB) rs485.Codec {
	tb.Helper()
	c, err := waveshare.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func unlock(tb testing.TB, channel int, pulse time.Duration) rs485.Request {
	tb.Helper()
	req, err := codec(tb).Unlock(hal.Lock{Address: 1, Channel: channel}, pulse)
	if err != nil {
		tb.Fatal(err)
	}
	return req
}

func board() hal.BoardConfig { return hal.BoardConfig{Address: 1, Channels: 8} }

func TestPublishedRequests(t *testing.T) {
	ours := map[string][]byte{
		"0105020100089c74": unlock(t, 2, 800*time.Millisecond).Bytes,
		"01020000000879cc": codec(t).Status(board()).Bytes,
	}
	for _, f := range codectest.Frames(t, frames, "MB-WS") {
		h := hex.EncodeToString(f.Bytes)
		if b, ok := ours[h]; ok && !bytes.Equal(b, f.Bytes) {
			t.Errorf("%x (%s): made %x", f.Bytes, f.Meaning, b)
		}
		delete(ours, h)
	}
	if len(ours) > 0 {
		t.Errorf("not published: %v", ours)
	}
}

// All published frames are intact; none but its own echo answers an unlock.
func TestPublishedFrames(t *testing.T) {
	all := codectest.Frames(t, frames, "MB-WS")
	req, off := unlock(t, 2, 800*time.Millisecond), codec(t).Inert(board())[0]
	codectest.Foreign(t, req, all, "01 05 02 01 00 08 9C 74", "01 85 03 02 91")
	codectest.Foreign(t, codec(t).Status(board()), all)
	for _, f := range all {
		if n, v, _ := codec(t).Status(board()).Parse(f.Bytes); v != rs485.Foreign || n != len(f.Bytes) {
			t.Errorf("%x (%s): verdict %d, %d bytes", f.Bytes, f.Meaning, v, n)
		}
	}
	for _, f := range codectest.Frames(t, frames, "MB-EL") {
		if _, v, _ := codec(t).Status(board()).Parse(f.Bytes); (v == rs485.Foreign) == (f.Kind == "BAD") {
			t.Errorf("%s %x: verdict %d", f.Kind, f.Bytes, v)
		}
	}
	if want := seal(1, 5, 0, 0xFF, 0, 0); !bytes.Equal(off.Bytes, want) {
		t.Errorf("inert is %x, want %x", off.Bytes, want)
	}
	if _, v, a := req.Parse(unhex(t, "01 85 03 02 91")); v != rs485.Reply || a.Refused != "Modbus exception 03" {
		t.Errorf("an exception: verdict %d, %+v", v, a)
	}
}

func TestPulseIsRoundedUpAndBounded(t *testing.T) {
	tests := []struct {
		pulse time.Duration
		units byte
	}{
		{0, 1},
		{time.Millisecond, 1},
		{100 * time.Millisecond, 1},
		{101 * time.Millisecond, 2},
		{300 * time.Millisecond, 3},
		{time.Second, 10},
	}
	for _, tc := range tests {
		req := unlock(t, 1, tc.pulse)
		if want := seal(1, 5, 2, 0, 0, tc.units); !bytes.Equal(req.Bytes, want) || req.Pulse != time.Duration(tc.units)*100*time.Millisecond {
			t.Errorf("%v: %x for %v, want %x", tc.pulse, req.Bytes, req.Pulse, want)
		}
	}
	for _, u := range []struct {
		channel int
		pulse   time.Duration
	}{{1, time.Second + 1}, {0, 0}, {33, 0}} {
		if req, err := codec(t).Unlock(hal.Lock{Address: 1, Channel: u.channel}, u.pulse); err == nil {
			t.Errorf("%+v: %x", u, req.Bytes)
		}
	}
}

func TestStates(t *testing.T) {
	b := hal.BoardConfig{Address: 3, Channels: 10}
	_, v, a := codec(t).Status(b).Parse(seal(3, 2, 2, 0x81, 0x02))
	if v != rs485.Reply || len(a.States) != 10 {
		t.Fatalf("verdict %d, %v", v, a.States)
	}
	for i, s := range a.States {
		if (s == hal.Closed) != slices.Contains([]int{0, 7, 9}, i) {
			t.Errorf("channel %d is %v", i+1, s)
		}
	}
}

func TestModesAreSetOnlyIfTheyDiffer(t *testing.T) {
	start := codec(t).Start(board())
	read := start[len(start)-1]
	if want := seal(1, 3, 0x10, 0, 0, 8); !bytes.Equal(read.Bytes, want) || !read.Optional {
		t.Fatalf("%x, want %x", read.Bytes, want)
	}
	for _, linked := range []bool{false, true} {
		regs := make([]byte, 16)
		regs[15] = map[bool]byte{true: 1}[linked]
		_, v, a := read.Parse(seal(append([]byte{1, 3, 16}, regs...)...))
		if v != rs485.Reply {
			t.Fatalf("verdict %d", v)
		}
		then := read.Then(a)
		if linked != (len(then) == 2) {
			t.Fatalf("linked %v: %d requests", linked, len(then))
		}
		if linked {
			want := seal(append([]byte{1, 0x10, 0x10, 0, 0, 8, 16}, make([]byte, 16)...)...)
			_, v, _ := then[0].Parse(seal(1, 0x10, 0x10, 0, 0, 8))
			if !bytes.Equal(then[0].Bytes, want) || v != rs485.Reply {
				t.Errorf("%x, want %x; verdict %d", then[0].Bytes, want, v)
			}
			if off := start[0].Bytes; !bytes.Equal(then[1].Bytes, off) {
				t.Errorf("%x, want %x", then[1].Bytes, off)
			}
		}
	}
}

func TestProfileIsStrict(t *testing.T) {
	_, err := waveshare.New(map[string]string{"byte_order": "low-first"})
	if err == nil || err.Error() != "cannot use profile.byte_order = low-first: waveshare knows only closed_bit" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, fr := range codectest.Frames(f, frames, "MB-WS") {
		f.Add(fr.Bytes)
	}
	f.Add(seal(1, 2, 1, 0xFF))
	f.Fuzz(func(t *testing.T, buf []byte) {
		codectest.Sound(t, codec(t).Status(board()), buf)
		codectest.Sound(t, unlock(t, 2, 800*time.Millisecond), buf)
		for _, req := range codec(t).Start(board()) {
			codectest.Sound(t, req, buf)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(byte(1), byte(8), uint32(0xA5))
	f.Fuzz(func(t *testing.T, address, channels byte, bits uint32) {
		b := hal.BoardConfig{Address: max(1, int(address)), Channels: 1 + int(channels)%32}
		frame := []byte{byte(b.Address), 2, byte((b.Channels + 7) / 8)}
		for i := range (b.Channels + 7) / 8 {
			frame = append(frame, byte(bits>>(8*i)))
		}
		_, v, a := codec(t).Status(b).Parse(seal(frame...))
		if v != rs485.Reply || len(a.States) != b.Channels {
			t.Fatalf("verdict %d, %v", v, a.States)
		}
		for i, s := range a.States {
			if (bits>>i&1 == 1) != (s == hal.Closed) {
				t.Errorf("channel %d is %v", i+1, s)
			}
		}
	})
}
