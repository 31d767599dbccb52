package locker

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("../../testdata/vectors/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func TestTagVectors(t *testing.T) {
	var v struct {
		Codes        []struct{ Bank, Tag, Text string }
		DigestOfNone string `json:"digest_of_no_record"`
		Single       struct {
			Digest, ID, Tag string
			Rev             int64
		} `json:"digest_of_single_record"`
	}
	readVectors(t, "codes.json", &v)
	if len(v.Codes) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v.Codes {
		if got := TagOf(c.Bank, c.Text).String(); got != c.Tag {
			t.Errorf("tag at %s: %s, want %s", c.Bank, got, c.Tag)
		}
	}
	var d Digest
	if d.String() != v.DigestOfNone {
		t.Errorf("empty digest %s", d)
	}
	c := Code{ID: v.Single.ID, Rev: v.Single.Rev}
	if err := c.Tag.UnmarshalText([]byte(v.Single.Tag)); err != nil {
		t.Fatal(err)
	}
	if d.Toggle(c.DigestPart()); d.String() != v.Single.Digest {
		t.Errorf("digest %s, want %s", d, v.Single.Digest)
	}
}

// TestEventVectors reads the golden events and writes them again: the bytes
// must be the same, because the hash chain is made over them.
func TestEventVectors(t *testing.T) {
	var v struct{ Events []string }
	readVectors(t, "journal.json", &v)
	for _, line := range v.Events {
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(e)
		if err != nil || string(got) != line {
			t.Errorf("%s\nwritten again: %s (%v)", line, got, err)
		}
	}
}

func TestEventMembers(t *testing.T) {
	zero, six := 0, 6
	ms := int64(6)
	e := Event{
		Seq: 1, Type: EvStockChanged, Count: &zero, Delta: -1, Address: &six,
		MS: StageMS(Stages{Decision: &ms}), Version: Number(0), From: Text("a<b>"), Door: DoorID{1, 7},
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"count":0`, `"delta":-1`, `"ms":{"decision":6}`, `"version":0`, `"door":"1-07"`} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s lacks %s", b, want)
		}
	}
	var back Event
	if err := json.Unmarshal(b, &back); err != nil || back.From != e.From || *back.MS.Stages().Decision != ms {
		t.Errorf("read again: %+v, %v", back, err)
	}
}

func TestDoorID(t *testing.T) {
	for s, ok := range map[string]bool{
		"1-07": true, "6-34": true, "1-01": true, "0-01": false, "7-01": false, "1-00": false,
		"1-35": false, "1-7": false, "1-0a": false, "1-007": false, "": false, "1_07": false,
	} {
		id, err := ParseDoorID(s)
		if (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
		if ok && id.String() != s {
			t.Errorf("%q comes back as %q", s, id)
		}
	}
}

func FuzzTime(f *testing.F) {
	f.Add("2026-11-22T10:00:00.123Z")
	f.Add("2026-11-22T10:00:00+02:00")
	f.Fuzz(func(t *testing.T, s string) {
		var a, b Time
		if a.UnmarshalText([]byte(s)) != nil {
			return
		}
		text, err := a.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if y := a.Time().Year(); y < 1 || y > 9998 {
			return // RFC 3339 has four digits for the year
		}
		if err := b.UnmarshalText(text); err != nil || a != b {
			t.Fatalf("%s → %s → %s (%v)", s, a, b, err)
		}
	})
}

func TestCut(t *testing.T) {
	for _, x := range []struct {
		in   string
		most int
		want string
	}{
		{"a short one", 20, "a short one"},
		{"exactly", 7, "exactly"},
		{"too long", 3, "too"},
		{"Tür", 2, "T"}, // ü has two bytes, of which one is left
		{"Tür", 3, "Tü"},
		{"", 0, ""},
	} {
		if got := Cut(x.in, x.most); got != x.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", x.in, x.most, got, x.want)
		}
	}
}
