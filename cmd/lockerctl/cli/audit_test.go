package cli

import (
	"errors"
	"io"
	"strings"
	"testing"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

func doorID(n uint8) locker.DoorID { return locker.DoorID{Locker: 1, Door: n} }

// TestAnswers: what a line means at a door, given what the bank has there and
// elsewhere.
func TestAnswers(t *testing.T) {
	laptop := func(serial string, c locker.Condition) *locker.Item {
		return &locker.Item{Tenant: "acme", SKU: "laptop-14", Serial: serial, Condition: c}
	}
	all := []bank.DoorStatus{
		{ID: doorID(1), Item: laptop("SN-1", locker.Uncertain)},
		{ID: doorID(2), Item: laptop("SN-2", locker.Faulty)},
		{ID: doorID(3), Item: laptop("SN-3", locker.Ready)},
		{ID: doorID(4)},
	}
	for _, test := range []struct {
		door       int
		line, want string
	}{
		{1, "", "acme/laptop-14 SN-1 ready"},
		{1, "=", "acme/laptop-14 SN-1 ready"},
		{1, "  SN-1 ", "acme/laptop-14 SN-1 ready"},
		{1, "faulty", "acme/laptop-14 SN-1 faulty"},
		{2, "", "acme/laptop-14 SN-2 faulty"},
		{2, "ready", "acme/laptop-14 SN-2 ready"},
		{1, "empty", "empty"},
		{1, "-", "empty"},
		{4, "", "empty"},
		{1, "SN-9", "acme/laptop-14 SN-9 ready"},
		{1, "SN-9 faulty", "acme/laptop-14 SN-9 faulty"},
		{1, "SN-2", "acme/laptop-14 SN-2 faulty from 1-02"},
		{1, "laptop-14 SN-2", "acme/laptop-14 SN-2 faulty from 1-02"},
		{4, "acme/laptop-14 SN-2 ready", "acme/laptop-14 SN-2 ready from 1-02"},
		{1, "SN-3", "SN-3 was confirmed behind door 1-03"},
		{1, "laptop-14 SN-3", "SN-3 was confirmed behind door 1-03"},
		{4, "SN-9", "the bank does not know SN-9"},
		{4, "faulty", "nothing was expected here"},
		{4, "phone P-1", "zeta/phone P-1 ready"},
		{4, "phone -", "zeta/phone ready"},
		{1, "laptop-14 SN-9", "acme/laptop-14 SN-9 ready"},
		{4, "Phone P-1", `"Phone" is no sku`},
		{4, "cable C-1", "whose?"},
		{4, "a b c", "cannot read the answer"},
		{1, "s", "skip"},
		{1, "skip", "skip"},
		{1, "q", "quit"},
	} {
		q := &asked{door: &all[test.door-1], all: all, done: map[locker.DoorID]bool{doorID(3): true}, tenant: func(sku string) (string, error) {
			if sku == "cable" {
				return "", errors.New("whose?")
			}
			return "zeta", nil
		}}
		a, err := q.read(test.line)
		got := a.found.String()
		switch {
		case err != nil:
			got = err.Error()
		case a.verdict == verdictSkip:
			got = "skip"
		case a.verdict == verdictQuit:
			got = "quit"
		case !a.from.IsZero():
			got += " from " + a.from.String()
		}
		if got != test.want && (err == nil || !strings.HasPrefix(got, test.want)) {
			t.Errorf("door %d, %q: %q, want %q", test.door, test.line, got, test.want)
		}
	}
	if all[0].Item.Condition != locker.Uncertain {
		t.Error("reading an answer changes what the bank has said")
	}
}

func TestReadAnswers(t *testing.T) {
	s, err := readAnswers("# all\n1-01 =\n\n 1-02  SN-2 faulty # seen\n1-03\n")
	if err != nil || len(s) != 3 || s[doorID(1)] != "=" || s[doorID(2)] != "SN-2 faulty" || s[doorID(3)] != "" {
		t.Errorf("%v, %v", s, err)
	}
	for _, bad := range []string{"1-1 =", "1-01 =\n1-01 -"} {
		if _, err := readAnswers(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if text, err := s.answer(t.Context(), doorID(9), nil); text != "skip" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// FuzzAnswer: no line makes an item that the bank would call malformed, or one that
// is uncertain.
func FuzzAnswer(f *testing.F) {
	f.Add("acme/laptop-14 SN-1 faulty")
	f.Add("= ready")
	f.Add("- -")
	f.Fuzz(func(t *testing.T, line string) {
		d := bank.DoorStatus{ID: doorID(1), Item: &locker.Item{SKU: "laptop-14", Serial: "SN-1", Condition: locker.Uncertain}}
		q := &asked{door: &d, all: []bank.DoorStatus{d}, tenant: func(string) (string, error) { return "", nil }}
		a, err := q.read(line)
		if err != nil || a.found == nil {
			return
		}
		if !locker.ValidSKU(a.found.SKU) || a.found.Tenant != "" && !locker.ValidTenant(a.found.Tenant) || a.found.Condition != locker.Ready && a.found.Condition != locker.Faulty {
			t.Errorf("%q makes %+v", line, a.found)
		}
	})
}

// TestAuditAtTheKeyboard: prompts, an answer that is not taken, a scanned serial, an
// early end.
func TestAuditAtTheKeyboard(t *testing.T) {
	b, path := serve(t)
	b.Shut()
	code, out, errs := typed(t, "\nSN-7\ntablet SN-7\nq\n", "--socket", path, "stock", "audit")
	if code != exitFailed || !strings.Contains(errs, "the audit was ended early") || !strings.Contains(errs, "--resume") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	for _, want := range []string{
		"4 doors. Enter: as said", "1-01  acme/laptop-14 SN12345 ready ?\n      agrees: acme/laptop-14 SN12345 ready\n",
		"1-02  empty ?\n      the bank does not know SN-7", "1-02  empty ?\n      differs: tablet SN-7 ready\n",
		"aborted: 1 doors agree, 1 differ, 1 left out",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if code, _, errs := typed(t, "", "--socket", path, "stock", "audit", "--resume", "1-02"); code != exitDone {
		t.Errorf("exit %d: %s", code, errs)
	}
	if code, _, errs := typed(t, "", "--socket", path, "stock", "audit", "1-01"); code != exitFailed || !strings.Contains(errs, "no more answers") {
		t.Errorf("exit %d: %s", code, errs)
	}
	if code, _, errs := typed(t, "", "--socket", path, "stock", "audit", "--tenant", "nobody"); code != exitFailed || !strings.Contains(errs, "no such door") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

// TestAuditRefused: what the bank does not take is asked again, and from a file the
// door is left out. What a bank says does not steer the terminal.
func TestAuditRefused(t *testing.T) {
	b, path := serve(t)
	b.Shut()
	b.Fail["Audit"] = &bank.Error{Code: "refused", Text: "somebody was \x1b[2Jquicker"}
	_, out, _ := typed(t, "\ns\n", "--socket", path, "stock", "audit", "1-01")
	if !strings.Contains(out, "somebody was ?[2Jquicker\n1-01  acme/laptop-14 SN12345 ready ?") || !strings.Contains(out, "its item is uncertain") {
		t.Errorf("%s", out)
	}
}

// typed runs lockerctl with somebody at the keyboard.
func typed(t *testing.T, in string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	e := &env{stdin: io.MultiReader(strings.NewReader(in)), stderr: &errs, getenv: func(string) string { return "" }}
	code = e.run(t.Context(), args, &out)
	return code, out.String(), errs.String()
}
