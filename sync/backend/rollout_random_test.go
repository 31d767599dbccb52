package backend

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/backend/rollout"
)

// rolloutChaos is a fleet in which everything happens that does: banks go and come back, try
// what they have staged sooner or later, are updated by stick, get a new board; the backend
// is killed, is away, has its clock moved; an operator pauses and resumes.
type rolloutChaos struct {
	*updating
	rng    *rand.Rand
	sticks map[string]bool // banks that somebody else has updated
	boards int             // replaced
	paused bool            // an operator has, once: what was on its way then may exceed Parallel
}

// some calls do for each bank with a chance of one in n.
func (x *rolloutChaos) some(n int, do func(name string, b *banktest.Bank)) {
	for _, name := range x.names {
		if x.rng.IntN(n) == 0 {
			do(name, x.banks[name])
		}
	}
}

func (x *rolloutChaos) turn() {
	x.t.Helper()
	x.some(12, func(name string, b *banktest.Bank) {
		if b.Online {
			x.dies(name)
		}
	})
	x.some(4, func(_ string, b *banktest.Bank) {
		if b.Online && b.Updates.Staged != "" {
			b.Try(x.at())
		}
	})
	x.some(4, func(_ string, b *banktest.Bank) {
		if b.Online && b.Updates.Trying != "" {
			b.Verdict(x.at())
		}
	})
	x.some(200, func(name string, b *banktest.Bank) { // a stick: staged and tried at once
		if u := b.Updates; b.Version == oldVersion && u.Staged+u.Trying+u.Failed == "" {
			b.Emit(x.at(), locker.Event{Type: locker.EvUpdatePrefix + "staged", Version: locker.Text(u.Offers)})
			u.Staged = u.Offers
			b.Try(x.at())
			x.sticks[name] = true
		}
	})
	x.some(300, func(name string, old *banktest.Bank) {
		x.boards++
		b := x.bank(name, fmt.Sprintf("j-%s-%d", name, x.boards))
		b.Version, b.Updates = oldVersion, &banktest.Updates{Offers: newVersion, Fault: old.Updates.Fault}
		if x.rng.IntN(2) == 0 && b.Updates.Fault == "" {
			b.Version = newVersion
		}
		x.connect(name)
	})
	x.some(3, func(_ string, b *banktest.Bank) {
		if !b.Online {
			b.Connect(x.at())
		}
	})
	switch x.rng.IntN(40) {
	case 0:
		x.start()
	case 1:
		x.now = x.now.Add(time.Duration(x.rng.IntN(10)) * time.Hour)
	case 2:
		x.now = x.now.Add(-time.Duration(x.rng.IntN(10)) * time.Minute)
	case 3:
		x.link()
	case 4:
		if _, err := x.be.PauseRollout("by hand"); err == nil {
			x.paused = true
		}
	}
	x.pass(5 * time.Second)
	for _, name := range x.names {
		if b := x.banks[name]; b.Online && b.Acked+1 < b.First+uint64(len(b.Events)) {
			b.Again(x.at())
		}
	}
	x.settle()
}

// given counts the orders that were ever given, by their ids.
func (x *rolloutChaos) given(ids map[string]bool) int {
	for _, k := range x.be.core.banks {
		for _, c := range k.Commands {
			if c.Type == locker.CmdUpdate {
				ids[c.ID] = true
			}
		}
	}
	return len(ids)
}

// tries counts the trials in a bank's journal.
func tries(t *testing.T, b *banktest.Bank) (n int) {
	t.Helper()
	for _, raw := range b.Events {
		var ev locker.Event
		if err := json.Unmarshal(raw, &ev); err != nil {
			t.Fatal(err)
		}
		if ev.Type == locker.EvUpdatePrefix+"tried" {
			n++
		}
	}
	return n
}

func TestRolloutAtRandom(t *testing.T) {
	for _, seed := range []uint64{1, 2, rand.Uint64()} {
		rng := rand.New(rand.NewPCG(seed, 3))
		x := &rolloutChaos{updating: newUpdating(t, 25, rng.IntN(6), seed), rng: rng, sticks: map[string]bool{}}
		p := testPlan()
		p.Steps, p.Parallel, p.Failures, p.Stop = []int{10, 50, 100}, 3, rollout.Limit{N: rng.IntN(3)}, rollout.Limit{N: 25}
		p.Silent, p.Deadline, p.Soak = rollout.Limit{N: rng.IntN(4)}, rollout.Span(10*time.Minute), rollout.Span(10*time.Second)
		if rng.IntN(2) == 0 {
			p.Window = "02:00-04:00"
		}
		x.begin(p)
		ids, pauses := map[string]bool{}, 0
		for n := 0; x.rollout().Status != rollout.Done; n++ {
			if n > 5000 {
				t.Fatalf("seed %d: it goes on for ever: %+v", seed, x.rollout().All)
			}
			before, given := x.rollout(), x.given(ids)
			x.turn()
			r := x.rollout()
			if before.Status == rollout.Paused && x.given(ids) > given {
				t.Fatalf("seed %d: ordered while paused", seed)
			}
			under := 0
			for _, name := range x.names {
				b := x.banks[name]
				if (b.Updates.Staged != "" || b.Updates.Trying != "") && !x.sticks[name] {
					under++
				}
			}
			if p.Window == "" && pauses == 0 && !x.paused && under > p.Parallel {
				t.Fatalf("seed %d, turn %d: %d under way", seed, n, under)
			}
			if r.Status == rollout.Paused && rng.IntN(20) == 0 {
				pauses++
				if _, err := x.be.ResumeRollout(); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 60 { // all come back, and end what they have begun
			x.live(10 * time.Second)
			x.some(1, func(_ string, b *banktest.Bank) {
				if !b.Online {
					b.Connect(x.at())
				}
				b.Again(x.at())
			})
			x.settle()
		}
		x.working()
		for _, part := range x.rollout().Banks {
			b := x.banks[part.Bank]
			k := x.be.core.banks[part.Bank]
			if k.Journals[k.Journal].Since >= x.rollout().At {
				continue // a board that came when the rollout was done
			}
			if has := b.Version == newVersion; has != (part.Phase == rollout.Confirmed) && part.Phase != rollout.Silent || tries(t, b) > 1 {
				t.Errorf("seed %d: %s runs %s and is %s (%s), tried %d times", seed, part.Bank, b.Version, part.Phase, part.Why, tries(t, b))
			}
		}
		t.Logf("seed %d: %d pauses, %d by stick, %+v", seed, pauses, len(x.sticks), x.rollout().All)
	}
}
