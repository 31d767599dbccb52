package bank

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
)

// stagesOf returns the stages of the last visit.
func stagesOf(t *testing.T, r *rig) (out locker.Stages) {
	t.Helper()
	synctest.Wait()
	lines, err := r.st.Events(1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		var e locker.Event
		if err := json.Unmarshal(l, &e); err != nil {
			t.Fatal(err)
		}
		if e.Type == locker.EvVisitEnded {
			out = *e.MS.Stages()
		}
	}
	if out.Decision == nil || out.Pulse == nil || out.Open == nil || out.Close == nil {
		t.Fatalf("stages are missing: %+v", out)
	}
	return out
}

// TestStagesOfAVisit: visit.ended tells when each stage was reached, since the
// scan (contract 7.1); lockerctl report measures the 60-second promise by it.
func TestStagesOfAVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		r.load(1, "SN-1")
		text := r.code(NewCode{Kind: locker.Collect, Door: locker.DoorID{Locker: 1, Door: 1}})
		r.bus.edit(func() { r.bus.doors[0].late = 200 * time.Millisecond })
		r.scan(text)
		time.Sleep(8 * time.Second)
		r.bus.set(1, false)
		time.Sleep(2 * time.Second)
		s := stagesOf(t, r)
		if *s.Decision != 0 || *s.Pulse > 20 || *s.Open < 260 || *s.Open > 320 || *s.Close < 8000 || *s.Close > 9000 {
			t.Errorf("decision %d, pulse %d, open %d, close %d", *s.Decision, *s.Pulse, *s.Open, *s.Close)
		}
	})
}

// TestStagesOfTwoDoors: pulse and open are those of the first door of a visit, the
// closing is the last: so long the person was there.
func TestStagesOfTwoDoors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, nil)
		text := r.code(NewCode{Kind: locker.Service})
		r.scan(text)
		for n := 1; n <= 2; n++ {
			if _, err := r.b.Open(t.Context(), locker.DoorID{Locker: 1, Door: uint8(n)}, "", "ada"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			r.bus.set(n, false)
			time.Sleep(2 * time.Second) // two readings, half a second apart
		}
		time.Sleep(2 * testTimes.VisitIdle)
		s := stagesOf(t, r)
		if *s.Open > 1000 || *s.Pulse > *s.Open || *s.Close < 20_000 {
			t.Errorf("decision %d, pulse %d, open %d, close %d", *s.Decision, *s.Pulse, *s.Open, *s.Close)
		}
	})
}

// TestRefusalNamesItsDoor: a refused code that names a door says which, so that
// refusals are told by door and reason without a join.
func TestRefusalNamesItsDoor(t *testing.T) {
	in(t, 2, func(r *rig) {
		text := r.code(collect(2))
		r.scan(text)
		time.Sleep(time.Second)
		r.bus.set(2, false)
		time.Sleep(testTimes.ReopenWindow + time.Minute)
		r.events()
		r.scan(text)
		synctest.Wait()
		lines, err := r.st.Events(r.seen+1, 1)
		if err != nil || len(lines) != 1 || !strings.Contains(string(lines[0]), `"type":"scan.refused","scanner":"front","door":"1-02",`) {
			t.Errorf("%s, %v", lines, err)
		}
	})
}
