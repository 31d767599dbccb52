//go:build mutants

package crash

import (
	"testing"

	"lockerd/store"
	"lockerd/store/storetest"
)

// TestMutantsOfRestoreAreCaught has the judge of the power cuts in a restore look at
// one that does not mark the directory, and at a start that does not join the use marks
// of what was moved aside.
func TestMutantsOfRestoreAreCaught(t *testing.T) {
	for name, m := range map[string]struct {
		restore store.RestoreOptions
		open    store.Options
		caught  bool
	}{
		"unmarked":     {restore: mutantRestore(store.MutantUnmarked), caught: true},
		"without join": {open: mutantOpen(store.MutantNoJoin), caught: true},
		"none":         {},
	} {
		t.Run(name, func(t *testing.T) {
			rng, _ := seeded(t)
			r := recordRestore(t, m.restore)
			r.open = m.open
			o := &objections{TB: t}
			storetest.Each(o, r.log.ImagesAt(rng, r.cuts(), 3), r.image)
			if (o.n > 0) != m.caught {
				t.Errorf("%d objections, the first:\n%.600s", o.n, o.first)
			}
			t.Logf("%d objections, the first:\n%.300s", o.n, o.first)
		})
	}
}

func mutantRestore(name string) (o store.RestoreOptions) {
	o.Mutant = name
	return o
}

func mutantOpen(name string) (o store.Options) {
	o.Mutant = name
	return o
}
