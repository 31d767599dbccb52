package rollout

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
)

const version = "1.3.0"

// rig is a rollout over banks that do what a test tells them.
type rig struct {
	t      *testing.T
	r      *Rollout
	now    locker.Time
	states map[string]State
	given  []string          // banks ordered since the last look
	taken  []string          // banks whose order was withdrawn
	ids    map[string]string // last order by bank
	n      int
}

func (r *rig) State(bank, _ string) State { return r.states[bank] }

func (r *rig) Order(bank string) string {
	r.n++
	r.ids[bank] = fmt.Sprintf("m-%d", r.n)
	r.given = append(r.given, bank)
	return r.ids[bank]
}

func (r *rig) Withdraw(bank, id string) {
	if r.ids[bank] != id {
		r.t.Errorf("%s: order %s was taken back, %s was given", bank, id, r.ids[bank])
	}
	r.taken = append(r.taken, bank)
}

func plan() Plan {
	return Plan{
		Version: version, Steps: []int{10, 50, 100}, Failures: Limit{20, true}, Silent: Limit{20, true}, Stop: Limit{50, true},
		Deadline: Span(time.Hour), Parallel: 100,
	}
}

// newRig starts a rollout over n banks, b0 and on.
func newRig(t *testing.T, n int, change func(*Plan)) *rig {
	t.Helper()
	r := &rig{t: t, now: locker.TimeOf(time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)), states: map[string]State{}, ids: map[string]string{}}
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("b%d", i))
		r.states[names[i]] = State{Online: true, Version: "1.2.0"}
	}
	p := plan()
	if change != nil {
		change(&p)
	}
	var err error
	if r.r, err = Start("r-1", p, names, r, r.now); err != nil {
		t.Fatal(err)
	}
	return r
}

// pass lets time go by, a tick each second.
func (r *rig) pass(d time.Duration) {
	for end := r.now.Add(d); r.now < end; {
		r.now = r.now.Add(time.Second)
		r.r.Advance(r, r.now)
	}
}

// ordered lets a tick go by and returns who got an order since the last call.
func (r *rig) ordered() []string {
	r.pass(time.Second)
	out := r.given
	r.given = nil
	return out
}

func (r *rig) says(bank, word, why string) {
	r.r.Heard(bank, &locker.Event{Type: locker.EvUpdatePrefix + word, Version: locker.Text(version), Why: why, At: r.now})
}

func (r *rig) replies(bank, status, reason string) {
	r.r.Replied(r, bank, &locker.Reply{ID: r.ids[bank], Status: status, Reason: reason}, r.now)
}

// ends has banks take the update and end it.
func (r *rig) ends(word string, banks ...string) {
	for _, b := range banks {
		r.says(b, "staged", "")
		r.replies(b, locker.ReplyDone, "")
		r.says(b, "tried", "")
		r.says(b, word, "")
	}
}

func (r *rig) wants(status Status, step int, why string) {
	r.t.Helper()
	if r.r.Status != status || r.r.Step != step || !strings.Contains(r.r.Why, why) {
		r.t.Fatalf("%s in step %d, because %q; want %s in %d because %q", r.r.Status, r.r.Step, r.r.Why, status, step, why)
	}
}

func (r *rig) phase(bank string) Phase { return r.r.parts[bank].Phase }

func TestAllGoesWell(t *testing.T) {
	r := newRig(t, 20, nil)
	for step, want := range []int{2, 8, 10} {
		r.wants(Running, step, "")
		got := r.ordered()
		if len(got) != want {
			t.Fatalf("step %d: ordered at %v", step, got)
		}
		if more := r.ordered(); len(more) > 0 {
			t.Fatalf("ordered twice: %v", more)
		}
		r.ends("confirmed", got[1:]...)
		if more := r.ordered(); len(more) > 0 {
			t.Fatalf("step %d went on without %s: %v", step, got[0], more)
		}
		r.ends("confirmed", got[0])
		r.pass(time.Second)
	}
	r.wants(Done, 2, "20 banks confirmed, 0 failed, 0 silent")
}

func TestTheOrderIsTheSameEachTime(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	p := plan()
	p.Canaries = []string{"g", "b"}
	want := p.order(names)
	if want[0] != "g" || want[1] != "b" {
		t.Fatalf("canaries do not lead: %v", want)
	}
	back := slices.Clone(names)
	slices.Reverse(back)
	if got := p.order(back); !slices.Equal(got, want) {
		t.Fatalf("%v, then %v", want, got)
	}
	p.Version = "1.4.0"
	if got := p.order(names); slices.Equal(got, want) {
		t.Fatalf("every version has the same canaries: %v", got)
	}
}

func TestStepsAreCut(t *testing.T) {
	for _, x := range []struct {
		n, canaries int
		steps       []int
		want        string
	}{
		{200, 0, []int{1, 5, 25, 100}, "[{1 2} {5 8} {25 40} {100 150}]"},
		{1, 0, []int{1, 5, 25, 100}, "[{1 1}]"},
		{3, 0, []int{1, 5, 25, 100}, "[{1 1} {100 2}]"},
		{10, 3, []int{1, 50, 100}, "[{1 3} {50 2} {100 5}]"},
		{10, 0, []int{50}, "[{50 5}]"},
	} {
		p := Plan{Steps: x.steps}
		if got := fmt.Sprint(p.cut(x.n, x.canaries)); got != x.want {
			t.Errorf("%d banks, %d canaries, %v: %s, want %s", x.n, x.canaries, x.steps, got, x.want)
		}
	}
}

func TestPlansThatMakeNoSense(t *testing.T) {
	for _, x := range []struct {
		change func(*Plan)
		want   string
	}{
		{func(p *Plan) { p.Version = "" }, "without a version"},
		{func(p *Plan) { p.Steps = nil }, "0 steps"},
		{func(p *Plan) { p.Steps = []int{5, 5} }, "take 5 for a step behind 5"},
		{func(p *Plan) { p.Steps = []int{5, 101} }, "take 101"},
		{func(p *Plan) { p.Steps = []int{0} }, "take 0"},
		{func(p *Plan) { p.Deadline = 0 }, "deadline"},
		{func(p *Plan) { p.Deadline = Span(8 * 24 * time.Hour) }, "deadline"},
		{func(p *Plan) { p.Soak = -1 }, "between steps"},
		{func(p *Plan) { p.Parallel = 0 }, "at least 1"},
		{func(p *Plan) { p.Canaries = []string{"nobody"} }, "nobody"},
	} {
		p := plan()
		x.change(&p)
		if _, err := Start("r", p, []string{"a"}, &rig{t: t, states: map[string]State{}}, 1); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v, want %q", p, err, x.want)
		}
	}
	if _, err := Start("r", plan(), []string{"a"}, &rig{states: map[string]State{"a": {Version: "v" + version}}}, 1); err == nil || !strings.Contains(err.Error(), "no bank that does not run it") {
		t.Error(err)
	}
}

// What a bank says, in the order in which it comes, and where that leaves it.
func TestWords(t *testing.T) {
	done, gone := "reply done ", "reply "+Unanswered+" "
	for _, x := range []struct {
		words string // separated by commas: a word of the journal, or "reply STATUS REASON"
		want  Phase
	}{
		{"", Ordered},
		{done, Staged},
		{"staged", Staged},
		{"staged," + done, Staged},
		{done + ",tried", Trying},
		{"staged,tried," + done, Trying}, // the reply was late
		{"staged,tried,confirmed", Confirmed},
		{"staged,tried,rolled_back", RolledBack},
		{"staged,abandoned", Abandoned},
		{"reply failed update_refused", Refused},
		{"reply refused malformed", Refused},                              // a bank that knows no update
		{"reply failed update_refused,staged,tried,confirmed", Confirmed}, // its journal was behind its reply
		{"confirmed", Ordered},                                            // of an older order, sent late
		{"rolled_back", Ordered},                                          // likewise
		{"rolled_back,staged,tried,confirmed", Confirmed},                 // and then ours
		{gone, Ordered},                                                   // and again later
		{"reply unknown ", Ordered},                                       // likewise
		{"reply failed update_unavailable", Ordered},                      // likewise
		{"staged,tried,rolled_back," + done, RolledBack},                  // late
		{"staged,tried,rolled_back,staged,tried,confirmed", Confirmed},    // mended by hand
		{"other staged,other tried,other confirmed", Ordered},             // another version
	} {
		t.Run(x.words, func(t *testing.T) {
			r := newRig(t, 1, nil)
			r.ordered()
			for w := range strings.SplitSeq(x.words, ",") {
				switch f := strings.SplitN(w, " ", 3); {
				case w == "":
				case f[0] == "reply":
					r.replies("b0", f[1], f[2])
				case f[0] == "other":
					r.r.Heard("b0", &locker.Event{Type: locker.EvUpdatePrefix + f[1], Version: locker.Text("1.2.9")})
				default:
					r.says("b0", w, "")
				}
			}
			if got := r.phase("b0"); got != x.want {
				t.Errorf("%s, want %s", got, x.want)
			}
		})
	}
}

func TestWordOfStrangersCountsNothing(t *testing.T) {
	r := newRig(t, 20, nil)
	first := r.ordered()
	waiting := r.r.list[len(r.r.list)-1].Bank
	r.says(waiting, "staged", "")
	r.says(waiting, "confirmed", "") // by hand, before its turn
	r.says("nobody", "rolled_back", "")
	r.r.Replied(r, first[0], &locker.Reply{ID: "m-999", Status: locker.ReplyFailed, Reason: "update_refused"}, r.now)
	if r.phase(waiting) != Waiting || r.phase(first[0]) != Ordered {
		t.Errorf("%s, %s", r.phase(waiting), r.phase(first[0]))
	}
}

func TestFailuresPause(t *testing.T) {
	r := newRig(t, 20, nil)
	r.ends("confirmed", r.ordered()...)
	r.pass(time.Second)
	r.wants(Running, 1, "")
	got := r.ordered() // 8 banks: one may fail
	r.ends("rolled_back", got[0])
	r.pass(time.Second)
	r.wants(Running, 1, "")
	r.says(got[1], "staged", "")
	r.says(got[1], "tried", "")
	r.says(got[1], "rolled_back", "lost: scanner front")
	r.says(got[2], "staged", "")
	r.pass(time.Second)
	r.wants(Paused, 1, "2 of the 8 banks of step 2 have failed, more than 1 (20%): ")
	r.wants(Paused, 1, "rolled_back (lost: scanner front)")
	slices.Sort(r.taken)
	left := slices.Sorted(slices.Values(got[3:]))
	if !slices.Equal(r.taken, left) {
		t.Errorf("taken back %v, want those unanswered: %v", r.taken, left)
	}
	r.pass(24 * time.Hour)
	if more := r.ordered(); len(more) > 0 {
		t.Fatalf("ordered while paused: %v", more)
	}
	r.ends("confirmed", got[2], got[3]) // one of them had its order all the same
	if err := r.r.Resume(r.now); err != nil {
		t.Fatal(err)
	}
	again := slices.Sorted(slices.Values(r.ordered()))
	if want := slices.Sorted(slices.Values(got[4:])); !slices.Equal(again, want) {
		t.Fatalf("after the pause ordered at %v, want %v", again, want)
	}
	r.ends("confirmed", again...)
	r.pass(time.Second)
	r.wants(Running, 2, "") // what has failed before the pause is forgiven
	r.ends("confirmed", r.ordered()...)
	r.pass(time.Second)
	r.wants(Done, 2, "18 banks confirmed, 2 failed, 0 silent")
}

func TestFailuresStop(t *testing.T) {
	r := newRig(t, 20, func(p *Plan) { p.Stop = Limit{2, false} })
	got := r.ordered()
	r.ends("rolled_back", got[0])
	r.pass(time.Second)
	r.wants(Paused, 0, "1 of the 2 banks of step 1")
	if err := r.r.Resume(r.now); err != nil {
		t.Fatal(err)
	}
	r.ordered()
	r.ends("confirmed", got[1])
	r.pass(time.Second)
	r.wants(Running, 1, "")
	got = r.ordered()
	r.ends("rolled_back", got[0], got[1])
	r.pass(time.Second)
	r.wants(Stopped, 1, "3 banks have failed in all, more than 2 (2)")
	if err := r.r.Resume(r.now); err == nil {
		t.Error("a stopped rollout went on")
	}
	if err := r.r.Stop(r, r.now, ""); err == nil {
		t.Error("stopped twice")
	}
	if more := r.ordered(); len(more) > 0 || len(r.taken) != 1+6 {
		t.Errorf("ordered %v, taken back %v", more, r.taken)
	}
}

// A failure that becomes known while the rollout is paused still ends it.
func TestFailuresWhilePausedStop(t *testing.T) {
	r := newRig(t, 20, func(p *Plan) { p.Stop = Limit{1, false} })
	got := r.ordered()
	r.says(got[1], "staged", "")
	r.ends("rolled_back", got[0])
	r.pass(time.Second)
	r.wants(Paused, 0, "")
	r.says(got[1], "rolled_back", "")
	r.pass(time.Second)
	r.wants(Stopped, 0, "2 banks have failed in all")
}

func TestASmallFleetPausesFirst(t *testing.T) {
	r := newRig(t, 3, func(p *Plan) { p.Stop = Limit{10, true} })
	r.ends("rolled_back", r.ordered()...)
	r.pass(time.Second)
	r.wants(Paused, 0, "1 of the 1 banks")
}

func TestSilentBanksPause(t *testing.T) {
	r := newRig(t, 20, func(p *Plan) { p.Silent = Limit{0, false} })
	got := r.ordered()
	r.says(got[0], "staged", "")
	r.says(got[0], "tried", "")
	r.states[got[0]] = State{Online: true, Version: version}
	r.states[got[1]] = State{}
	r.pass(59 * time.Minute)
	r.wants(Running, 0, "")
	r.pass(2 * time.Minute)
	r.wants(Paused, 0, "2 of the 2 banks of step 1 are silent, more than 0")
	if why := r.r.parts[got[0]].Why; !strings.Contains(why, "runs the version but has not confirmed it") {
		t.Error(why)
	}
	if why := r.r.parts[got[1]].Why; !strings.Contains(why, "it is away") {
		t.Error(why)
	}
	if !slices.Equal(r.taken, got[1:]) {
		t.Errorf("taken back %v, want %v", r.taken, got[1:])
	}
	r.says(got[0], "confirmed", "") // late, and welcome
	r.states[got[1]] = State{Online: true, Version: "1.2.0"}
	if err := r.r.Resume(r.now); err != nil {
		t.Fatal(err)
	}
	if again := r.ordered(); !slices.Equal(again, got[1:]) {
		t.Fatalf("ordered at %v, want %v", again, got[1:])
	}
	r.ends("confirmed", got[1])
	r.pass(time.Second)
	r.wants(Running, 1, "")
}

// Time in which nobody watched is not the banks' silence.
func TestOnlyWatchedTimeCounts(t *testing.T) {
	r := newRig(t, 20, nil)
	got := r.ordered()
	r.now = r.now.Add(48 * time.Hour)
	r.pass(time.Minute)
	r.wants(Running, 0, "")
	if p := r.phase(got[0]); p != Ordered {
		t.Error(p)
	}
	r.pass(59*time.Minute - 10*time.Second)
	r.now = r.now.Add(48 * time.Hour)
	r.pass(listenTime - time.Minute) // the words of two days come in
	r.wants(Running, 0, "")
	r.ends("confirmed", got[0])
	r.pass(2 * time.Minute)
	r.wants(Paused, 0, "1 of the 2 banks of step 1 are silent")
}

// Neither does a clock that jumps make banks silent, or time stand still.
func TestClockJumps(t *testing.T) {
	r := newRig(t, 20, nil)
	r.ordered()
	for range 10 {
		r.now = r.now.Add(-24 * time.Hour)
		r.pass(time.Minute)
		r.now = r.now.Add(72 * time.Hour)
		r.pass(time.Minute)
	}
	r.wants(Running, 0, "")
	r.pass(time.Hour)
	r.wants(Paused, 0, "silent")
}

func TestSoak(t *testing.T) {
	r := newRig(t, 20, func(p *Plan) { p.Soak = Span(10 * time.Minute) })
	got := r.ordered()
	r.ends("confirmed", got...)
	r.pass(9 * time.Minute)
	r.says(got[0], "staged", "") // something goes on there once more: the soak begins anew
	r.pass(time.Minute)
	r.says(got[0], "confirmed", "")
	r.pass(9 * time.Minute)
	r.wants(Running, 0, "")
	r.pass(2 * time.Minute)
	r.wants(Running, 1, "")
	r.ends("confirmed", r.ordered()...)
	r.pass(9 * time.Minute)
	r.says(got[0], "staged", "") // of the step before
	r.pass(time.Minute)
	r.says(got[0], "confirmed", "")
	r.pass(9 * time.Minute)
	r.wants(Running, 1, "")
}

func TestParallel(t *testing.T) {
	r := newRig(t, 10, func(p *Plan) { p.Steps, p.Parallel = []int{100}, 2 })
	got := r.ordered()
	if len(got) != 2 {
		t.Fatalf("ordered at %v", got)
	}
	for _, word := range []string{"staged", "tried"} {
		r.says(got[0], word, "")
		r.says(got[1], word, "")
		if more := r.ordered(); len(more) > 0 {
			t.Fatalf("ordered at %v while two had %s it", more, word)
		}
	}
	r.states[got[1]] = State{} // it has not come back from the trial, and keeps its place
	if more := r.ordered(); len(more) > 0 {
		t.Fatalf("ordered at %v while one is on trial", more)
	}
	r.says(got[0], "confirmed", "")
	next := r.ordered()
	if len(next) != 1 {
		t.Fatalf("then at %v", next)
	}
	r.states[next[0]] = State{} // it goes away before it has answered
	r.pass(goneMax - 2*time.Second)
	if len(r.given) > 0 {
		t.Fatalf("ordered at %v in the place of one that may be back at once", r.given)
	}
	r.pass(3 * time.Second)
	if more := r.ordered(); len(more) != 1 {
		t.Fatalf("then at %v", more)
	}
}

// Banks that are away get their orders when they are back, no more than Parallel at a time.
// How long it takes until one has a place is not its silence.
func TestAwayBanksAreOrderedWhenTheyAreBack(t *testing.T) {
	r := newRig(t, 10, func(p *Plan) { p.Steps, p.Parallel = []int{100}, 2 })
	away := slices.Clone(r.r.Parts()[:9])
	for _, p := range away {
		r.states[p.Bank] = State{Version: "1.2.0"}
	}
	if got := r.ordered(); len(got) != 1 || got[0] != r.r.list[9].Bank {
		t.Fatalf("ordered at %v", got)
	}
	if all := r.r.Tally(-1); all.Open != 10 {
		t.Fatalf("%+v", all)
	}
	r.ends("confirmed", r.r.list[9].Bank)
	r.pass(50 * time.Minute)
	for _, p := range away {
		r.states[p.Bank] = State{Online: true, Version: "1.2.0"}
	}
	for left := 9; left > 0; {
		got := r.ordered()
		if len(got) != min(2, left) {
			t.Fatalf("of %d ordered at %v", left, got)
		}
		left -= len(got)
		r.pass(8 * time.Minute)
		r.ends("confirmed", got...)
	}
	r.pass(time.Second)
	r.wants(Done, 0, "10 banks confirmed, 0 failed, 0 silent")
}

// Banks that wait for their windows take no place, else a step took many nights.
func TestParallelWithAWindow(t *testing.T) {
	r := newRig(t, 10, func(p *Plan) { p.Steps, p.Parallel, p.Window = []int{100}, 2, "02:00-04:00" })
	got := r.ordered()
	r.says(got[0], "staged", "")
	if more := r.ordered(); len(more) != 1 {
		t.Fatalf("then at %v", more)
	}
	r.says(got[0], "tried", "") // now it takes one again
	r.says(got[1], "confirmed", "")
	if more := r.ordered(); len(more) != 0 {
		t.Fatalf("then at %v", more)
	}
}

func TestChanceIsTriedAgain(t *testing.T) {
	r := newRig(t, 1, nil)
	r.ordered()
	for n := range againMax {
		r.replies("b0", locker.ReplyFailed, reasonUnavailable)
		if more := r.ordered(); len(more) > 0 {
			t.Fatal("ordered again at once")
		}
		r.pass(againWait)
		if len(r.given) != 1 {
			t.Fatalf("repetition %d: ordered at %v", n, r.given)
		}
		r.given = nil
	}
	r.replies("b0", locker.ReplyFailed, reasonUnavailable)
	r.pass(time.Second)
	if r.phase("b0") != Refused {
		t.Errorf("%s after %d orders", r.phase("b0"), againMax+1)
	}
	r.wants(Paused, 0, "update_unavailable")
}

// A bank whose command has ended unanswered gets another, until its deadline.
func TestUnansweredIsOrderedAgain(t *testing.T) {
	r := newRig(t, 1, nil)
	r.ordered()
	for range 20 {
		r.replies("b0", Unanswered, "")
		r.pass(againWait + 2*time.Second)
	}
	if len(r.given) != 20 || r.phase("b0") != Ordered {
		t.Errorf("ordered %d times, %s", len(r.given), r.phase("b0"))
	}
	r.pass(time.Hour)
	if r.phase("b0") != Silent {
		t.Error(r.phase("b0"))
	}
}

// A bank that is still at an order taken back, or at another, is no failure.
func TestBusyIsNoFailure(t *testing.T) {
	r := newRig(t, 1, nil)
	r.ordered()
	for range 2 * againMax {
		r.replies("b0", locker.ReplyFailed, reasonBusy)
		r.pass(againWait + 2*time.Second)
	}
	if len(r.given) != 2*againMax || r.phase("b0") != Ordered {
		t.Errorf("ordered %d times, %s", len(r.given), r.phase("b0"))
	}
	r.replies("b0", locker.ReplyFailed, reasonUnavailable) // and has its tries yet
	r.pass(againWait + 2*time.Second)
	r.wants(Running, 0, "")
}

// A bank refuses what it runs or tries by another's order (a stick, a board with a new
// card): no failure, and no pause.
func TestRefusedByABankThatHasIt(t *testing.T) {
	for _, x := range []struct {
		state State
		want  Phase
	}{
		{State{Online: true, Version: version}, Confirmed},
		{State{Online: true, Version: version, Trying: true}, Trying},
	} {
		r := newRig(t, 2, func(p *Plan) { p.Steps, p.Failures = []int{100}, Limit{} })
		r.ordered()
		r.states["b0"] = x.state
		r.replies("b0", locker.ReplyFailed, "update_refused")
		if got := r.phase("b0"); got != x.want {
			t.Errorf("%s, want %s", got, x.want)
		}
		r.pass(time.Second)
		r.wants(Running, 0, "")
		r.says("b0", "tried", "") // its journal comes behind
		r.says("b0", "rolled_back", "crashed")
		r.pass(time.Second)
		r.wants(Paused, 0, "b0 rolled_back (crashed)")
	}
}

// One that ran the version when its turn came can have been on a trial that its journal had
// not told of yet.
func TestItRanItAlreadyAndFails(t *testing.T) {
	r := newRig(t, 2, func(p *Plan) { p.Steps = []int{100} })
	r.states["b0"] = State{Online: true, Version: version}
	r.ordered()
	if r.phase("b0") != Confirmed {
		t.Fatal(r.phase("b0"))
	}
	r.says("b0", "rolled_back", "long ago") // of an older trial
	if r.phase("b0") != Confirmed {
		t.Fatal(r.phase("b0"))
	}
	r.says("b0", "tried", "")
	r.says("b0", "rolled_back", "crashed")
	r.pass(time.Second)
	r.wants(Paused, 0, "crashed")
}

// What is forgiven is an outcome, not the bank: one that was silent and then fails counts.
func TestForgivenBanksFailAgain(t *testing.T) {
	r := newRig(t, 20, func(p *Plan) { p.Steps, p.Failures, p.Silent = []int{100}, Limit{N: 4}, Limit{N: 9} })
	got := r.ordered()
	r.ends("confirmed", got[10:]...)
	r.pass(time.Hour)
	r.wants(Paused, 0, "10 of the 20 banks of step 1 are silent")
	if err := r.r.Resume(r.now); err != nil {
		t.Fatal(err)
	}
	again := r.ordered()
	r.ends("rolled_back", again[:4]...)
	r.pass(time.Second)
	r.wants(Running, 0, "")
	r.ends("rolled_back", again[4])
	r.pass(time.Second)
	r.wants(Paused, 0, "5 of the 20 banks of step 1 have failed")
}

// A failure of an earlier step's silent bank counts with the present one.
func TestLateFailureOfASilentBank(t *testing.T) {
	r := newRig(t, 20, func(p *Plan) { p.Failures, p.Silent = Limit{}, Limit{N: 1} })
	got := r.ordered()
	r.says(got[0], "staged", "")
	r.ends("confirmed", got[1])
	r.pass(time.Hour + time.Second)
	r.wants(Running, 1, "")
	r.ends("confirmed", r.ordered()...)
	r.says(got[0], "tried", "")
	r.pass(30 * time.Minute) // it has its time anew
	r.wants(Running, 1, "")
	r.says(got[0], "rolled_back", "crashed")
	r.pass(time.Second)
	r.wants(Paused, 1, "1 of the 8 banks of step 2 have failed")
}

func TestSomebodyWasFaster(t *testing.T) {
	r := newRig(t, 2, func(p *Plan) { p.Steps = []int{100} })
	r.states["b0"] = State{Online: true, Version: "v" + version}
	r.states["b1"] = State{Online: true, Version: version, Trying: true}
	if got := r.ordered(); len(got) > 0 {
		t.Fatalf("ordered at %v", got)
	}
	if r.phase("b0") != Confirmed || r.phase("b1") != Trying {
		t.Errorf("%s, %s", r.phase("b0"), r.phase("b1"))
	}
	r.says("b1", "rolled_back", "crashed")
	r.pass(time.Second)
	r.wants(Paused, 0, "crashed")
}

func TestPauseByHand(t *testing.T) {
	r := newRig(t, 20, nil)
	got := r.ordered()
	if err := r.r.Pause(r, r.now, "by hand"); err != nil {
		t.Fatal(err)
	}
	if err := r.r.Pause(r, r.now, "by hand"); err == nil {
		t.Error("paused twice")
	}
	r.wants(Paused, 0, "by hand")
	r.replies(got[0], locker.ReplyDone, "") // the order had arrived
	if err := r.r.Resume(r.now); err != nil {
		t.Fatal(err)
	}
	if err := r.r.Resume(r.now); err == nil {
		t.Error("resumed twice")
	}
	if again := r.ordered(); !slices.Equal(again, got[1:]) {
		t.Errorf("ordered at %v, want %v", again, got[1:])
	}
}

// After each tick the rollout goes through a store and comes back the same.
func TestItIsKept(t *testing.T) {
	r := newRig(t, 20, nil)
	head, parts := []byte(nil), map[string][]byte{}
	again := func() {
		t.Helper()
		dirty, edited := r.r.Unsaved()
		if dirty {
			head = mustJSON(t, r.r)
		}
		for _, p := range edited {
			parts[p.Bank] = mustJSON(t, p)
		}
		back := &Rollout{}
		if err := json.Unmarshal(head, back); err != nil {
			t.Fatal(err)
		}
		for _, b := range parts {
			p := &Part{}
			if err := json.Unmarshal(b, p); err != nil {
				t.Fatal(err)
			}
			back.Attach(p)
		}
		back.Attached()
		back.Watched = r.r.Watched // written down each 10 s
		if a, b := mustJSON(t, r.r), mustJSON(t, back); string(a) != string(b) {
			t.Fatalf("kept as\n%s\nis\n%s", b, a)
		}
		if a, b := mustJSON(t, r.r.Parts()), mustJSON(t, back.Parts()); string(a) != string(b) {
			t.Fatalf("kept as\n%s\nis\n%s", b, a)
		}
		r.r = back
	}
	again()
	for r.r.Status == Running {
		got := r.ordered()
		again()
		for _, b := range got {
			r.replies(b, locker.ReplyFailed, reasonUnavailable)
		}
		again()
		r.pass(againWait)
		again()
		r.ends("confirmed", got...)
		again()
	}
	r.wants(Done, 2, "20 banks confirmed")
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLimits(t *testing.T) {
	for s, want := range map[string]int{"0": 0, "3": 3, "5%": 2, "100%": 40, "2%": 0} {
		l, err := ParseLimit(s)
		if err != nil || l.Of(40) != want || l.String() != s {
			t.Errorf("%s: %v of 40 is %d, %v", s, l, l.Of(40), err)
		}
	}
	for _, s := range []string{"", "%", "-1", "101%", "1.5%", "+3", "03", "x"} {
		if l, err := ParseLimit(s); err == nil {
			t.Errorf("%q was taken for %v", s, l)
		}
	}
}
