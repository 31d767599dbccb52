package health

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
)

var start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func door(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} }

func opened(h *History, n int, ms int64, tries int) {
	h.Add(&locker.Event{Type: locker.EvDoorOpened, Door: door(n), MS: locker.MS(ms), Tries: tries})
}

// openings gives a door so many of the same sort.
func openings(h *History, n, times int, ms int64, tries int) {
	for range times {
		opened(h, n, ms, tries)
	}
}

func causes(list []Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, strings.TrimSpace(string(f.Cause)+" "+string(f.Level)+" "+f.Door.String()+f.Bus+f.Scanner))
	}
	return strings.Join(out, ", ")
}

func TestDoors(t *testing.T) {
	for _, c := range []struct {
		name string
		fill func(h *History)
		want string
	}{
		{"nothing known", func(*History) {}, ""},
		{"sound", func(h *History) { openings(h, 7, 64, 200, 1) }, ""},
		{"few openings tell nothing", func(h *History) { openings(h, 7, 7, 5000, 1) }, ""},
		{"slow", func(h *History) { openings(h, 7, 8, 1000, 1) }, "slow_door warn 1-07"},
		{"just not slow", func(h *History) { openings(h, 7, 8, 999, 1) }, ""},
		{"slowing", func(h *History) { openings(h, 7, 16, 300, 1); openings(h, 7, 8, 450, 1) }, "slowing_door warn 1-07"},
		{"by half, but little", func(h *History) { openings(h, 7, 16, 200, 1); openings(h, 7, 8, 349, 1) }, ""},
		{"much, but not by half", func(h *History) { openings(h, 7, 16, 500, 1); openings(h, 7, 8, 749, 1) }, ""},
		{"no past", func(h *History) { openings(h, 7, 15, 300, 1); openings(h, 7, 8, 900, 1) }, ""},
		{"somebody leaned on it", func(h *History) { openings(h, 7, 23, 300, 1); opened(h, 7, 9000, 1) }, ""},
		{"retries", func(h *History) { openings(h, 7, 16, 300, 1); openings(h, 7, 4, 300, 2) }, "retries warn 1-07"},
		{"old retries", func(h *History) { openings(h, 7, 4, 300, 2); openings(h, 7, 17, 300, 1) }, ""},
		{"by hand", func(h *History) { openings(h, 7, 20, 3000, 0) }, ""},
		{"two doors", func(h *History) { openings(h, 9, 8, 1500, 2); openings(h, 2, 8, 1500, 1) }, "retries warn 1-09, slow_door warn 1-02, slow_door warn 1-09"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h History
			c.fill(&h)
			if got := causes(Judge(&h, Sample{Now: start})); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func TestBuses(t *testing.T) {
	for _, c := range []struct {
		name string
		c    Counters
		want string
	}{
		{"sound", Counters{Requests: 10000, Timeouts: 99, Garbage: 499, Foreign: 99}, ""},
		{"too few requests", Counters{Requests: 199, Timeouts: 199}, ""},
		{"timeouts", Counters{Requests: 10000, Timeouts: 100}, "bus_timeouts warn a"},
		{"many timeouts", Counters{Requests: 10000, Timeouts: 1000}, "bus_timeouts alarm a"},
		{"noise", Counters{Requests: 10000, Garbage: 500}, "bus_noise warn a"},
		{"foreign", Counters{Requests: 10000, Foreign: 100}, "bus_foreign warn a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := causes(Judge(&History{}, Sample{Buses: map[string]Counters{"a": c.c}})); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

func TestWindowForgets(t *testing.T) {
	var w Window
	for i := range 30 {
		got := w.Add(start.Add(time.Duration(i)*time.Minute), Counters{Requests: uint64(i) * 1000, Timeouts: min(uint64(i)*100, 500)})
		if want := uint64(min(i, 10)) * 1000; got.Requests != want {
			t.Fatalf("minute %d: %d requests in the window, want %d", i, got.Requests, want)
		}
		if i >= 15 && got.Timeouts > 0 {
			t.Errorf("minute %d: still %d timeouts", i, got.Timeouts)
		}
	}
	if got := w.Add(start.Add(time.Hour), Counters{Requests: 5, Timeouts: 5}); got != (Counters{}) {
		t.Errorf("a bus that began anew: %+v", got)
	}
}

func TestScannerThatHasGoneQuiet(t *testing.T) {
	var h History
	at := start
	for range 20 {
		at = at.Add(8 * time.Hour)
		h.Add(&locker.Event{Type: locker.EvCodeAccepted, Scanner: "front", At: locker.Time(at.UnixMilli())})
	}
	for hours, want := range map[int]string{31: "", 32: "quiet_scanner warn front"} {
		got := causes(Judge(&h, Sample{Now: at.Add(time.Duration(hours) * time.Hour), Scanners: []string{"front", "rear"}}))
		if got != want {
			t.Errorf("after %d h: found %q, want %q", hours, got, want)
		}
	}
	if got := causes(Judge(&h, Sample{Now: at.Add(99 * time.Hour)})); got != "" {
		t.Errorf("a scanner that is not connected: %q", got)
	}
}

func TestMachines(t *testing.T) {
	for name, want := range map[string]string{
		"pi4":  "undervoltage alarm",
		"emmc": "card_worn warn, heat warn",
		"none": "",
	} {
		m := ReadMachine(os.DirFS("testdata/" + name))
		got := Judge(&History{}, Sample{Machine: m})
		if causes(got) != want {
			t.Errorf("%s: found %q, want %q", name, causes(got), want)
		}
		if name == "emmc" && (got[0].Evidence != "80 to 90 % of its life is used, its reserve is 80 % used" || got[1].Evidence != "84 °C") {
			t.Errorf("evidence %q, %q", got[0].Evidence, got[1].Evidence)
		}
	}
	worst := Machine{HottestC: 90, Cards: []Card{{Name: "mmcblk0", Life: 11}}}
	if got := causes(Judge(&History{}, Sample{Machine: worst})); got != "card_worn alarm, heat alarm" {
		t.Errorf("found %q", got)
	}
}

func TestEveryFindingHasItsPlace(t *testing.T) {
	all := order()
	for _, c := range []Cause{Undervoltage, CardWorn, Heat, BusSilence, BusNoise, BusForeign, Retries, SlowDoor, SlowingDoor, QuietScanner} {
		if !slices.Contains(all, c) {
			t.Errorf("%s has no place in the order", c)
		}
	}
}

// TestMonitor wants one begin and one end for each fault, however it flickers.
func TestMonitor(t *testing.T) {
	hot := func(l Level) []Finding { return []Finding{{Cause: Heat, Level: l, What: "hot"}} }
	var m Monitor
	step := func(found []Finding, want string) {
		t.Helper()
		begun, over := m.Step(found)
		got := causes(begun)
		if len(over) > 0 {
			got += " over " + causes(over)
		}
		if got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	}
	step(hot(Warn), "")
	step(nil, "") // once is nothing
	step(hot(Warn), "")
	step(hot(Warn), "heat warn")
	for range 5 {
		step(hot(Warn), "")
		step(nil, "")
	}
	step(hot(Alarm), "heat alarm")
	step(hot(Warn), "")
	for range clearAfter - 1 {
		step(nil, "")
	}
	step(nil, " over heat warn")
	step(nil, "")
	if len(m.watched) > 0 {
		t.Errorf("remembers %v", m.watched)
	}
}
