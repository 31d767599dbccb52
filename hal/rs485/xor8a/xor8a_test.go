package xor8a_test

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
	"lockerd/hal/rs485/xor8a"
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

func codec(tb testing.TB, profile map[string]string) rs485.Codec {
	tb.Helper()
	c, err := xor8a.New(profile)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func unlock(tb testing.TB, address, channel int) rs485.Request {
	tb.Helper()
	req, err := codec(tb, nil).Unlock(hal.Lock{Address: address, Channel: channel}, 300*time.Millisecond)
	if err != nil {
		tb.Fatal(err)
	}
	return req
}

func board(address, channels int) hal.BoardConfig {
	return hal.BoardConfig{Address: address, Channels: channels}
}

// Every request of ours that was published comes out as published, and what
// the published frames would do beyond them is never sent.
func TestPublishedRequests(t *testing.T) {
	c := codec(t, nil)
	ours := [][]byte{
		unlock(t, 1, 1).Bytes, unlock(t, 2, 1).Bytes, unlock(t, 3, 12).Bytes,
		c.Probe(board(1, 24)).Bytes, c.Status(board(2, 24)).Bytes,
	}
	never := map[string]bool{"8a0100119a": true, "8a02001199": true, "900102020293": true, "9a0101118b": true}
	for _, f := range codectest.Frames(t, frames, "XOR8A") {
		if f.Kind != "req" {
			continue
		}
		sent := slices.ContainsFunc(ours, func(b []byte) bool { return bytes.Equal(b, f.Bytes) })
		if sent == never[hex.EncodeToString(f.Bytes)] {
			t.Errorf("%x (%s): sent %v", f.Bytes, f.Meaning, sent)
		}
	}
}

func TestPublishedReplies(t *testing.T) {
	c := codec(t, nil)
	all := codectest.Frames(t, frames, "XOR8A")
	codectest.Foreign(t, unlock(t, 1, 1), all, "8A 01 01 11 9B")
	codectest.Foreign(t, unlock(t, 2, 10), all, "8A 02 0A 00 82")
	codectest.Foreign(t, unlock(t, 2, 9), all)
	codectest.Foreign(t, c.Probe(board(1, 24)), all, "80 01 01 00 80")
	codectest.Foreign(t, c.Status(board(1, 24)), all, "80 01 01 01 01 33 B3")
	codectest.Foreign(t, c.Status(board(2, 24)), all)
}

func TestStates(t *testing.T) {
	tests := []struct {
		name     string
		profile  map[string]string
		channels int
		reply    string
		closed   []int
	}{
		{"three closed", nil, 24, "80 01 01 01 01 33 B3", []int{1, 9, 17}},
		{"order", nil, 24, "80 01 00 05 03 33 B4", []int{1, 2, 9, 11}},
		{"order, low first", map[string]string{"byte_order": "low-first"}, 24, "80 01 03 05 00 33 B4", []int{1, 2, 9, 11}},
		{"8-way with three bytes, as captured", nil, 8, "80 01 00 00 81 33 33", []int{1, 8}},
		{"8-way with one byte", nil, 8, "80 01 81 33 33", []int{1, 8}},
		{"12-way with two bytes", nil, 12, "80 01 08 01 33 BB", []int{1, 12}},
		{"inverted", map[string]string{"closed_bit": "0"}, 8, "80 01 00 00 7E 33 CC", []int{1, 8}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			reply := unhex(t, tc.reply)
			req := codec(t, tc.profile).Status(board(1, tc.channels))
			n, v, a := req.Parse(reply)
			if v != rs485.Reply || n != len(reply) || len(a.States) != tc.channels {
				t.Fatalf("verdict %d, %d bytes, %v", v, n, a.States)
			}
			for i, s := range a.States {
				if (s == hal.Closed) != slices.Contains(tc.closed, i+1) {
					t.Errorf("channel %d is %v", i+1, s)
				}
			}
			for cut := 1; cut < len(reply); cut++ {
				if _, v, _ := req.Parse(reply[:cut]); v != rs485.More {
					t.Errorf("verdict %d on the first %d bytes", v, cut)
				}
			}
		})
	}
}

func TestPulses(t *testing.T) {
	tests := []struct {
		pulse time.Duration
		long  string
		want  string
		lasts time.Duration
	}{
		{0, "0", "8A 01 01 11 9B", 300 * time.Millisecond},
		{300 * time.Millisecond, "1", "8A 01 01 11 9B", 300 * time.Millisecond},
		{301 * time.Millisecond, "0", "8A 01 01 11 9B", 300 * time.Millisecond}, // the board times it
		{1001 * time.Millisecond, "0", "", 0},
		{301 * time.Millisecond, "1", "8A 01 01 11 01 9A", time.Second},
		{1001 * time.Millisecond, "1", "", 0},
	}
	for _, tc := range tests {
		req, err := codec(t, map[string]string{"long_pulse": tc.long}).Unlock(hal.Lock{Address: 1, Channel: 1}, tc.pulse)
		if (err != nil) != (tc.want == "") || !bytes.Equal(req.Bytes, unhex(t, tc.want)) || req.Pulse != tc.lasts {
			t.Errorf("%v: %x for %v, %v", tc.pulse, req.Bytes, req.Pulse, err)
		}
	}
	for _, ch := range []int{-1, 0, 51, 256} {
		if req, err := codec(t, nil).Unlock(hal.Lock{Address: 1, Channel: ch}, 0); err == nil {
			t.Errorf("channel %d: %x", ch, req.Bytes)
		}
	}
}

func TestProfileIsStrict(t *testing.T) {
	tests := []struct{ key, value, want string }{
		{"closed_bit", "2", "cannot use profile.closed_bit = 2: give 1 or 0"},
		{"byte_order", "up", "cannot use profile.byte_order = up: give high-first or low-first"},
		{"lock_byte", "1", "cannot use profile.lock_byte = 1: xor8a knows only byte_order, closed_bit, long_pulse"},
	}
	for _, tc := range tests {
		if _, err := xor8a.New(map[string]string{tc.key: tc.value}); err == nil || err.Error() != tc.want {
			t.Errorf("%s=%s: %v", tc.key, tc.value, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, fr := range codectest.Frames(f, frames, "XOR8A") {
		f.Add(fr.Bytes, byte(24))
		f.Add(append([]byte{0x80, 1}, fr.Bytes...), byte(8))
	}
	f.Fuzz(func(t *testing.T, buf []byte, channels byte) {
		c := codec(t, nil)
		b := board(1, 1+int(channels)%50)
		codectest.Sound(t, c.Status(b), buf)
		codectest.Sound(t, c.Probe(b), buf)
		codectest.Sound(t, unlock(t, 1, b.Channels), buf)
	})
}

// What a board would send for some states is read back as those states.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{0xA5, 0, 1}, byte(24), false)
	f.Add([]byte{0x33}, byte(3), true)
	f.Fuzz(func(t *testing.T, status []byte, address byte, low bool) {
		if len(status) == 0 || len(status) > 6 {
			return
		}
		order := "high-first"
		if low {
			order = "low-first"
		}
		b := board(1+int(address)%32, 8*len(status))
		frame := append([]byte{0x80, byte(b.Address)}, status...)
		frame = append(frame, 0x33)
		x := byte(0)
		for _, v := range frame {
			x ^= v
		}
		_, v, a := codec(t, map[string]string{"byte_order": order}).Status(b).Parse(append(frame, x))
		if v != rs485.Reply {
			t.Fatalf("verdict %d", v)
		}
		for i, s := range a.States {
			at := i / 8
			if !low {
				at = len(status) - 1 - at
			}
			if (status[at]>>(i%8)&1 == 1) != (s == hal.Closed) {
				t.Errorf("channel %d is %v", i+1, s)
			}
		}
	})
}
