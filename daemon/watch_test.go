package daemon

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/health"
	"lockerd/daemon/locker"
	"lockerd/hal"
)

// patient is a bank whose health is judged.
type patient struct {
	status bank.Status
	events []locker.Event // of the journal, by seq, with gaps
	noted  []string
	asked  int
}

func (p *patient) Status(context.Context) (bank.Status, error) {
	p.status.Journal.Next = p.events[len(p.events)-1].Seq + 1
	return p.status, nil
}

func (p *patient) Events(_ context.Context, from uint64, most int) ([][]byte, error) {
	p.asked++
	var out [][]byte
	for i := range p.events {
		if e := &p.events[i]; e.Seq >= from && len(out) < most {
			line, err := json.Marshal(e)
			if err != nil {
				return nil, err
			}
			out = append(out, line)
		}
	}
	return out, nil
}

func (p *patient) Note(_ context.Context, e locker.Event) error {
	p.noted = append(p.noted, e.Type+" "+e.Cause+" "+e.Level)
	p.open(locker.Event{Type: e.Type, Cause: e.Cause, Why: e.Why})
	return nil
}

func (p *patient) open(e locker.Event) {
	e.Seq = 1
	if n := len(p.events); n > 0 {
		e.Seq = p.events[n-1].Seq + 1
	}
	p.events = append(p.events, e)
}

// TestHealthIsJournaledOnce lets a door go slow, a bus go bad and the board get
// hot, and wants each told when it begins, and when it is over.
func TestHealthIsJournaledOnce(t *testing.T) {
	p := &patient{status: bank.Status{
		Journal: bank.JournalStatus{First: 1},
		Buses:   []bank.BusStatus{{Name: "a", Stats: hal.Stats{Up: true}}},
	}}
	sys := fstest.MapFS{"class/thermal/thermal_zone0/temp": {Data: []byte("45000\n")}}
	w := &watch{bank: p, events: follower{latest: health.Events}, sys: sys, log: slog.New(slog.DiscardHandler)}
	minutes := func(n int) {
		t.Helper()
		for range n {
			p.status.Up += time.Minute
			p.status.Buses[0].Stats.Requests += 600
			if err := w.judge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(want ...string) {
		t.Helper()
		if !slices.Equal(p.noted, want) {
			t.Errorf("noted %q, want %q", p.noted, want)
		}
		p.noted = nil
	}
	slow := locker.Event{Type: locker.EvDoorOpened, Door: locker.DoorID{Locker: 1, Door: 7}, MS: locker.MS(1400), Tries: 1}
	for range 4 {
		p.open(slow)
	}
	p.events = append(p.events, locker.Event{Seq: 100, Type: locker.EvJournalGap}) // stands for 5 to 100
	for range 4 {
		p.open(slow)
	}
	minutes(3)
	want("health.warning slow_door warn")
	if w.events.next != p.events[len(p.events)-1].Seq+1 && w.events.next != p.events[len(p.events)-1].Seq {
		t.Errorf("next is %d, the last event has %d", w.events.next, p.events[len(p.events)-1].Seq)
	}

	p.status.Buses[0].Stats.Timeouts = 2000
	sys["class/thermal/thermal_zone0/temp"].Data = []byte("92000\n")
	minutes(3)
	want("health.warning heat alarm", "health.warning bus_timeouts alarm")

	for range 8 {
		p.open(locker.Event{Type: locker.EvDoorOpened, Door: slow.Door, MS: locker.MS(200), Tries: 1})
	}
	sys["class/thermal/thermal_zone0/temp"].Data = []byte("50000\n")
	minutes(25)
	want("health.cleared slow_door ", "health.cleared heat ", "health.cleared bus_timeouts ")
}

// TestHealthReadsALongJournalInPart bounds what a start costs.
func TestHealthReadsALongJournalInPart(t *testing.T) {
	p := &patient{status: bank.Status{Journal: bank.JournalStatus{First: 1}}, events: []locker.Event{{Seq: 1_000_000, Type: locker.EvBootStarted}}}
	w := &watch{bank: p, events: follower{latest: health.Events}, sys: fstest.MapFS{}, log: slog.New(slog.DiscardHandler)}
	if err := w.judge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.events.next != 1_000_001 || p.asked != 1 {
		t.Errorf("next %d, asked %d times", w.events.next, p.asked)
	}
}
