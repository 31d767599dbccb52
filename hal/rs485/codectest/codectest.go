// Package codectest helps to test the codecs of hal/rs485: it reads the
// published frames in testdata/frames.tsv and asks of a parser what every
// parser must hold. Tests only.
package codectest

import (
	"bytes"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"testing"

	"lockerd/hal"
	"lockerd/hal/rs485"
)

// Frame is one published frame.
type Frame struct {
	Kind    string // req, rep, evt: said unasked, or BAD: a misprint
	Bytes   []byte
	Meaning string
}

// Frames reads a family's frames from the fixture at path.
func Frames(tb testing.TB, path, family string) []Frame {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var out []Frame
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(f) < 3 || f[0] != family {
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(f[2], " ", ""))
		if err != nil {
			tb.Fatalf("%s: %v", line, err)
		}
		out = append(out, Frame{Kind: f[1], Bytes: b, Meaning: strings.Join(f[3:], " ")})
	}
	if len(out) == 0 {
		tb.Fatalf("no frames of %s in %s", family, path)
	}
	return out
}

// Sound asks of a request's parser what holds for any input: it judges no more
// than there is, something unless it wants more, and a reply it finds is found
// again in just its bytes and in none of them cut short.
func Sound(tb testing.TB, req rs485.Request, buf []byte) {
	tb.Helper()
	if len(buf) == 0 {
		return
	}
	n, v, _ := req.Parse(buf)
	switch {
	case v == rs485.More && n != 0, v != rs485.More && (n < 1 || n > len(buf)):
		tb.Fatalf("judged %d of %x as %d", n, buf, v)
	case v != rs485.Reply:
		return
	}
	if m, v, _ := req.Parse(buf[:n]); v != rs485.Reply || m != n {
		tb.Fatalf("%x is a reply only with what follows", buf[:n])
	}
	for i := 1; i < n; i++ {
		if _, v, _ := req.Parse(buf[:i]); v == rs485.Reply {
			tb.Fatalf("%x is a reply, and so are its first %d bytes", buf[:n], i)
		}
	}
}

// Foreign asks that no published frame be taken for the reply to req, other
// than those listed.
func Foreign(tb testing.TB, req rs485.Request, frames []Frame, replies ...string) {
	tb.Helper()
	for _, f := range frames {
		want := false
		for _, r := range replies {
			want = want || strings.EqualFold(strings.ReplaceAll(r, " ", ""), hex.EncodeToString(f.Bytes))
		}
		if _, v, _ := req.Parse(f.Bytes); (v == rs485.Reply) != want {
			tb.Errorf("%x for %x: verdict %d", f.Bytes, req.Bytes, v)
		}
	}
}

// Bytes reads the hexadecimal notation of a frame.
func Bytes(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Requests asks that every published request be among ours or among those that
// are never sent, not both.
func Requests(tb testing.TB, frames []Frame, ours []rs485.Request, never ...string) {
	tb.Helper()
	for _, f := range frames {
		if f.Kind != "req" {
			continue
		}
		sent := slices.ContainsFunc(ours, func(r rs485.Request) bool { return bytes.Equal(r.Bytes, f.Bytes) })
		banned := slices.ContainsFunc(never, func(n string) bool { return bytes.Equal(Bytes(tb, n), f.Bytes) })
		if sent == banned {
			tb.Errorf("%x (%s): sent %v, never to be sent %v", f.Bytes, f.Meaning, sent, banned)
		}
	}
}

// Says asks that a frame be the whole reply to a request and tell which
// channels are closed, and that nothing shorter be judged.
func Says(tb testing.TB, req rs485.Request, reply []byte, channels int, closed func(channel int) bool) {
	tb.Helper()
	n, v, a := req.Parse(reply)
	if v != rs485.Reply || n != len(reply) || len(a.States) != channels {
		tb.Fatalf("%x: verdict %d, %d bytes, %v", reply, v, n, a.States)
	}
	for i, s := range a.States {
		if want := map[bool]hal.State{true: hal.Closed, false: hal.Open}[closed(i+1)]; s != want {
			tb.Errorf("%x: channel %d is %v, want %v", reply, i+1, s, want)
		}
	}
	for cut := 1; cut < len(reply); cut++ {
		if _, v, _ := req.Parse(reply[:cut]); v != rs485.More {
			tb.Errorf("verdict %d on the first %d bytes of %x", v, cut, reply)
		}
	}
}

// Flipped asks that no reply with a bit turned over be taken for one, but where
// a bit is not guarded.
func Flipped(tb testing.TB, req rs485.Request, reply []byte, bare ...int) {
	tb.Helper()
	for bit := range 8 * len(reply) {
		bad := bytes.Clone(reply)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, v, _ := req.Parse(bad); v == rs485.Reply && !slices.Contains(bare, bit/8) {
			tb.Errorf("%x is taken for %x", bad, reply)
		}
	}
}

// Make returns a family's codec for a profile that it must take.
func Make(tb testing.TB, family func(map[string]string) (rs485.Codec, error), profile map[string]string) rs485.Codec {
	tb.Helper()
	c, err := family(profile)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Board is a board of a bus's configuration.
func Board(address, channels int) hal.BoardConfig {
	return hal.BoardConfig{Address: address, Channels: channels}
}

// Must returns what a codec makes of an unlock that it must take.
func Must(tb testing.TB, c rs485.Codec, address, channel int) rs485.Request {
	tb.Helper()
	req, err := c.Unlock(hal.Lock{Address: address, Channel: channel}, c.Limits().PulseMax)
	if err != nil {
		tb.Fatal(err)
	}
	return req
}

// Bounds asks that a codec refuse the channels around its own and a pulse that
// is too long.
func Bounds(tb testing.TB, c rs485.Codec) {
	tb.Helper()
	l := c.Limits()
	for _, ch := range []int{-1, 0, l.Channels + 1, 256} {
		if req, err := c.Unlock(hal.Lock{Address: l.AddressMin, Channel: ch}, l.PulseMax); err == nil {
			tb.Errorf("channel %d: %x", ch, req.Bytes)
		}
	}
	if req, err := c.Unlock(hal.Lock{Address: l.AddressMin, Channel: 1}, l.PulseMax+1); err == nil {
		tb.Errorf("a pulse of more than %v: %x", l.PulseMax, req.Bytes)
	}
}
