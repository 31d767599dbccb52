package crash

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/store/storetest"
)

// Sizes of the test of cuts in recoveries.
const (
	firstOpenings = 60  // before the first cut
	secondCuts    = 6   // first cuts whose recovery is cut
	afterOpenings = 4   // after the first cut
	recoveryOps   = 240 // operations after the restart that are cut: the recovery and what comes next
	recoveryPer   = 3   // images of each second cut
	recoveryShare = 4   // one image for so many of TestPowerCuts
)

// TestPowerCutsInRecovery cuts the power while a bank starts after a power cut,
// and shortly after.
func TestPowerCutsInRecovery(t *testing.T) {
	rng, _ := seeded(t)
	r, err := recordRun(t, rng, firstOpenings, nil)
	if err != nil {
		t.Fatal(err)
	}
	total := size(t, envImages, imagesShort/raced, imagesNormal/raced) / recoveryShare
	j, n := &judge{t: t, r: r, state: true}, 0
	for im := range r.log.Images(rng, secondCuts+1) {
		if n++; n == 1 {
			continue // the beginning: there is nothing to recover
		}
		next, base := j.again(t, rng, im, n)
		last := min(base+recoveryOps, next.log.Len())
		var cuts []int
		for i := range total / secondCuts / recoveryPer {
			cuts = append(cuts, base+rng.IntN(last-base+1)*min(1, i)) // the first one is the start itself
		}
		again := &judge{t: t, r: next, state: true}
		done := storetest.Each(t, next.log.ImagesAt(rng, cuts, recoveryPer), again.image)
		t.Logf("%s; then %s: %d images", im.Desc, next.summary(), done)
	}
}

// again starts the bank on an image, on a recorder, and lets people come. It
// returns the recording, which knows all of the first one that was left, and
// where the start begins in its log.
func (j *judge) again(t *testing.T, rng *rand.Rand, im storetest.Image, n int) (*record, int) {
	t.Helper()
	w, open := j.left(t, im)
	if err := im.WriteTo(w.rec.Dir()); err != nil {
		t.Fatal(err)
	}
	syncAll(t, w.rec.Dir())
	base := w.rec.Mark("the power is back") + 1
	var err error
	synctest.Test(t, func(*testing.T) {
		f := newBus(w.see, func() time.Duration { return time.Duration(20+rng.IntN(60)) * step })
		for id, is := range open {
			f.doors[id].open = is
		}
		time.AfterFunc(2*time.Second, func() {
			for id := range open {
				f.shut(id)
			}
		})
		err = w.boot(f, rng, boots+n, afterOpenings, nil)
	})
	if err != nil {
		t.Fatalf("%s: %v", im.Desc, err)
	}
	return w.finish(), base
}

// left is a witness that knows what an image holds, as if it had seen nothing
// else, and how the doors stand.
func (j *judge) left(t *testing.T, im storetest.Image) (*witness, map[locker.DoorID]bool) {
	t.Helper()
	dir := shm(t)
	if err := im.WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	w := newWitness(storetest.Mount(t))
	var open map[locker.DoorID]bool
	synctest.Test(t, func(t *testing.T) {
		tr := j.trial(im)
		st, err := store.Open(context.Background(), dir, storeOptions())
		if err != nil {
			t.Fatal(err)
		}
		tr.st = st
		commits, err := tr.whole()
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		open = tr.positions()
		w.by, w.next, w.acked, w.journal = tr.by, tr.r.next, tr.last.acked, tr.r.journal
		w.commits, w.codes = tr.r.commits[:commits:commits], tr.r.codes
		w.next = w.commits[commits-1].next
		w.lines, w.events = tr.r.lines[:w.next-1:w.next-1], tr.r.events[:w.next-1:w.next-1]
		w.remember(tr.facts, open)
	})
	return w, open
}

// remember takes over what was visible before the first cut, and how the pulses
// that were on their way have ended.
func (w *witness) remember(facts []fact, open map[locker.DoorID]bool) {
	var last fact
	stood := map[locker.DoorID]bool{}
	for _, f := range facts {
		f.at = -1
		w.facts, last = append(w.facts, f), f
		if f.what == didOpen || f.what == didShut {
			stood[f.door] = f.what == didOpen
		}
	}
	last.commits, last.next, last.code = len(w.commits), w.next, ""
	for id, is := range open {
		last.door, last.what = id, didShut
		if is {
			last.what = didOpen
		}
		if is != stood[id] || !is {
			w.facts = append(w.facts, last)
		}
	}
	for i := range w.events {
		switch e := &w.events[i]; e.Type {
		case locker.EvCodeAccepted:
			w.grants[e.Door] = e.Code
		case locker.EvDoorCommanded:
			w.grants[e.Door] = ""
		}
	}
}

// syncAll makes everything below dir durable.
func syncAll(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
}
