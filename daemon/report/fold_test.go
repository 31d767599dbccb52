package report

import (
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/report/reporttest"
)

// TestHistogram holds percentiles against sorted values: exact below 256 ms, at
// most one in 128 too high above.
func TestHistogram(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var h histogram
		var all []int64
		for range 1 + rng.IntN(400) {
			v := rng.Int64N(1 << (1 + rng.IntN(34)))
			h.add(v)
			all = append(all, v)
		}
		slices.Sort(all)
		for _, p := range []int{1, 50, 95, 100} {
			want, got := all[(len(all)*p+99)/100-1], h.at(p)
			if got < want || got > want+want/128 || want < exact && got != want {
				t.Fatalf("seed %d: p%d of %d values is %d, not %d", seed, p, len(all), got, want)
			}
		}
		if s := h.stat(); s.Max != all[len(all)-1] || s.N != len(all) {
			t.Fatalf("seed %d: %+v", seed, s)
		}
	}
}

// TestBins: each value lies in the bin whose top is not below it.
func TestBins(t *testing.T) {
	for v := int64(0); v < 1<<40; v += 1 + v/97 {
		i := bin(v)
		if top(i) < v || i > 0 && top(i-1) >= v {
			t.Fatalf("%d is in bin %d, which ends at %d; the one before at %d", v, i, top(i), top(i-1))
		}
	}
}

func TestSeries(t *testing.T) {
	var s series
	for i := range 3000 {
		s.add(reporttest.Begin+locker.Time(i)*3_600_000, 200+int64(i)/10)
	}
	s.add(0, 200) // a clock that was set back
	n := 0
	for i, p := range s.points() {
		n += p.N
		if i > 0 && p.Mean <= s.points()[i-1].Mean {
			t.Errorf("point %d does not rise: %+v", i, p)
		}
	}
	if len(s.points()) > points || n != 3001 {
		t.Errorf("%d points of %d values", len(s.points()), n)
	}
	if tr := s.trend(); tr == nil || tr.WasMS > 260 || tr.IsMS < 440 || !tr.Slower() {
		t.Errorf("trend %+v", tr)
	}
	var few series
	for range 3*trendLeast - 1 {
		few.add(1, 1)
	}
	if few.trend() != nil {
		t.Error("a trend is told of too few")
	}
}

// TestMemoryIsBounded folds a month two hundred times: what is kept does not grow
// with the events.
func TestMemoryIsBounded(t *testing.T) {
	month := reporttest.Journal()
	f := New(Options{Zone: time.UTC, To: reporttest.End + 200*(reporttest.End-reporttest.Begin)})
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for n := range 200 {
		for _, e := range month {
			e.At += locker.Time(n) * (reporttest.End - reporttest.Begin)
			f.Add(&e)
		}
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d events grew the heap by %d bytes", 200*len(month), grown)
	}
	if f.Report(nil).Busy.Openings == 0 {
		t.Error("nothing was counted")
	}
}

// FuzzAdd: whatever stands in a journal, a report comes of it.
func FuzzAdd(f *testing.F) {
	f.Add([]byte(`{"seq":1,"at":"2026-11-22T10:00:00.123Z","type":"door.opened","door":"1-01","ms":-9223372036854775808,"tries":-5}`))
	f.Add([]byte(`{"seq":1,"at":"9999-11-22T10:00:00Z","type":"visit.ended","kind":"x","ms":{"close":9223372036854775807}}`))
	f.Add([]byte(`{"seq":1,"at":"0001-01-01T00:00:00Z","type":"door.out_of_service","cause":"a,b","op":"left"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var e locker.Event
		if json.Unmarshal(line, &e) != nil {
			return
		}
		fold := New(Options{Zone: time.UTC, To: 1 << 60})
		fold.Add(&e)
		e.At += 1 << 40
		fold.Add(&e)
		if _, err := json.Marshal(fold.Report(nil)); err != nil {
			t.Error(err)
		}
	})
}
