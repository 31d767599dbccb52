package backend

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/backend/rollout"
)

const (
	oldVersion = "1.2.0"
	newVersion = "1.3.0"
)

func testPlan() rollout.Plan {
	return rollout.Plan{
		Version: newVersion, Steps: []int{1, 5, 25, 100}, Failures: rollout.Limit{N: 3, Percent: true}, Silent: rollout.Limit{N: 10, Percent: true},
		Stop: rollout.Limit{N: 4, Percent: true}, Deadline: rollout.Span(2 * time.Hour), Soak: rollout.Span(time.Minute), Parallel: 20,
	}
}

// updating is a fleet of model banks that take updates.
type updating struct {
	*rig
	names  []string
	faulty map[string]bool
	seed   uint64
}

// newUpdating connects n banks, of which some take the update for a faulty one.
func newUpdating(t *testing.T, n, faulty int, seed uint64) *updating {
	t.Helper()
	u := &updating{rig: newRig(t), faulty: map[string]bool{}, seed: seed}
	for i := range n {
		name := fmt.Sprintf("bank-%03d", i)
		b := u.bank(name, "j-"+name)
		b.Version, b.Updates = oldVersion, &banktest.Updates{Offers: newVersion}
		u.names = append(u.names, name)
	}
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(n)[:faulty] {
		u.faulty[u.names[i]] = true
		u.banks[u.names[i]].Updates.Fault = "lost: scanner front"
	}
	u.connect(u.names...)
	return u
}

// live lets time go by: what is staged is tried, what is tried comes to its verdict.
func (u *updating) live(d time.Duration) {
	u.t.Helper()
	for end := u.now.Add(d); u.now.Before(end); {
		u.pass(5 * time.Second)
		for _, name := range u.names {
			b := u.banks[name]
			switch {
			case !b.Online: // away
				continue
			case b.Updates.Staged != "":
				b.Try(u.at())
			case b.Updates.Trying != "":
				if b.Verdict(u.at()) {
					continue
				}
			default:
				continue
			}
			b.Connect(u.at())
		}
		u.settle()
	}
}

func (u *updating) begin(p rollout.Plan) {
	u.t.Helper()
	if _, err := u.be.StartRollout(p); err != nil {
		u.t.Fatal(err)
	}
}

func (u *updating) rollout() RolloutReport {
	u.t.Helper()
	r, ok := u.be.Rollout()
	if !ok {
		u.t.Fatal("there is no rollout")
	}
	return r
}

// until lives on until the rollout does not run any more.
func (u *updating) until(status rollout.Status) RolloutReport {
	u.t.Helper()
	r := u.ended()
	if r.Status != status {
		u.t.Fatalf("seed %d: %s, because %s; want %s", u.seed, r.Status, r.Why, status)
	}
	return r
}

// ended is a rollout that does not run any more, and nothing of it is under way.
func (u *updating) ended() RolloutReport {
	u.t.Helper()
	for range 1000 {
		if u.rollout().Status != rollout.Running {
			u.live(time.Minute) // what was under way ends
			return u.rollout()
		}
		u.live(10 * time.Second)
	}
	u.t.Fatalf("seed %d: it goes on for ever: %+v", u.seed, u.rollout().All)
	return RolloutReport{}
}

// working fails if a bank does not answer, or runs what it should not.
func (u *updating) working() {
	u.t.Helper()
	for _, name := range u.names {
		b := u.banks[name]
		id, err := u.be.Give(name, Order{Type: locker.CmdPoll})
		if err != nil {
			u.t.Fatal(err)
		}
		u.settle()
		reply, _ := u.be.ReplyTo(name, id)
		st, _ := u.be.Bank(name)
		if reply.Status != locker.ReplyDone || !st.Online || st.Version != b.Version || b.Updates.Trying != "" || st.Journal.Breaks > 0 {
			u.t.Errorf("%s: reply %q, %+v", name, reply.Status, st)
		}
		if u.faulty[name] && b.Version != oldVersion {
			u.t.Errorf("%s runs the faulty %s", name, b.Version)
		}
	}
	u.agree(u.names...)
}

// TestRolloutStopsByItself is issue 6: 200 banks, 5 % take the update for a faulty one.
// Wherever those 10 are, the limits of the last step don't let them pass. When more of
// them are under way at the pause than all may fail, that ends it at once.
func TestRolloutStopsByItself(t *testing.T) {
	for _, seed := range []uint64{1, rand.Uint64()} {
		u := newUpdating(t, 200, 10, seed)
		u.begin(testPlan())
		r := u.ended()
		limit := r.Plan.Failures.Of(r.Steps[r.Step].Banks)
		if n := r.Tally[r.Step].Failed; r.Status == rollout.Done || n <= limit || n > limit+r.Plan.Parallel || r.All.Open > 0 {
			t.Errorf("seed %d: %d failed in a step that bears %d: %+v: %s", seed, n, limit, r.Tally, r.Why)
		}
		if seed == 1 && (r.Status != rollout.Paused || r.All.Waiting == 0) {
			t.Errorf("%s, and nobody was spared: %+v", r.Status, r.All)
		}
		u.working()
		for r.Status == rollout.Paused { // an operator who will not see
			if _, err := u.be.ResumeRollout(); err != nil {
				t.Fatal(err)
			}
			for r = u.rollout(); r.Status == rollout.Running; r = u.rollout() {
				u.live(10 * time.Second)
			}
		}
		u.live(2 * time.Minute)
		if r = u.rollout(); r.Status != rollout.Stopped || r.All.Failed <= 8 || !strings.Contains(r.Why, "more than 8 (4%)") {
			t.Errorf("seed %d: %s: %+v, %s", seed, r.Status, r.All, r.Why)
		}
		u.working()
		if _, err := u.be.ResumeRollout(); err == nil {
			t.Error("a stopped rollout went on")
		}
		t.Logf("seed %d: %+v", seed, r.All)
	}
}

func TestRolloutReachesAll(t *testing.T) {
	u := newUpdating(t, 30, 0, 1)
	u.begin(testPlan())
	if _, err := u.be.StartRollout(testPlan()); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Error(err)
	}
	r := u.until(rollout.Done)
	if r.All.Confirmed != 30 {
		t.Errorf("%+v", r.All)
	}
	u.working()
	for _, name := range u.names {
		if st, _ := u.be.Bank(name); st.Version != newVersion || st.Update == nil || st.Update.Phase != "confirmed" || len(u.banks[name].Done) != 2 {
			t.Errorf("%+v, done %v", st.Update, u.banks[name].Done)
		}
	}
	if _, err := u.be.StartRollout(testPlan()); err == nil || !strings.Contains(err.Error(), "no bank that does not run it") {
		t.Error(err)
	}
}

// The backend is killed again and again, and forgets all that is not in its store.
func TestRolloutGoesOnAfterAKill(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	u := newUpdating(t, 40, 1, seed)
	p := testPlan()
	p.Failures, p.Soak = rollout.Limit{N: 1}, rollout.Span(10*time.Second)
	u.begin(p)
	for n := 0; u.rollout().Status == rollout.Running; n++ {
		if n > 1000 {
			t.Fatalf("seed %d: it goes on for ever: %+v", seed, u.rollout().All)
		}
		u.live(time.Duration(1+rng.IntN(3)) * 5 * time.Second)
		before := u.rollout()
		u.start()
		after := u.rollout()
		before.Watched, after.Watched = 0, 0 // written down each 10 s
		if a, b := asJSON(t, before), asJSON(t, after); a != b {
			t.Fatalf("seed %d: it was\n%s\nand is\n%s", seed, a, b)
		}
		u.settle()
	}
	u.live(time.Minute)
	if r := u.rollout(); r.Status != rollout.Done || r.All.Confirmed != 39 || r.All.Failed != 1 {
		t.Errorf("seed %d: %s %+v: %s", seed, r.Status, r.All, r.Why)
	}
	for _, name := range u.names {
		n := 0
		for _, e := range u.events(name) {
			if strings.Contains(string(e.Raw), `"type":"update.tried"`) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("seed %d: %s has tried it %d times", seed, name, n)
		}
	}
	u.working()
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// An order that waits for a bank that is away is taken back with a pause, and never
// comes to it.
func TestPausedRolloutTakesOrdersBack(t *testing.T) {
	u := newUpdating(t, 4, 0, 1)
	p := testPlan()
	p.Steps = []int{100}
	for _, n := range u.names {
		u.banks[n].Online = false
	}
	u.begin(p)
	u.pass(10 * time.Second)
	if r := u.rollout(); r.All.Open != 4 {
		t.Fatalf("%+v", r.All)
	}
	if _, err := u.be.PauseRollout("by hand"); err != nil {
		t.Fatal(err)
	}
	u.down = nil // what was on its way finds nobody
	u.connect(u.names...)
	u.live(10 * time.Minute)
	if r := u.rollout(); r.All.Waiting != 4 || r.Status != rollout.Paused || r.Why != "by hand" {
		t.Errorf("%s %+v", r.Status, r.All)
	}
	for _, n := range u.names {
		if b := u.banks[n]; b.Version != oldVersion || len(b.Done) > 0 {
			t.Errorf("%s runs %s, done %v", n, b.Version, b.Done)
		}
	}
	if _, err := u.be.ResumeRollout(); err != nil {
		t.Fatal(err)
	}
	if r := u.until(rollout.Done); r.All.Confirmed != 4 {
		t.Errorf("%+v", r.All)
	}
	u.working()
}

func TestSilentBanksPauseTheRollout(t *testing.T) {
	u := newUpdating(t, 20, 0, 1)
	p := testPlan()
	p.Steps, p.Parallel = []int{100}, 100
	gone := u.names[:3] // of 20 two may be silent
	for _, n := range gone {
		u.banks[n].Online = false
	}
	u.begin(p)
	r := u.until(rollout.Paused)
	if r.All.Silent != 3 || r.All.Confirmed != 17 || !strings.Contains(r.Why, "3 of the 20 banks of step 1 are silent") {
		t.Errorf("%+v: %s", r.All, r.Why)
	}
	u.connect(gone...)
	if _, err := u.be.ResumeRollout(); err != nil {
		t.Fatal(err)
	}
	if r := u.until(rollout.Done); r.All.Confirmed != 20 {
		t.Errorf("%+v", r.All)
	}
}

func TestRolloutLeavesOut(t *testing.T) {
	u := newUpdating(t, 6, 0, 1)
	u.banks[u.names[0]].Version = newVersion
	u.connect(u.names[0])
	if _, err := u.be.PauseRollout(""); !errors.Is(err, errNoRollout) {
		t.Error(err)
	}
	if _, ok := u.be.Rollout(); ok {
		t.Error("there is a rollout already")
	}
	u.begin(rollout.Plan{Version: "0.9.0", Steps: []int{100}, Deadline: rollout.Span(time.Minute), Parallel: 1})
	if _, err := u.be.StopRollout("the wrong one"); err != nil {
		t.Fatal(err)
	}
	p := testPlan()
	p.Canaries = []string{u.names[4]}
	if _, err := u.be.StartRollout(p, u.names[1]); err != nil {
		t.Fatal(err)
	}
	r := u.until(rollout.Done)
	if r.Already != 1 || len(r.Banks) != 4 || r.Banks[0].Bank != u.names[4] || u.banks[u.names[1]].Version != oldVersion {
		t.Errorf("already %d, banks %+v", r.Already, r.Banks)
	}
	u.start() // the parts of the first one are gone from the store
	if again := u.rollout(); len(again.Banks) != 4 {
		t.Errorf("%+v", again.Banks)
	}
}

// A backend that hears one bank only does not order anything at the others, and does not
// lose what that one says.
func TestOneBanksBackendOrdersNothing(t *testing.T) {
	u := newUpdating(t, 3, 0, 1)
	p := testPlan()
	p.Steps = []int{100}
	u.begin(p)
	u.be.cfg.Bank = u.names[0]
	u.live(time.Minute)
	if r := u.rollout(); r.All.Waiting != 3 {
		t.Errorf("%+v", r.All)
	}
	u.be.cfg.Bank = ""
	u.pass(5 * time.Second) // ordered
	u.be.cfg.Bank = u.names[0]
	u.live(time.Minute)
	if r := u.rollout(); r.All.Confirmed != 3 || r.Status != rollout.Running {
		t.Errorf("%s %+v", r.Status, r.All)
	}
}

// A change that the store refuses leaves the rollout as it was.
func TestRolloutOnAFailingStore(t *testing.T) {
	u := newUpdating(t, 3, 0, 1)
	u.begin(testPlan())
	before := asJSON(t, u.rollout())
	broken := u.be.cfg.Store
	u.be.cfg.Store = failingStore{broken}
	if _, err := u.be.StopRollout("x"); err == nil {
		t.Fatal("stopped on a broken disk")
	}
	u.be.cfg.Store = broken
	if after := asJSON(t, u.rollout()); after != before {
		t.Errorf("it was\n%s\nand is\n%s", before, after)
	}
}

type failingStore struct{ Store }

func (f failingStore) Update(change func(Tx) error) error {
	return f.Store.Update(func(tx Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return fmt.Errorf("no space left on device")
	})
}

// What is known of the rollout is bounded by its banks.
func TestRolloutsLeaveNothingBehind(t *testing.T) {
	u := newUpdating(t, 3, 0, 1)
	mem, ok := u.store.(*Memory)
	if !ok {
		t.Fatal("the rig's store is another")
	}
	sizes := map[int]bool{}
	for n := range 5 {
		u.begin(rollout.Plan{Version: fmt.Sprintf("2.0.%d", n), Steps: []int{100}, Deadline: rollout.Span(time.Minute), Parallel: 1})
		if _, err := u.be.StopRollout("enough"); err != nil {
			t.Fatal(err)
		}
		own := 0
		for k := range maps.Keys(mem.m) {
			if strings.HasPrefix(k, "r") || strings.HasPrefix(k, "R") {
				own++
			}
		}
		sizes[own] = true
	}
	if got := slices.Sorted(maps.Keys(sizes)); !slices.Equal(got, []int{4}) {
		t.Errorf("records of the rollout: %v, want 4 each time", got)
	}
}
