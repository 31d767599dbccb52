package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
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
	r := recordEnough(t, rng)
	r.agrees(t)
	j := &judge{t: t, r: r, exe: executable(t), state: true}
	begun := time.Now()
	n := storetest.Each(t, r.log.Images(rng, size(t, envImages, imagesShort/raced, imagesNormal/raced)), j.image)
	t.Logf("%d images in %s", n, time.Since(begun).Round(time.Millisecond))
}

// recordEnough records a run in which all that the proof is about has happened. Now and
// then a kind of code comes to its end nowhere: then another run is recorded.
func recordEnough(t *testing.T, rng *rand.Rand) *record {
	t.Helper()
	const tries = 4
	for try := 1; ; try++ {
		begun := time.Now()
		r, err := recordRun(t, rng, recordedOpenings, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("recorded %s in %s", r.summary(), time.Since(begun).Round(time.Millisecond))
		lacks := r.lacks()
		if len(lacks) == 0 {
			return r
		}
		if try == tries {
			t.Fatalf("no recorded run has %s: they prove nothing about it", strings.Join(lacks, ", "))
		}
		t.Logf("it has no %s", strings.Join(lacks, ", "))
	}
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

// lacks lists what never happened in a recording.
func (r *record) lacks() (list []string) {
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
			list = append(list, typ)
		}
	}
	if again := n["door.opened"] - n["code.used"] - n["door.commanded"]; again < 5 {
		list = append(list, "five reopenings")
	}
	return list
}
