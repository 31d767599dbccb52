//go:build mutants

package crash

import (
	"fmt"
	"sync"
	"testing"

	"lockerd/daemon/bank"
	"lockerd/store"
	"lockerd/store/storetest"
)

// Sizes of one mutant's trial: a mutant that is caught is caught soon.
const (
	mutantOpenings = 60
	mutantImages   = 1500
)

// objections is a test that is meant to fail: it counts instead.
type objections struct {
	testing.TB
	mu    sync.Mutex
	n     int
	first string
}

// Errorf implements testing.TB.
func (o *objections) Errorf(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.n++; o.n == 1 {
		o.first = fmt.Sprintf(format, args...)
	}
}

// TestMutantsAreCaught has the judge of the power cuts look at banks and stores
// that break one promise each. It sees only what the world could see: nothing
// of the store's inside is compared.
func TestMutantsAreCaught(t *testing.T) {
	mutants := []struct {
		name   string
		change func(*store.Options, *bank.Config)
	}{
		{"pulse before commit", func(_ *store.Options, c *bank.Config) { c.PulseFirst = true }},
		{"commit without sync", func(o *store.Options, _ *bank.Config) { o.Mutant = store.MutantNoSync }},
		{"bbolt ahead of the journal", func(o *store.Options, _ *bank.Config) { o.Mutant = store.MutantBoltAhead }},
		{"use mark dropped", func(o *store.Options, _ *bank.Config) { o.Mutant = store.MutantNoUseMarks }},
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			if n, first := caught(t, m.change); n == 0 {
				t.Error("no image shows the mutant: the proof is worth nothing")
			} else {
				t.Logf("%d objections, the first:\n%.600s", n, first)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		if n, first := caught(t, nil); n > 0 {
			t.Errorf("a bank without a mutant is objected to: %s", first)
		}
	})
}

// caught records a mutant, starts a sound bank on what it has left behind, and
// returns the objections.
func caught(t *testing.T, change func(*store.Options, *bank.Config)) (int, string) {
	t.Helper()
	rng, _ := seeded(t)
	r, err := recordRun(t, rng, mutantOpenings, change)
	if err != nil {
		t.Logf("the recorded run has ended early: %v", err)
	}
	j := &judge{t: t, r: r}
	o := &objections{TB: t}
	storetest.Each(o, r.log.Images(rng, mutantImages), j.image)
	return o.n, o.first
}
