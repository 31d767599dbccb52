// Package codectest helps to test the codecs of hal/rs485: it reads the
// published frames in testdata/frames.tsv and asks of a parser what every
// parser must hold. Tests only.
package codectest

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"lockerd/hal/rs485"
)

// Frame is one published frame.
type Frame struct {
	Kind    string // req, rep, or BAD: a misprint
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
