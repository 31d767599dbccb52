package fleet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/sync/backend"
)

// fakeDesk answers with one page after another, and with the last for ever; nil fails.
type fakeDesk struct {
	pages []*fleetPage
	asked int
}

func (d *fakeDesk) ask(_ context.Context, _ string, _, out any) error {
	p := d.pages[min(d.asked, len(d.pages)-1)]
	d.asked++
	if p == nil {
		return fail("cannot reach lockerctl fleet serve", "")
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

func (*fakeDesk) close() error { return nil }

// watched is what stands on a terminal after each second of a watch.
func watched(t *testing.T, width, height, seconds int, pages ...*fleetPage) (screens []string, end string, err error) {
	t.Helper()
	var out bytes.Buffer
	c := &call{env: &env{tty: true, getenv: func(string) string { return "dumb" }, size: func() (int, int) { return width, height }}, out: bufio.NewWriter(&out)}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(seconds)*watchEvery-watchEvery/2)
		defer stop()
		err = c.watchLive(ctx, &fakeDesk{pages: pages})
	})
	if ferr := c.out.Flush(); ferr != nil {
		t.Fatal(ferr)
	}
	screens = strings.Split(out.String(), "\x1b[H\x1b[J")
	last := len(screens) - 1
	screens[last], end, _ = strings.Cut(screens[last], "\x1b[?25h")
	return screens[1:], end, err
}

func page(banks ...backend.Status) *fleetPage {
	return &fleetPage{At: now(), Connected: true, Banks: banks}
}

// TestWatchOutlivesAServe: a serve that restarts ends no watch on a wall.
func TestWatchOutlivesAServe(t *testing.T) {
	one := page(backend.Status{Bank: "lon-042", Online: true, Seen: now(), Alarms: []string{"clock unset"}})
	screens, end, err := watched(t, 200, 24, 4, one, nil, nil, page(backend.Status{Bank: "lon-042", Seen: now()}))
	if err != nil || end != "\r\n" || len(screens) != 4 {
		t.Fatalf("%d screens, end %q, %v", len(screens), end, err)
	}
	for i, want := range [][]string{
		{"1 online", "clock unset"},
		{"not connected: cannot reach lockerctl fleet serve", "lon-042", "clock unset"},
		{"not connected: cannot reach lockerctl fleet serve", "lon-042"},
		{"0 online"},
	} {
		for _, w := range want {
			if !strings.Contains(screens[i], w) {
				t.Errorf("screen %d lacks %q:\n%s", i, w, screens[i])
			}
		}
	}
	if strings.Contains(screens[3], "clock unset") || strings.Contains(screens[3], "not connected") {
		t.Errorf("what is over stands there:\n%s", screens[3])
	}
	if _, _, err := watched(t, 200, 24, 2, nil); err == nil {
		t.Error("a watch that has never seen anything goes on")
	}
}

// TestWatchOnADumbTerminal: what can't be drawn over is printed once.
func TestWatchOnADumbTerminal(t *testing.T) {
	var out bytes.Buffer
	c := &call{env: &env{tty: true, getenv: func(string) string { return "dumb" }, size: func() (int, int) { return 80, 24 }}, out: bufio.NewWriter(&out)}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), watchEvery)
		defer stop()
		if err := c.watch(ctx, &fakeDesk{pages: []*fleetPage{page(backend.Status{Bank: "lon-042"})}}, false); err != nil || ctx.Err() != nil {
			t.Errorf("goes on: %v", err)
		}
	})
	if err := c.out.Flush(); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "lon-042") || strings.Contains(text, "\x1b") {
		t.Errorf("prints %q", text)
	}
}

// TestWatchShowsTheWorst: where not all fits, what needs a person comes first.
func TestWatchShowsTheWorst(t *testing.T) {
	var banks []backend.Status
	for i := range 40 {
		banks = append(banks, backend.Status{Bank: fmt.Sprintf("b-%02d", i), Online: true, Seen: now()})
	}
	banks[37].Alarms = []string{"door 1-04 forced open"}
	banks[38].Online = false
	screens, _, err := watched(t, 80, 10, 1, page(banks...))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(screens[0], "\n")
	if len(lines) != 10 || !strings.HasPrefix(lines[0], "40 banks, 39 online, 1 with alarms") {
		t.Fatalf("%d lines:\n%s", len(lines), screens[0])
	}
	for i, want := range []string{"b-37  door 1-04 forced open", "", "BANK ", "b-37 ", "b-38 ", "b-00 "} {
		if !strings.HasPrefix(lines[i+1], want) {
			t.Errorf("line %d is %q, want %s", i+2, lines[i+1], want)
		}
	}
	for i := range banks {
		banks[i].Alarms = []string{"clock unset"}
	}
	screens, _, _ = watched(t, 80, 10, 1, page(banks...))
	for _, want := range []string{"\nb-00  clock unset\n", "… 37 alarms more\n", "\nb-01 "} {
		if !strings.Contains(screens[0], want) {
			t.Errorf("%q is missing:\n%s", want, screens[0])
		}
	}
	banks[0].Alarms = nil
	if screens, _, _ = watched(t, 80, 100, 1, page(banks...)); strings.Index(screens[0], "b-00 ") > strings.Index(screens[0], "b-37 ") || strings.Index(screens[0], "clock unset") < strings.Index(screens[0], "b-39 ") {
		t.Errorf("out of order though all fits:\n%s", screens[0])
	}
}
