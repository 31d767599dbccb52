package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

func testFlags() (*flag.FlagSet, *string, *bool) {
	fs := ui.NewFlags("test")
	return fs, fs.String("text", "", ""), fs.Bool("yes", false, "")
}

func TestPermute(t *testing.T) {
	for _, test := range []struct {
		args, operands, text string
		yes                  bool
	}{
		{"", "", "", false},
		{"a b", "a b", "", false},
		{"--text x a --yes b", "a b", "x", true},
		{"a -yes b -text=x", "a b", "x", true},
		{"a -- --yes b", "a --yes b", "", false},
		{"--yes -- -- a", "-- a", "", true},
		{"a - b", "a - b", "", false},
		{"--yes=false a", "a", "", false},
	} {
		fs, text, yes := testFlags()
		got, err := ui.Permute(fs, strings.Fields(test.args))
		if err != nil || !slices.Equal(got, strings.Fields(test.operands)) || *text != test.text || *yes != test.yes {
			t.Errorf("%q: operands %q, text %q, yes %t, %v", test.args, got, *text, *yes, err)
		}
	}
	for _, args := range []string{"a --no", "--text", "a --yes=maybe"} {
		fs, _, _ := testFlags()
		var usage *ui.UsageError
		if _, err := ui.Permute(fs, strings.Fields(args)); !errors.As(err, &usage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// FuzzPermute: operands keep their order, and come from the arguments.
func FuzzPermute(f *testing.F) {
	f.Add("a --text x b -- --yes")
	f.Add("--yes --yes=0 a -h")
	f.Fuzz(func(t *testing.T, s string) {
		args := strings.Fields(s)
		fs, _, _ := testFlags()
		operands, err := ui.Permute(fs, args)
		if err != nil {
			return
		}
		rest := args
		for _, o := range operands {
			i := slices.Index(rest, o)
			if i < 0 {
				t.Fatalf("%q: operands %q", args, operands)
			}
			rest = rest[i+1:]
		}
	})
}

func TestTTL(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"48h": 48 * time.Hour, "90m": 90 * time.Minute, "2d": 48 * time.Hour, "1w": 168 * time.Hour, "366d": ui.MaxTTL,
		"0s": 0, "-1h": 0, "367d": 0, "d": 0, "1.5d": 0, "99999d": 0, "soon": 0, "": 0,
	} {
		var v ui.TTL
		err := v.Set(s)
		if (err == nil) != (want > 0) || want > 0 && time.Duration(v) != want {
			t.Errorf("%q = %v, %v; want %v", s, time.Duration(v), err, want)
		}
	}
}

func TestSpanAndSize(t *testing.T) {
	for _, test := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{400 * time.Millisecond, "0s"},
		{59 * time.Second, "59s"},
		{time.Minute, "1m"},
		{61 * time.Second, "1m 1s"},
		{time.Hour + 5*time.Second, "1h"},
		{26*time.Hour + 5*time.Minute, "1d 2h"},
		{400 * 24 * time.Hour, "400d"},
	} {
		if got := ui.Span(test.d); got != test.want {
			t.Errorf("span(%v) = %q, want %q", test.d, got, test.want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 67108864: "64.0 MiB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestExisting(t *testing.T) {
	for ids, want := range map[string]string{
		"":                              "-",
		"1-01":                          "1-01",
		"2-01 1-02 1-01 1-03 1-05 2-02": "1-01 to 1-03, 1-05, 2-01 to 2-02",
		"1-34 2-01":                     "1-34, 2-01",
	} {
		var list []bank.DoorStatus
		for s := range strings.FieldsSeq(ids) {
			id, err := locker.ParseDoorID(s)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, bank.DoorStatus{ID: id})
		}
		if got := existing(list); got != "doors of this bank: "+want {
			t.Errorf("%q: %s", ids, got)
		}
	}
}

func TestOutCure(t *testing.T) {
	door := locker.DoorID{Locker: 1, Door: 7}
	for _, test := range []struct {
		causes []locker.Cause
		want   string
	}{
		{[]locker.Cause{locker.CauseJammed}, "jammed: look at latch, lock plug and feedback wire; then: lockerctl service in 1-07"},
		{[]locker.Cause{locker.CauseFlapping}, "feedback switch"},
		{[]locker.Cause{locker.CauseCommand, locker.CauseControl}, "ask why; taken out at this socket"},
		{[]locker.Cause{locker.CauseJammed, locker.CauseDesired}, "only the operator can put it back"},
	} {
		if got := outCure(&bank.DoorStatus{ID: door, Out: test.causes}); !strings.Contains(got, test.want) {
			t.Errorf("%v: %s", test.causes, got)
		}
	}
}

func TestGeneralCures(t *testing.T) {
	seen := map[string]bool{}
	for _, code := range []string{control.CodeNotFound, control.CodeRefused, control.CodeInvalid, control.CodeUnavailable, control.CodeFailed} {
		err := withCure(&bank.Error{Code: code, Text: "t"})
		e, ok := errors.AsType[*bank.Error](err)
		if !ok || e.Cure == "" || seen[e.Cure] {
			t.Errorf("%s: %#v", code, err)
		}
		seen[e.Cure] = true
	}
	own := &bank.Error{Code: control.CodeFailed, Text: "t", Cure: "own"}
	if got, ok := errors.AsType[*bank.Error](withCure(own)); !ok || got.Cure != own.Cure {
		t.Error("the bank's own cure was replaced")
	}
}

// TestTagVectors compares with the shared golden vectors.
func TestTagVectors(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "vectors", "codes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Codes []struct{ Bank, Tag, Text string } `json:"codes"`
	}
	if err := json.Unmarshal(raw, &v); err != nil || len(v.Codes) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, c := range v.Codes {
		args := append([]string{"tag", "--bank", c.Bank}, strings.Fields(ui.Grouped(c.Text))...)
		if code, stdout, stderr := invoke(t, &env{}, args...); code != exitDone || stdout != c.Tag+"\n" {
			t.Errorf("tag at %s = %q %q, want %q", c.Bank, stdout, stderr, c.Tag)
		}
	}
}

func TestCheckText(t *testing.T) {
	for text, want := range map[string]string{
		"abc":                        "3 characters",
		strings.Repeat("x", 1025):    "1025 characters",
		"ab\x01d":                    "not printable",
		strings.Repeat("1", 100):     "ticket",
		"31415926535897932384626435": "misread",
		"abcd":                       "",
		strings.Repeat("1", 27):      "",
	} {
		err := checkText(text)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), text)) {
			t.Errorf("%.30q: %v, want %q", text, err, want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for s, want := range map[string]string{"": "", "123": "123", "1234": "1234", "12345": "1234 5"} {
		if got := ui.Grouped(s); got != want {
			t.Errorf("ui.Grouped(%q) = %q, want %q", s, got, want)
		}
	}
}

// FuzzPrintEvent: whatever a later lockerd writes as an event is one line.
func FuzzPrintEvent(f *testing.F) {
	f.Add([]byte(`{"seq":1,"at":"2026-11-22T10:00:00.123Z","type":"x","ms":{"open":1},"future":[1,"a b",null],"hash":"00"}`))
	f.Add([]byte(`{"seq":1,"type":"a\u001bb"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var b strings.Builder
		if err := ui.PrintEvent(&b, "", line, false); err != nil {
			return
		}
		if s := b.String(); strings.Count(s, "\n") != 1 || strings.ContainsRune(s, 0x1b) {
			t.Errorf("%s prints %q", line, s)
		}
	})
}
