package cu48_test

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/codectest"
	"lockerd/hal/rs485/cu48"
)

const frames = "../../../testdata/frames.tsv"

func codec(tb testing.TB, profile map[string]string) rs485.Codec {
	tb.Helper()
	c, err := cu48.New(profile)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func unlock(tb testing.TB, profile map[string]string, address, channel int) rs485.Request {
	tb.Helper()
	req, err := codec(tb, profile).Unlock(hal.Lock{Address: address, Channel: channel}, 300*time.Millisecond)
	if err != nil {
		tb.Fatal(err)
	}
	return req
}

func reply(b1, b2 byte, locks [6]byte) []byte {
	f := append([]byte{2, b1, b2, 0x75}, locks[:]...)
	f = append(f, make([]byte, 6)...)
	f = append(f, 3)
	s := byte(0)
	for _, v := range f {
		s += v
	}
	return append(f, s)
}

// Each published request can be made, in one of the two orders of its bytes,
// and none of them is a reply.
func TestPublishedRequests(t *testing.T) {
	lockFirst := map[string]string{"lock_byte": "1"}
	ours := map[string]rs485.Request{
		"020000600365": codec(t, nil).Status(hal.BoardConfig{Address: 0, Channels: 48}),
		"020100610367": unlock(t, lockFirst, 0, 2),
		"020200610368": unlock(t, nil, 2, 1),
		"02040061036a": unlock(t, nil, 4, 1),
	}
	all := codectest.Frames(t, frames, "CU48")
	for _, f := range all {
		req, ok := ours[hex.EncodeToString(f.Bytes)]
		if !ok || !bytes.Equal(req.Bytes, f.Bytes) {
			t.Errorf("%x (%s): made %x", f.Bytes, f.Meaning, req.Bytes)
		}
		codectest.Foreign(t, req, all)
	}
	if again := unlock(t, nil, 1, 1); !bytes.Equal(again.Bytes, ours["020100610367"].Bytes) {
		t.Errorf("board 1, lock 0: %x", again.Bytes)
	}
}

func TestReplies(t *testing.T) {
	locks := [6]byte{0x01, 0, 0, 0, 0, 0x80} // 1 and 48
	status := func(profile map[string]string) rs485.Request {
		return codec(t, profile).Status(hal.BoardConfig{Address: 2, Channels: 48})
	}
	bad := reply(2, 0, locks)
	bad[17]++
	tests := []struct {
		name  string
		req   rs485.Request
		reply []byte
		want  rs485.Verdict
	}{
		{"status", status(nil), reply(2, 0, locks), rs485.Reply},
		{"status, lock first", status(map[string]string{"lock_byte": "1"}), reply(0, 2, locks), rs485.Reply},
		{"another board", status(nil), reply(3, 0, locks), rs485.Foreign},
		{"an unlock's", status(nil), reply(2, 5, locks), rs485.Foreign},
		{"unlock", unlock(t, nil, 2, 6), reply(2, 5, locks), rs485.Reply},
		{"another lock", unlock(t, nil, 2, 7), reply(2, 5, locks), rs485.Foreign},
		{"checksum", status(nil), bad, rs485.Garbage},
		{"short", status(nil), reply(2, 0, locks)[:17], rs485.More},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if _, v, _ := tc.req.Parse(tc.reply); v != tc.want {
				t.Errorf("verdict %d, want %d", v, tc.want)
			}
		})
	}
	_, _, a := status(nil).Parse(reply(2, 0, locks))
	_, _, inv := status(map[string]string{"closed_bit": "0"}).Parse(reply(2, 0, locks))
	for i := range 48 {
		closed := i == 0 || i == 47
		if (a.States[i] == hal.Closed) != closed || (inv.States[i] == hal.Open) != closed {
			t.Errorf("channel %d: %v, inverted %v", i+1, a.States[i], inv.States[i])
		}
	}
}

func TestLimits(t *testing.T) {
	for _, ch := range []int{0, 49, 0x31} {
		if req, err := codec(t, nil).Unlock(hal.Lock{Address: 1, Channel: ch}, 0); err == nil {
			t.Errorf("channel %d: %x", ch, req.Bytes)
		}
	}
	if _, err := codec(t, nil).Unlock(hal.Lock{Address: 1, Channel: 1}, 2*time.Second); err == nil {
		t.Error("a pulse of 2 s was accepted")
	}
	if _, err := cu48.New(map[string]string{"lock_byte": "3"}); err == nil || err.Error() != "cannot use profile.lock_byte = 3: give 2 or 1" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, fr := range codectest.Frames(f, frames, "CU48") {
		f.Add(fr.Bytes)
	}
	f.Add(reply(2, 0, [6]byte{1, 2, 3, 4, 5, 6}))
	f.Fuzz(func(t *testing.T, buf []byte) {
		codectest.Sound(t, codec(t, nil).Status(hal.BoardConfig{Address: 2, Channels: 48}), buf)
		codectest.Sound(t, unlock(t, nil, 2, 1), buf)
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add(byte(1), byte(8), uint64(0xA5A5))
	f.Fuzz(func(t *testing.T, address, channels byte, bits uint64) {
		b := hal.BoardConfig{Address: int(address) % 16, Channels: 1 + int(channels)%48}
		var locks [6]byte
		for i := range locks {
			locks[i] = byte(bits >> (8 * i))
		}
		_, v, a := codec(t, nil).Status(b).Parse(reply(byte(b.Address), 0, locks))
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
