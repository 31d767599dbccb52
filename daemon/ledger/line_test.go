package ledger_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
	"lockerd/daemon/report/reporttest"
)

func lines(tb testing.TB) [][]byte {
	tb.Helper()
	var out [][]byte
	for _, e := range reporttest.Journal() {
		b, err := json.Marshal(&e)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// TestLineIsApply: what Line leaves unread of an event changes nothing.
func TestLineIsApply(t *testing.T) {
	fast, whole := ledger.New(), ledger.New()
	events := reporttest.Journal()
	for i, line := range lines(t) {
		if err := fast.Line(line); err != nil {
			t.Fatal(err)
		}
		whole.Apply(&events[i])
	}
	if !reflect.DeepEqual(fast, whole) {
		t.Error("replays of lines and of events differ")
	}
}

func TestBadLines(t *testing.T) {
	for _, bad := range []string{"", "{}", `{"seq":x,`, `{"seq":1`, `{"seq":1,"type":"item.delivered","door":7}`, `{"at":1,"seq":1}`} {
		if err := ledger.New().Line([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzLine: whatever stands in a journal, a replay ends with a verdict.
func FuzzLine(f *testing.F) {
	for _, line := range lines(f)[:40] {
		f.Add(line)
	}
	f.Add([]byte(`{"seq":9,"type":"journal.gap","from":1,"to":9,"n":9}`))
	f.Add([]byte(`{"seq":9,"type":"item.uncertain","door":"1-01","op":"carried","from":"x"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		l := ledger.New()
		if l.Line(line) != nil {
			return
		}
		_ = l.Line(line)
		v := l.Compare(&ledger.State{Doors: []ledger.DoorState{{ID: locker.DoorID{Locker: 1, Door: 1}}}})
		if v.OK != (v.First == nil) || v.Text == "" {
			t.Errorf("%+v", v)
		}
	})
}

func BenchmarkLine(b *testing.B) {
	list := lines(b)
	for b.Loop() {
		l := ledger.New()
		for _, line := range list {
			if err := l.Line(line); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(list)), "ns/event")
}
