package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"lockerd/daemon/bank"
	"lockerd/daemon/config"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

func TestConfigIsGood(t *testing.T) {
	for name, p := range map[string]pace{"live": livePace(), "tour": tourPace()} {
		c, err := config.Parse([]byte(configText("/tmp/x", "mqtt://127.0.0.1:1883", p)), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(c.Doors) != 46 || len(c.Buses) != 2 || len(c.Scanners) != 1 {
			t.Errorf("%s: %d doors, %d buses, %d scanners", name, len(c.Doors), len(c.Buses), len(c.Scanners))
		}
		if w := c.Warnings(); len(w) > 0 {
			t.Errorf("%s: %v", name, w)
		}
	}
}

func TestEditor(t *testing.T) {
	for in, want := range map[string][]string{
		"1\r":                            {"1"},
		"1\r\n2\n":                       {"1", "2"},
		"ab\x7fc\r":                      {"ac"},
		"\x7f\x7fa\r":                    {"a"},
		"abc\x15d\r":                     {"d"},
		"a\x1b[1;5Db\x1b[3~c\x1bOPd\r":   {"abcd"},
		"jam 1-07\r\x1b[A\r":             {"jam 1-07", "jam 1-07"},
		"a\tb\x00\xc3\xa9\r":             {"ab"},
		"\x03":                           {"QUIT"},
		"a\x04\r\x04":                    {"a", "QUIT"},
		strings.Repeat("9", 2000) + "\r": {strings.Repeat("9", maxLine)},
	} {
		var e editor
		var got []string
		for i := range len(in) {
			switch a, line := e.key(in[i]); a {
			case actEnter:
				got = append(got, line)
			case actQuit:
				got = append(got, "QUIT")
			case actNone, actRedraw:
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%.40q: %q, want %q", in, got, want)
		}
	}
}

var sequence = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)

// TestFrameFits: whatever the bank holds, no line is longer than the screen and
// no text steers the terminal.
func TestFrameFits(t *testing.T) {
	l := sampleLive()
	for _, p := range []page{nil, introPage, helpPage, qrPage(l.codes.list[0]), toolPage("lockerctl stock", []string{"evil\x1b[2J", strings.Repeat("x", 300)})} {
		l.page = p
		for _, size := range [][2]int{{1, 3}, {20, 5}, {80, 24}, {81, 25}, {200, 60}} {
			frame := sequence.ReplaceAllString(l.frame(size[0], size[1]), "")
			lines := strings.Split(frame, "\r\n")
			if len(lines) != size[1] {
				t.Errorf("%v: %d lines", size, len(lines))
			}
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > size[0] {
					t.Errorf("%v: a line has %d columns: %q", size, n, line)
				}
				if strings.ContainsAny(line, "\x1b\n\r\a") {
					t.Errorf("%v: a line steers the terminal: %q", size, line)
				}
			}
		}
	}
}

// TestNothingIsCut: on the smallest screen every fixed text fits.
func TestNothingIsCut(t *testing.T) {
	l := sampleLive()
	for name, p := range map[string]page{"bank": nil, "intro": introPage, "help": helpPage, "qr": qrPage(l.codes.list[0])} {
		l.page = p
		if f := l.frame(minWidth, minHeight); strings.Contains(f, "…") {
			t.Errorf("%s is cut: %s", name, sequence.ReplaceAllString(f, ""))
		}
	}
}

func TestCells(t *testing.T) {
	item := &locker.Item{SKU: "x", Condition: locker.Ready}
	for want, d := range map[string]bank.DoorStatus{
		"[07 ]": {State: "closed"},
		"[07*]": {State: "closed", Item: item},
		"[07~]": {State: "closed", Item: &locker.Item{Condition: locker.Uncertain}},
		"/07 /": {State: "open"},
		"x07*x": {State: "closed", Item: item, Out: []locker.Cause{locker.CauseJammed}},
		"?07 ?": {State: "unknown", Out: []locker.Cause{locker.CauseJammed}},
		">07*<": {State: "closed", Item: item, Pending: true},
	} {
		d.ID = locker.DoorID{Locker: 1, Door: 7}
		if got, _ := cell(&d); got != want {
			t.Errorf("%+v shows as %q, want %q", d, got, want)
		}
	}
}

// TestUsedCodeShowsAsUsed: the list of codes says of each what it is still good for.
func TestUsedCodeShowsAsUsed(t *testing.T) {
	l := sampleLive()
	for number, want := range map[int]string{codeTablet: "used", codeCharger: "1 of 2", codeSupplier: "good"} {
		k := l.codes.list[number-1]
		s := l.view.codes[k.id]
		if number != codeSupplier {
			s.Used = 1
		}
		l.view.codes[k.id] = s
		c := newCanvas(80, 1, true)
		l.codeLine(c, 0, 0, 80, k)
		if row := strings.TrimSpace(sequence.ReplaceAllString(c.String(), "")); !strings.HasSuffix(row, " "+want) {
			t.Errorf("code %d: %q, want %q", number, row, want)
		}
	}
}

// TestFolded: a page shows the whole line, whatever the screen.
func TestFolded(t *testing.T) {
	for line, want := range map[string][]string{
		"short":                        {"short"},
		"kept for 87 % of 8: 7 within": {"kept for 87 %", "    of 8: 7", "    within"},
		"0123456789abcdef":             {"0123456789abc", "    def"},
	} {
		if got := folded(line, 13); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestNothingNameless: what comes down has no code of its own, and commands that the
// backend gives by itself are nothing that a person has done.
func TestNothingNameless(t *testing.T) {
	for _, e := range []locker.Event{{Type: locker.EvCodesApplied, Set: tenant}, {Type: locker.EvCommandDone, Command: locker.CmdResync}} {
		if s := tell(&e, (&purse{}).name); s.mood != hidden {
			t.Errorf("%s shows as %q", e.Type, s.text)
		}
	}
	if s := tell(&locker.Event{Type: locker.EvCodeAccepted, Cause: "reopening", Door: jammable}, (&purse{}).name); !strings.Contains(s.text, "again") {
		t.Errorf("a reopening shows as %q", s.text)
	}
}

// TestEveryReasonHasWords: a person never reads a bare reason of contract 5.3.
func TestEveryReasonHasWords(t *testing.T) {
	for r := range refusals() {
		if r != locker.Granted && !strings.Contains(reasonWords(r), " ") {
			t.Errorf("%s has no words", r)
		}
	}
}

func sampleLive() *live {
	s := &site{dir: "/tmp/lockerdemo-1234567890", socket: filepath.Join("/tmp/lockerdemo-1234567890", "data", "control.sock"), feed: newFeed(), codes: &purse{}, fleet: &fleet{broker: &broker{address: "127.0.0.1:65535"}}}
	s.feed.add(locker.Event{Seq: 1, Type: locker.EvDoorForced, Door: jammable})
	s.feed.add(locker.Event{Seq: 2, Type: "evil\x1b[2J\r\n", Door: jammable})
	qr := make([]string, 15)
	for i := range qr {
		qr[i] = strings.Repeat("▀", 29)
	}
	l := &live{site: s, view: view{codes: map[string]backend.CodeStatus{}}, note: sentence{"note\x1b]0;evil\a", calm}}
	for i, w := range wishes() {
		s.codes.list = append(s.codes.list, &code{number: i + 1, id: w.words, text: strings.Repeat("1234567890", 3)[:26], words: w.words, qr: qr})
		l.view.codes[w.words] = backend.CodeStatus{Code: w.code, State: "live"}
	}
	for _, c := range cabinets() {
		for n := 1; n <= c.doors; n++ {
			l.view.doors = append(l.view.doors, bank.DoorStatus{ID: locker.DoorID{Locker: uint8(c.number), Door: uint8(n)}, State: "closed", Named: n == 7, Item: &locker.Item{}})
		}
	}
	for _, g := range goods()[:3] {
		l.view.stock = append(l.view.stock, bank.StockLine{SKU: g.sku[:3], Count: 9})
	}
	return l
}

// TestHands: what is put in gets a label where the door takes something in, never
// where it gives, and not when labels are left out.
func TestHands(t *testing.T) {
	h := newHands(nil, nil, 0)
	event := func(kind string, of locker.Kind, visit string) string {
		return h.labelFor(&locker.Event{Type: kind, Kind: of, Visit: visit})
	}
	for _, test := range []struct{ got, want string }{
		{event(locker.EvDoorOpened, locker.Collect, "v-1"), ""},
		{event(locker.EvDoorOpened, locker.Deliver, "v-2"), "NEW-0001"},
		{event(locker.EvDoorOpened, locker.Deliver, "v-2"), "NEW-0002"},
		{event(locker.EvDoorOpened, locker.Swap, "v-3"), "OLD-0003"},
		{event(locker.EvItemReturned, locker.Swap, "v-3"), ""},
		{event(locker.EvDoorOpened, locker.Swap, "v-3"), ""},
		{event(locker.EvVisitEnded, locker.Swap, "v-3"), ""},
		{event(locker.EvDoorOpened, locker.Swap, "v-4"), "OLD-0004"},
		{event(locker.EvDoorOpened, locker.Clear, "v-5"), ""},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
	if len(h.handedIn) != 0 {
		t.Error("a visit that is over is kept")
	}
	h.leaveOut(true)
	if got := event(locker.EvDoorOpened, locker.Return, "v-6"); got != "" {
		t.Errorf("%q is scanned, labels are left out", got)
	}
}
