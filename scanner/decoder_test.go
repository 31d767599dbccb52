package scanner

import (
	"strings"
	"testing"
	"time"
)

func TestRepeats(t *testing.T) {
	ms := time.Millisecond
	type sight struct {
		after time.Duration
		text  string
		fresh bool
	}
	many := []sight{{0, "A", true}}
	for i := range maxRecent {
		many = append(many, sight{ms, strings.Repeat("x", i), true})
	}
	many = append(many, sight{ms, "A", true})
	for _, c := range []struct {
		name   string
		sights []sight
	}{
		{"again at once", []sight{{0, "A", true}, {0, "A", false}}},
		{"just within", []sight{{0, "A", true}, {Repeat, "A", false}}},
		{"just after", []sight{{0, "A", true}, {Repeat + 1, "A", true}}},
		{"sliding", []sight{{0, "A", true}, {time.Second, "A", false}, {time.Second, "A", false}, {time.Second, "A", false}, {Repeat + 1, "A", true}}},
		{"two in turn", []sight{{0, "A", true}, {ms, "B", true}, {ms, "A", false}, {ms, "B", false}}},
		{"more than are remembered", many},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r Repeats
			at := time.Unix(0, 0)
			for i, s := range c.sights {
				at = at.Add(s.after)
				if got := r.Fresh(s.text, at); got != s.fresh {
					t.Errorf("sight %d of %q: fresh %v, want %v", i, s.text, got, s.fresh)
				}
			}
			if len(r.recent) > maxRecent {
				t.Errorf("%d texts remembered, bound is %d", len(r.recent), maxRecent)
			}
		})
	}
}

func TestDecoder(t *testing.T) {
	start := time.Unix(1000, 0)
	d, err := NewDecoder("front", "\r")
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("9", 2*maxFrame) + "\r"
	for i, c := range []struct {
		after time.Duration
		data  string
		want  []Scan
	}{
		{0, "\x02]C0ABCD\x03\r\n", []Scan{{Scanner: "front", Text: "ABCD", At: start}}},
		{time.Second, "ABCD\r", nil},
		{2 * time.Second, " \r\r", nil},
		{2 * time.Second, "ABCD\rEFGH\r", []Scan{{Scanner: "front", Text: "EFGH", At: start.Add(2 * time.Second)}}},
		{10 * time.Second, "AB\r", []Scan{{Scanner: "front", Malformed: true, At: start.Add(10 * time.Second)}}},
		{10 * time.Second, "AB\r??\r", []Scan{{Scanner: "front", Malformed: true, At: start.Add(10 * time.Second)}}},
		{20 * time.Second, long + "IJKL\r", []Scan{
			{Scanner: "front", Malformed: true, At: start.Add(20 * time.Second)},
			{Scanner: "front", Text: "IJKL", At: start.Add(20 * time.Second)},
		}},
		{20 * time.Second, long, nil},
	} {
		got := d.Feed(start.Add(c.after), []byte(c.data))
		if len(got) != len(c.want) {
			t.Errorf("step %d: got %+v, want %+v", i, got, c.want)
			continue
		}
		for j := range got {
			if got[j] != c.want[j] {
				t.Errorf("step %d: got %+v, want %+v", i, got[j], c.want[j])
			}
		}
	}
}

func TestDecoderBySilence(t *testing.T) {
	d, err := NewDecoder("front", "")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1000, 0)
	if got := d.Feed(start, []byte("ABCD")); len(got) != 0 {
		t.Errorf("scanned %v before the silence", got)
	}
	if got := d.Expire(start.Add(Silence - 1)); len(got) != 0 {
		t.Errorf("scanned %v before the silence was long enough", got)
	}
	got := d.Expire(d.Deadline())
	if want := (Scan{Scanner: "front", Text: "ABCD", At: start}); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	d.Feed(start.Add(time.Second), []byte("EF"))
	d.Reset()
	if !d.Deadline().IsZero() {
		t.Error("something is pending after a reset")
	}
}
