package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/store/storetest"
)

// Sizes of the power cut test.
const (
	recordedOpenings = 300
	boots            = 3 // clean stops and starts are cut as well
	imagesShort      = 2000
	imagesNormal     = 4000
)

// recordRun lets people come to a bank on a recorder until so many doors have
// sprung open. change makes a mutant; then an error of the run is for the
// caller to judge.
func recordRun(t *testing.T, rng *rand.Rand, openings int, change func(*store.Options, *bank.Config)) (*record, error) {
	t.Helper()
	w := newWitness(storetest.Mount(t))
	var err error
	synctest.Test(t, func(*testing.T) {
		f := newBus(w.see, func() time.Duration { return time.Duration(20+rng.IntN(60)) * step })
		for boot := range boots {
			if err = w.boot(f, rng, boot, openings*(boot+1)/boots, change); err != nil {
				return
			}
		}
	})
	return w.finish(), err
}

// boot is one start of the recorded bank, until its orderly stop.
func (w *witness) boot(f *bus, rng *rand.Rand, boot, total int, change func(*store.Options, *bank.Config)) (err error) {
	o, cfg := storeOptions(), siteConfig(true)
	o.Now = func() time.Time { return time.Now().Add(w.by) }
	if change != nil {
		change(&o, &cfg)
	}
	st, err := store.Open(context.Background(), w.rec.Dir(), o)
	if err != nil {
		return err
	}
	defer func() {
		w.see(didClose, doorAt(1))
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}()
	w.mu.Lock()
	w.journal = st.JournalID()
	w.mu.Unlock()
	s, err := start(cfg, watched{st, w}, f, w.by)
	if err != nil {
		return err
	}
	err = (&crowd{site: s, w: w, st: st}).openings(rng, boot, total)
	if herr := s.halt(); err == nil {
		err = herr
	}
	return err
}

func TestPowerCuts(t *testing.T) {
	rng, _ := seeded(t)
	begun := time.Now()
	r, err := recordRun(t, rng, recordedOpenings, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("recorded %s in %s", r.summary(), time.Since(begun).Round(time.Millisecond))
	r.enough(t)
	r.agrees(t)
	j := &judge{t: t, r: r, exe: executable(t), state: true}
	begun = time.Now()
	n := storetest.Each(t, r.log.Images(rng, size(t, envImages, imagesShort/raced, imagesNormal/raced)), j.image)
	t.Logf("%d images in %s", n, time.Since(begun).Round(time.Millisecond))
}

// summary says what a recording holds.
func (r *record) summary() string {
	n := map[string]int{}
	for _, f := range r.facts {
		n[f.what]++
	}
	return fmt.Sprintf("%d operations: %d openings, %d pulses (%d at jammed doors), %d commits, %d events, %d codes",
		r.log.Len(), n[didOpen], n[didPulse]+n[didJam], n[didJam], len(r.commits), len(r.events), len(r.codes))
}

// enough fails a recording in which something never happened that the proof is
// about.
func (r *record) enough(t *testing.T) {
	t.Helper()
	n := map[string]int{}
	for i := range r.events {
		e := &r.events[i]
		n[e.Type]++
		if e.Type == locker.EvCodeUsed || e.Type == locker.EvCodeAccepted && e.Cause != "" {
			n[e.Type+" "+string(e.Kind)+e.Cause]++
		}
	}
	for _, typ := range []string{
		"code.accepted", "code.used", "code.released", "door.commanded", "door.opened", "door.closed", "door.jammed",
		"door.uncertain", "door.out_of_service", "door.in_service", "item.delivered", "item.collected", "item.cleared",
		"item.uncertain", "item.returned", "stock.changed", "codes.applied", "scan.refused", "board.lost", "board.back", "boot.started", "visit.ended",
		"code.used deliver", "code.used return", "code.used swap", "code.used clear", "code.accepted deliverresumed", "code.accepted swapresumed",
	} {
		if n[typ] == 0 {
			t.Errorf("the recorded run has no %s: it proves nothing about it", typ)
		}
	}
	if again := n["door.opened"] - n["code.used"] - n["door.commanded"]; again < 5 {
		t.Errorf("only %d reopenings", again)
	}
}
