package backend

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/backend/rollout"
	"lockerd/sync/wire"
)

// dies is the end of a bank's connection, and its will.
func (u *updating) dies(name string) {
	b := u.banks[name]
	b.Online = false
	u.say(name, wire.TopicState, b.Will(), true)
}

// off lets time go by for an update that takes banks off the line: they are back when
// trial has passed since they began, with its verdict. It returns how many were at it at
// a time.
func (u *updating) off(d, trial time.Duration) (most int) {
	u.t.Helper()
	begun := map[string]time.Time{}
	for end := u.now.Add(d); u.now.Before(end) || len(begun) > 0; {
		u.pass(5 * time.Second)
		for _, name := range u.names {
			b := u.banks[name]
			at, trying := begun[name]
			switch {
			case trying && !u.now.Before(at.Add(trial)):
				b.Verdict(u.at())
				b.Connect(u.at())
				delete(begun, name)
			case !trying && b.Online && b.Updates.Staged != "":
				b.Try(u.at())
				u.dies(name)
				begun[name] = u.now
			}
		}
		most = max(most, len(begun))
		u.settle()
	}
	return most
}

// The worst update is one with which banks don't come back before it is undone: those on
// trial are away, and more than Parallel must not be.
func TestRolloutOfWhatTakesBanksOffTheLine(t *testing.T) {
	u := newUpdating(t, 40, 40, 1)
	p := testPlan()
	p.Steps, p.Parallel, p.Failures, p.Stop = []int{100}, 5, rollout.Limit{N: 3}, rollout.Limit{N: 20}
	u.begin(p)
	if most := u.off(30*time.Minute, 6*time.Minute); most != 5 {
		t.Errorf("%d banks were away with it at a time, 5 may", most)
	}
	if r := u.rollout(); r.Status != rollout.Paused || r.All.Failed <= 3 || r.All.Failed > 3+5 || r.All.Open > 0 {
		t.Errorf("%s, %+v: %s", r.Status, r.All, r.Why)
	}
	u.working()
}

// All banks lose their connections again and again, as with a broker that restarts, and the
// backend is killed: those that come back are not ordered all at once.
func TestRolloutKeepsParallelWhenAllComeBack(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 2))
	u := newUpdating(t, 40, 0, seed)
	p := testPlan()
	p.Steps, p.Parallel = []int{100}, 4
	u.begin(p)
	most := 0
	for n := 0; u.rollout().Status == rollout.Running; n++ {
		if n > 300 {
			t.Fatalf("seed %d: it goes on for ever: %+v", seed, u.rollout().All)
		}
		for _, name := range u.names {
			if u.banks[name].Online {
				u.dies(name)
			}
		}
		u.settle()
		if rng.IntN(2) == 0 {
			u.start()
		}
		u.pass(time.Duration(1+rng.IntN(60)) * 5 * time.Second)
		u.connect(u.names...)
		for range 4 {
			u.pass(5 * time.Second)
			at := 0
			for _, name := range u.names {
				b := u.banks[name]
				if b.Updates.Staged == "" {
					continue
				}
				at++
				if rng.IntN(3) == 0 {
					b.Try(u.at())
					b.Verdict(u.at())
					b.Connect(u.at())
				}
			}
			most = max(most, at)
			u.settle()
		}
	}
	if r := u.rollout(); r.Status != rollout.Done || r.All.Confirmed != 40 || most > 4 {
		t.Errorf("seed %d: %s, %+v, %d at a time", seed, r.Status, r.All, most)
	}
	u.working()
}

// newBoard has a bank come back on another board, with a new journal.
func (u *updating) newBoard(name, version string) {
	u.t.Helper()
	b := u.bank(name, "j2-"+name)
	b.Version, b.Updates = version, &banktest.Updates{Offers: newVersion}
	u.connect(name)
}

// Replaced boards: what the old one had says nothing of the new one, and one that has the
// version from its image is no failure.
func TestRolloutAndReplacedBoards(t *testing.T) {
	u := newUpdating(t, 5, 0, 1)
	p := testPlan()
	p.Steps, p.Failures, p.Silent, p.Window = []int{100}, rollout.Limit{}, rollout.Limit{N: 5}, "02:00-04:00"
	staged, confirmed, silent, ordered, image := u.names[0], u.names[1], u.names[2], u.names[3], u.names[4]
	for _, n := range []string{silent, ordered, image} {
		u.banks[n].Online = false // its death is not known: the order goes out, and finds nobody
	}
	u.begin(p)
	u.pass(5 * time.Second)
	u.banks[confirmed].Try(u.at())
	u.banks[confirmed].Verdict(u.at())
	u.connect(confirmed)
	phases := func() map[string]rollout.Phase {
		out := map[string]rollout.Phase{}
		for _, b := range u.rollout().Banks {
			out[b.Bank] = b.Phase
		}
		return out
	}
	if got := phases(); got[staged] != rollout.Staged || got[confirmed] != rollout.Confirmed || got[image] != rollout.Ordered {
		t.Fatal(got)
	}
	for _, n := range []string{staged, confirmed, ordered} {
		u.newBoard(n, oldVersion)
	}
	u.newBoard(image, newVersion)
	u.pass(10 * time.Second)
	if got := phases(); got[image] != rollout.Confirmed || got[staged] != rollout.Staged || got[confirmed] != rollout.Staged || got[ordered] != rollout.Staged {
		t.Fatal(got)
	}
	for _, n := range []string{staged, confirmed, ordered} {
		u.banks[n].Try(u.at())
		u.banks[n].Verdict(u.at())
		u.connect(n)
	}
	u.pass(3 * time.Hour)
	if r := u.rollout(); r.Status != rollout.Done || r.All.Confirmed != 4 || r.All.Silent != 1 {
		t.Errorf("%s %+v %s: %v", r.Status, r.All, r.Why, phases())
	}
}

// A board that is replaced after its bank was taken for silent gets its order, as long as
// the rollout runs.
func TestRolloutReachesTheNewBoardOfASilentBank(t *testing.T) {
	u := newUpdating(t, 2, 0, 1)
	p := testPlan()
	p.Steps, p.Canaries, p.Silent, p.Soak = []int{50, 100}, u.names[:1], rollout.Limit{N: 1}, rollout.Span(time.Hour)
	u.dies(u.names[0])
	u.settle()
	u.begin(p)
	u.live(2*time.Hour + time.Minute)
	if r := u.rollout(); r.All.Silent != 1 || r.Status != rollout.Running {
		t.Fatalf("%s %+v", r.Status, r.All)
	}
	u.newBoard(u.names[0], oldVersion)
	if r := u.until(rollout.Done); r.All.Confirmed != 2 {
		t.Errorf("%+v", r.All)
	}
	u.working()
}

// A backend brought back from a backup, which knows nothing of orders given since, nor of
// the pause: it comes to the same end, no bank tries the version twice, and those that it
// has failed at count.
func TestRolloutOfARestoredBackend(t *testing.T) {
	seed := rand.Uint64()
	u := newUpdating(t, 40, 6, seed)
	p := testPlan()
	p.Steps, p.Failures, p.Parallel, p.Stop = []int{10, 100}, rollout.Limit{N: 3}, 4, rollout.Limit{N: 20}
	u.begin(p)
	u.live(10 * time.Second)
	mem, ok := u.store.(*Memory)
	if !ok {
		t.Fatal("the rig's store is another")
	}
	backup := mem.Clone()
	first := u.until(rollout.Paused)
	u.store = backup
	u.start()
	for range 20 { // heartbeats, and what has to come again
		u.live(30 * time.Second)
		for _, n := range u.names {
			u.banks[n].Again(u.at())
		}
		u.settle()
	}
	r := u.rollout()
	if r.Status != rollout.Paused || r.All.Failed <= 3 || r.All.Failed > 6 || r.All.Open > 0 {
		t.Errorf("seed %d: %s %+v: %s; before %+v", seed, r.Status, r.All, r.Why, first.All)
	}
	for _, name := range u.names {
		tries := 0
		for _, raw := range u.banks[name].Events {
			if strings.Contains(string(raw), `"type":"update.tried"`) {
				tries++
			}
		}
		if tries > 1 {
			t.Errorf("seed %d: %s has tried it %d times", seed, name, tries)
		}
	}
}

// A backend that is there for a moment only, as that of a verb, orders nothing.
func TestABackendAsideOrdersNothing(t *testing.T) {
	u := newUpdating(t, 3, 0, 1)
	p := testPlan()
	p.Steps = []int{100}
	u.be.cfg.Aside = true
	u.begin(p)
	u.live(time.Minute)
	if r := u.rollout(); r.All.Waiting != 3 || r.Watched != 0 {
		t.Errorf("%+v", r.All)
	}
	u.be.Carry()
	if r := u.until(rollout.Done); r.All.Confirmed != 3 {
		t.Errorf("%+v", r.All)
	}
}

// A bank that gets the version from a stick while its order waits is no failure, nor ordered
// again.
func TestRolloutAndTheStick(t *testing.T) {
	u := newUpdating(t, 2, 0, 1)
	p := testPlan()
	p.Steps, p.Failures = []int{100}, rollout.Limit{}
	u.banks[u.names[0]].Online = false
	u.begin(p)
	u.pass(5 * time.Second)
	b := u.banks[u.names[0]]
	b.Version = newVersion
	b.Emit(u.at(), locker.Event{Type: locker.EvUpdatePrefix + "staged", Version: locker.Text(newVersion)})
	b.Emit(u.at(), locker.Event{Type: locker.EvUpdatePrefix + "tried", Version: locker.Text(newVersion)})
	b.Emit(u.at(), locker.Event{Type: locker.EvUpdatePrefix + "confirmed", Version: locker.Text(newVersion)})
	events := b.Events
	b.Events = nil // the order overtakes the journal
	u.connect(u.names[0])
	b.Events = events
	b.Send(u.at())
	u.settle()
	if r := u.until(rollout.Done); r.All.Confirmed != 2 || len(b.Done) != 0 {
		t.Errorf("%+v %s, done %v", r.All, r.Why, b.Done)
	}
}
