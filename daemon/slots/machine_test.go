package slots

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func prog(version string) Program {
	return Program{Version: version, SHA256: "sum-" + version, Size: 1}
}

// order is one step of a scripted update.
type order func(State) (State, error)

func begin(v string) order { return func(s State) (State, error) { return s.Begin(prog(v), noon) } }
func arm(s State) (State, error) {
	return s.Arm(&Health{Ready: true, Scanners: []string{"front"}, StoreReads: 1})
}

func start(want Slot) order {
	return func(s State) (State, error) {
		s, got := s.Start(noon)
		if got != want {
			return s, &slotError{got, want}
		}
		return s, nil
	}
}
func confirm(s State) (State, error) { return s.Confirm(Health{Ready: true}, noon) }
func fail(s State) (State, error)    { return s.Fail("no scanner") }
func stopped(s State) (State, error) { return s.Stopped(), nil }

type slotError struct{ got, want Slot }

func (w *slotError) Error() string { return "started " + string(w.got) + ", want " + string(w.want) }

func play(t *testing.T, s State, steps ...order) State {
	t.Helper()
	for i, o := range steps {
		was := s.clone()
		next, err := o(s)
		if err != nil {
			t.Fatalf("step %d: %v in %+v", i, err, s)
		}
		if !reflect.DeepEqual(was, s.clone()) {
			t.Fatalf("step %d changed the state it was given", i)
		}
		s = next
	}
	return s
}

func installed(t *testing.T) State {
	t.Helper()
	return play(t, State{}, begin("1"), State.Verify, arm)
}

func TestMachine(t *testing.T) {
	for _, tc := range []struct {
		name   string
		steps  []order
		active Slot
		result string // of the last update; "": none ended
		why    string
	}{
		{"first program", nil, A, "", ""},
		{"confirmed", []order{begin("2"), State.Verify, arm, start(B), confirm, start(B)}, B, Confirmed, ""},
		{"two after another", []order{begin("2"), State.Verify, arm, start(B), confirm, begin("3"), State.Verify, arm, start(A), confirm, start(A)}, A, Confirmed, ""},
		{"crashes", []order{begin("2"), State.Verify, arm, start(B), start(B), start(A)}, A, RolledBack, "crash"},
		{"one power cut is forgiven", []order{begin("2"), State.Verify, arm, start(B), start(B), confirm}, B, Confirmed, ""},
		{"fails itself", []order{begin("2"), State.Verify, arm, start(B), fail, start(A), start(A)}, A, RolledBack, "no scanner"},
		{"orderly stops do not count", []order{begin("2"), State.Verify, arm, start(B), stopped, start(B), stopped, start(B), stopped, start(B), confirm}, B, Confirmed, ""},
		{"stopped after its verdict", []order{begin("2"), State.Verify, arm, start(B), fail, stopped, start(A)}, A, RolledBack, "no scanner"},
		{"not ordered", []order{begin("2"), State.Verify, start(A), start(A)}, A, "", ""},
		{"half staged", []order{begin("2"), start(A)}, A, "", ""},
		{"another in its place", []order{begin("2"), State.Verify, begin("3")}, A, Abandoned, "took its place"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := play(t, installed(t), tc.steps...)
			last := s.Last
			if last == nil {
				last = &Outcome{}
			}
			if s.Active != tc.active || last.Result != tc.result || !strings.Contains(last.Why, tc.why) {
				t.Fatalf("active %s, last %+v; want %s, %s %q", s.Active, last, tc.active, tc.result, tc.why)
			}
		})
	}
}

// TestOrderlyForEver holds that a program which only ever stops orderly is not on trial for ever.
func TestOrderlyForEver(t *testing.T) {
	s := play(t, installed(t), begin("2"), State.Verify, arm)
	for range MaxStarts {
		s = play(t, s, start(B), stopped)
	}
	if s = play(t, s, start(A)); s.Last.Result != RolledBack {
		t.Fatalf("%+v", s.Last)
	}
}

func TestOrdersOutOfTurn(t *testing.T) {
	trying := play(t, installed(t), begin("2"), State.Verify, arm)
	for _, tc := range []struct {
		name string
		s    State
		o    order
	}{
		{"confirm nothing", installed(t), confirm},
		{"fail nothing", installed(t), fail},
		{"try what is not verified", play(t, installed(t), begin("2")), arm},
		{"stage over a trial", trying, begin("3")},
		{"verify a trial", trying, State.Verify},
		{"confirm a failed one", play(t, trying, start(B), fail), confirm},
	} {
		if got, err := tc.o(tc.s); err == nil {
			t.Errorf("%s: done, %+v", tc.name, got)
		}
	}
}

func TestTheFreeSlotCountsAsEmpty(t *testing.T) {
	s := play(t, installed(t), begin("2"), State.Verify, arm, start(B), confirm, begin("3"))
	if _, ok := s.Slots[A]; ok {
		t.Fatal("the slot being written still counts as whole")
	}
	if s = s.Lost("gone", noon); s.Active != "" {
		t.Fatalf("fell back on the slot being written: %+v", s)
	}
}

func TestJudge(t *testing.T) {
	before := &Health{Ready: true, Doors: 8, Boards: []string{"bus a board 1"}, Scanners: []string{"front", "side"}, Uplink: true, Journal: "j", Next: 40, Sets: []string{"acme"}}
	well := func() *Health {
		return &Health{Ready: true, Doors: 8, Boards: []string{"bus a board 1"}, Scanners: []string{"front", "side", "new"}, Uplink: true, Journal: "j", Next: 44, Sets: []string{"acme"}}
	}
	for _, tc := range []struct {
		name string
		hurt func(*Health)
		why  string
	}{
		{"well", func(*Health) {}, ""},
		{"not ready", func(h *Health) { h.Ready = false }, "not ready"},
		{"fewer doors", func(h *Health) { h.Doors = 7 }, "7 doors of 8"},
		{"board", func(h *Health) { h.Boards = nil }, "lost: bus a board 1"},
		{"scanner", func(h *Health) { h.Scanners = h.Scanners[1:] }, "lost: scanner front"},
		{"uplink", func(h *Health) { h.Uplink = false }, "broker"},
		{"journal", func(h *Health) { h.Journal = "other" }, "new journal"},
		{"shorter journal", func(h *Health) { h.Next = 39 }, "ends at 39"},
		{"codes", func(h *Health) { h.Sets = nil }, "codes of acme"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := Judge{Before: before, Hold: 60 * time.Second, Deadline: 300 * time.Second}
			h := well()
			tc.hurt(h)
			v, why := Wait, []string(nil)
			at := time.Duration(0)
			for ; v == Wait && at < time.Hour; at += time.Second {
				v, why = j.Look(at, h)
			}
			switch {
			case tc.why == "" && (v != Good || at != 61*time.Second):
				t.Fatalf("verdict %d at %s, %v", v, at, why)
			case tc.why != "" && (v != Bad || at != 301*time.Second || !strings.Contains(strings.Join(why, ";"), tc.why)):
				t.Fatalf("verdict %d at %s, %v", v, at, why)
			}
		})
	}
}

// TestJudgeHold holds that a break begins the hold anew.
func TestJudgeHold(t *testing.T) {
	j := Judge{Hold: 10 * time.Second, Deadline: 30 * time.Second}
	_, _ = j.Look(0, &Health{Ready: true})
	_, _ = j.Look(9*time.Second, &Health{})
	if v, _ := j.Look(10*time.Second, &Health{Ready: true}); v != Wait {
		t.Fatal("held over a break")
	}
	if v, _ := j.Look(20*time.Second, &Health{Ready: true}); v != Good {
		t.Fatal("did not hold after the break")
	}
}
