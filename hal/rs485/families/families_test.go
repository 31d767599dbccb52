package families_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"lockerd/hal/rs485"
	"lockerd/hal/rs485/codectest"
	"lockerd/hal/rs485/families"
)

const frames = "../../../testdata/frames.tsv"

// rows names the families as frames.tsv does.
func rows() map[string]string {
	return map[string]string{
		"xor8a": "XOR8A", "cu16": "CU16", "cu48": "CU48", "dc": "DC", "eletechsup": "MB-EL",
		"waveshare": "MB-WS", "winnsen": "WINN", "wkly": "WKLY",
	}
}

func all(tb testing.TB) map[string]rs485.Codec {
	tb.Helper()
	out := map[string]rs485.Codec{}
	for name, f := range families.All() {
		out[name] = codectest.Make(tb, f.New, nil)
		if rows()[name] == "" {
			tb.Fatalf("the frames of %s are not tried", name)
		}
	}
	return out
}

// said returns what the first frame in buf means; "" if there is none.
func said(tb testing.TB, c rs485.Codec, buf []byte) string {
	tb.Helper()
	if len(buf) == 0 {
		return ""
	}
	n, v, _ := codectest.Must(tb, c, 1, 1).Parse(buf)
	if v != rs485.Reply && v != rs485.Foreign {
		return ""
	}
	return c.Words(buf[:n])
}

func TestNames(t *testing.T) {
	for name, f := range families.All() {
		if f.Limits().Family != name {
			t.Errorf("%s calls itself %s", name, f.Limits().Family)
		}
	}
	if _, err := families.New("kerong", nil); err == nil || !strings.Contains(err.Error(), "cu16, cu48") {
		t.Errorf("got %v", err)
	}
}

// Every published frame means something, every misprint nothing, nor does the
// one of which no reply is known: xor8a's 90, which opens several locks.
func TestPublishedFramesHaveWords(t *testing.T) {
	for name, c := range all(t) {
		for _, f := range codectest.Frames(t, frames, rows()[name]) {
			if text := said(t, c, f.Bytes); (text == "") != (f.Kind == "BAD" || f.Bytes[0] == 0x90 && name == "xor8a") {
				t.Errorf("%s: %s %x (%s) means %q", name, f.Kind, f.Bytes, f.Meaning, text)
			}
		}
	}
}

func TestWords(t *testing.T) {
	for _, tc := range []struct{ family, frame, want string }{
		{"xor8a", "8A 03 0C 11 94", "open board 3 lock 12"},
		{"xor8a", "80 02 00 33 B1", "read board 2"},
		{"xor8a", "80 01 01 33 B3", "read board 1 lock 1"},
		{"xor8a", "8A 02 0A 00 82", "board 2 lock 10 says 00"},
		{"xor8a", "80 01 01 01 01 33 B3", "states of board 1"},
		{"cu16", "02 11 31 03 47", "open board 1 lock 2"},
		{"cu16", "02 10 36 00 00 00 00 03 4B", "board 1 function 36"},
		{"cu48", "02 04 00 61 03 6A", "open board 4 lock 1"},
		{"cu48", "02 00 00 60 03 65", "read board 0"},
		{"dc", "DC 02 01 10 01 01 13", "open board 1 lock 1"},
		{"dc", "DC FE 01 10 02 01 01 15", "board 1 lock 1 says 01"},
		{"dc", "DC FE 01 10 01 01 13", "board 1 says 01 of the lock it opened"},
		{"eletechsup", "01 06 00 01 02 00 D9 6A", "board 1 function 06 at 0001: 0200"},
		{"eletechsup", "01 03 02 00 01 79 84", "board 1 function 03, 7 bytes"},
		{"waveshare", "01 05 02 01 00 08 9C 74", "pulse board 1 relay 2 for 800ms"},
		{"waveshare", "01 02 00 00 00 08 79 CC", "read board 1 inputs 1 to 8"},
		{"waveshare", "01 85 03 02 91", "board 1 exception 03 to function 05"},
		{"winnsen", "90 06 05 01 01 03", "open board 1 lock 1"},
		{"winnsen", "90 07 85 01 03 00 03", "board 1 lock 3 says 00"},
		{"wkly", "57 4B 4C 59 09 0A 82 01 89", "open board 10 lock 1"},
		{"wkly", "57 4B 4C 59 0A 00 85 02 00 84", "board 0 lock 2 has changed to 00"},
	} {
		if got := said(t, all(t)[tc.family], codectest.Bytes(t, tc.frame)); got != tc.want {
			t.Errorf("%s %s: %q, want %q", tc.family, tc.frame, got, tc.want)
		}
	}
}

func FuzzWords(f *testing.F) {
	codecs := all(f)
	names := slices.Sorted(maps.Keys(codecs))
	for i, name := range names {
		for _, fr := range codectest.Frames(f, frames, rows()[name]) {
			f.Add(i, fr.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, which int, buf []byte) {
		if which >= 0 && which < len(names) {
			said(t, codecs[names[which]], buf)
		}
	})
}
