package scanner

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// read is one read of a port.
type read struct {
	after time.Duration // since the read before
	data  string
}

func framer(t *testing.T, suffix string) *Framer {
	t.Helper()
	f, err := NewFramer(suffix)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// feed plays reads and lets everything expire at the end. A frame that was too
// long is "!".
func feed(f *Framer, reads []read) []string {
	var out []string
	add := func(frames []Frame) {
		for _, fr := range frames {
			if fr.TooLong {
				out = append(out, "!")
			} else {
				out = append(out, string(fr.Bytes))
			}
		}
	}
	at := time.Unix(0, 0)
	for _, r := range reads {
		at = at.Add(r.after)
		add(f.Feed(at, []byte(r.data)))
	}
	add(f.Expire(at.Add(time.Hour)))
	return out
}

func TestFramer(t *testing.T) {
	ms := time.Millisecond
	long := strings.Repeat("x", maxFrame)
	for _, c := range []struct {
		name, suffix string
		reads        []read
		want         []string
	}{
		{"CR", "\r", []read{{0, "ABCD\r"}}, []string{"ABCD"}},
		{"CR LF", "\r", []read{{0, "ABCD\r\nEFGH\r\n"}}, []string{"ABCD", "EFGH"}},
		{"CR, LF in the next read", "\r", []read{{0, "ABCD\r"}, {5 * ms, "\nEFGH\r"}}, []string{"ABCD", "EFGH"}},
		{"CR, LF read alone", "\r", []read{{0, "ABCD\r"}, {5 * ms, "\n"}, {5 * ms, "EFGH\r"}}, []string{"ABCD", "EFGH"}},
		{"CR, only one LF", "\r", []read{{0, "ABCD\r\n\nEF\r"}}, []string{"ABCD", "\nEF"}},
		{"byte by byte", "\r", []read{{0, "A"}, {ms, "B"}, {ms, "C"}, {ms, "D"}, {ms, "\r"}}, []string{"ABCD"}},
		{"LF", "\n", []read{{0, "ABCD\nEF\rGH\n"}}, []string{"ABCD", "EF\rGH"}},
		{"TAB", "\t", []read{{0, "ABCD\tEFGH\r\t"}}, []string{"ABCD", "EFGH\r"}},
		{"empty frames", "\r", []read{{0, "\r\r"}}, []string{"", ""}},
		{"no suffix yet", "\r", []read{{0, "ABCD"}}, nil},
		{"pause inside", "\r", []read{{0, "AB"}, {MaxPause - 1, "CD\r"}}, []string{"ABCD"}},
		{"half a frame, then a pause", "\r", []read{{0, "AB"}, {MaxPause, "CDEF\r"}}, []string{"CDEF"}},
		{"longest", "\r", []read{{0, long + "\r"}}, []string{long}},
		{"too long", "\r", []read{{0, long + "x\rABCD\r"}}, []string{"!", "ABCD"}},
		{"too long in parts", "\r", []read{{0, long}, {ms, "x"}, {ms, long}, {ms, "\rABCD\r"}}, []string{"!", "ABCD"}},
		{"too long, then a pause", "\r", []read{{0, long + "x"}, {MaxPause, "ABCD\r"}}, []string{"ABCD"}},
		{"silence", "", []read{{0, "AB"}, {Silence - 1, "CD"}, {Silence, "EFGH"}}, []string{"ABCD", "EFGH"}},
		{"silence with a line end", "", []read{{0, "ABCD\r\n"}, {Silence, "EFGH\t"}, {Silence, "IJ\rKL\r"}}, []string{"ABCD", "EFGH", "IJ\rKL"}},
		{"silence, too long", "", []read{{0, long}, {ms, long}, {Silence, "ABCD"}}, []string{"!", "ABCD"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := feed(framer(t, c.suffix), c.reads)
			if strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFramerTimes(t *testing.T) {
	start := time.Unix(1000, 0)
	f := framer(t, "")
	if !f.Deadline().IsZero() {
		t.Error("nothing is pending and there is a deadline")
	}
	f.Feed(start, []byte("AB"))
	f.Feed(start.Add(time.Millisecond), []byte("CD"))
	if got, want := f.Deadline(), start.Add(time.Millisecond+Silence); !got.Equal(want) {
		t.Errorf("deadline %s, want %s", got, want)
	}
	frames := f.Expire(f.Deadline())
	if len(frames) != 1 || !frames[0].At.Equal(start.Add(time.Millisecond)) {
		t.Errorf("got %v, want one frame at its last byte", frames)
	}
	if !f.Deadline().IsZero() {
		t.Error("nothing is pending and there is a deadline")
	}
}

func TestFramerReset(t *testing.T) {
	f := framer(t, "\r")
	at := time.Unix(0, 0)
	f.Feed(at, []byte("AB"))
	f.Reset()
	if got := f.Feed(at, []byte("CDEF\r")); len(got) != 1 || string(got[0].Bytes) != "CDEF" {
		t.Errorf("got %v: half a frame survived the unplugging", got)
	}
}

func TestUnknownSuffix(t *testing.T) {
	if _, err := NewDecoder("front", ";"); err == nil {
		t.Error("suffix ; was taken")
	}
}

// FuzzFramer holds that frames don't depend on how the bytes were cut into
// reads, that a frame is bounded and holds no suffix, and that the framer is
// in step again after a suffix and a pause whatever came before.
func FuzzFramer(f *testing.F) {
	f.Add([]byte("ABCD\r\nEFGH\r"), uint8(0), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), 3000), uint8(1), uint8(200))
	f.Add([]byte("\r\n\r\n\n\r"), uint8(3), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, which, step uint8) {
		suffix := []string{"\r", "\n", "\t", ""}[which%4]
		var reads []read
		for part := range slices.Chunk(data, int(step)+1) {
			reads = append(reads, read{time.Millisecond, string(part)})
		}
		fr := framer(t, suffix)
		inParts := feed(fr, reads)
		whole := feed(framer(t, suffix), []read{{0, string(data)}})
		if strings.Join(inParts, "|") != strings.Join(whole, "|") {
			t.Fatalf("cut by %d: %q, whole: %q", step, inParts, whole)
		}
		for _, s := range whole {
			if len(s) > maxFrame || suffix != "" && strings.Contains(s, suffix) {
				t.Fatalf("frame %q with suffix %q", s, suffix)
			}
		}
		after := feed(fr, []read{{2 * time.Hour, "ABCD" + suffix}})
		if len(after) != 1 || after[0] != "ABCD" {
			t.Fatalf("out of step: %q", after)
		}
	})
}
