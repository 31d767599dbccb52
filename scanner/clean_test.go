package scanner

import (
	"bytes"
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	long := strings.Repeat("7", MaxText)
	for _, c := range []struct {
		name, frame, text string
		verdict           Verdict
	}{
		{"plain", "ABCD", "ABCD", Text},
		{"nothing", "", "", Empty},
		{"spaces only", "   ", "", Empty},
		{"pair only", "\x02\x03", "", Empty},
		{"AIM only", "]C0", "", Empty},
		{"pair, AIM, spaces", "\x02]Q3  ABCD \x03", "ABCD", Text},
		{"AIM with a sign as character", "]e1ABCD", "ABCD", Text},
		{"one AIM only", "]C0]C0A", "]C0A", Text},
		{"no AIM: digit for the letter", "]11ABCD", "]11ABCD", Text},
		{"spaces before AIM stay text", " ]C0AB", "]C0AB", Text},
		{"half a pair", "\x02ABCD", "", Malformed},
		{"two pairs", "\x02\x02ABCD\x03\x03", "", Malformed},
		{"inner spaces", "AB CD", "AB CD", Text},
		{"three characters", "ABC", "", Malformed},
		{"three and a space", "ABC ", "", Malformed},
		{"four of the bounds", " !~~~ ", "!~~~", Text},
		{"longest", long, long, Text},
		{"too long", long + "7", "", Malformed},
		{"longest in its wrapping", "\x02]C0 " + long + " \x03", long, Text},
		{"control", "AB\tCD", "", Malformed},
		{"GS", "0104\x1d10AB", "", Malformed},
		{"DEL", "ABCD\x7f", "", Malformed},
		{"UTF-8", "ABCÖ", "", Malformed},
		{"high byte", "ABC\xff", "", Malformed},
		{"NUL", "\x00ABCD", "", Malformed},
		{"carriage return inside", "ABCD\r", "", Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, verdict := Clean([]byte(c.frame))
			if verdict != c.verdict || verdict == Text && string(text) != c.text {
				t.Errorf("got %q %d, want %q %d", text, verdict, c.text, c.verdict)
			}
		})
	}
}

// FuzzClean holds what a text promises, and that a text wrapped as a scanner
// may wrap it comes out again.
func FuzzClean(f *testing.F) {
	f.Add([]byte("\x02]C0 ABCD \x03"))
	f.Add([]byte("]]]]"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		text, verdict := Clean(frame)
		if verdict != Text {
			return
		}
		if len(text) < MinText || len(text) > MaxText || !bytes.Contains(frame, text) {
			t.Fatalf("%q became %q", frame, text)
		}
		for _, c := range text {
			if c < 0x20 || c > 0x7E {
				t.Fatalf("%q became %q", frame, text)
			}
		}
		wrapped := append([]byte("\x02]C0 "), text...)
		again, verdict := Clean(append(wrapped, ' ', 0x03))
		if verdict != Text || !bytes.Equal(again, text) {
			t.Fatalf("%q wrapped became %q", text, again)
		}
	})
}
