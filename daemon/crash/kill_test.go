package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

// Sizes of the SIGKILL test.
const (
	killsShort  = 8
	killsNormal = 40
	killWithin  = 130 * time.Millisecond // after the scan: decision, pulse, proof and closing lie in it
	jamWithin   = 1500 * time.Millisecond
	killWindow  = 4 * time.Second // reopen_window
	oneIn       = 6               // rounds with a jam; starts that are killed themselves
)

// killing is the SIGKILL test while it runs.
type killing struct {
	*hardware
	rng    *rand.Rand
	serial int
	used   []string // texts of codes whose use is certain
}

// TestKill kills lockerd with SIGKILL at random points of openings, over and
// over on one data directory. One code is under way at a time, so that every
// movement of a lock is that code's.
func TestKill(t *testing.T) {
	rng, _ := seeded(t)
	k := &killing{hardware: newHardware(t), rng: rng}
	k.up()
	n := size(t, envKills, killsShort, killsNormal)
	begun := time.Now()
	for i := range n {
		if err := k.round(); err != nil {
			t.Fatalf("kill %d of %d: %v", i+1, n, err)
		}
	}
	k.usedStayUsed()
	v, err := k.client.Verify(t.Context())
	if err != nil || !v.OK {
		t.Errorf("the journal does not verify: %s %v", v.Text, err)
	}
	if err := k.stop(); err != nil {
		t.Errorf("lockerd did not end in order: %v\n%s", err, k.stderr)
	}
	t.Logf("%d kills in %s; %s; %d codes used", n, time.Since(begun).Round(time.Second), v.Text, len(k.used))
}

// round issues a code, scans it, kills the program at some moment and looks at
// what the next one makes of it.
func (k *killing) round() error {
	code, jam := k.prepare()
	since := k.logged()
	k.scan(code.Text)
	within := killWithin
	if jam {
		within = jamWithin
	}
	time.Sleep(time.Duration(k.rng.Int64N(int64(within)))) // the moment is chance: that is the test
	k.kill()
	k.drain()
	_, pulses := k.moved(since)
	k.restart()
	if _, now := k.moved(since); now != pulses {
		return fmt.Errorf("code %s: %d pulses before the kill, and %d after the start: a door was pulsed by itself", code.ID, pulses, now)
	}
	for n := 1; n <= killDoors; n++ {
		k.door(n).Jam(0)
	}
	k.shutAll()
	before, _ := k.moved(since)
	return k.after(code, since, before)
}

// prepare loads a door, issues a code for it, and jams some doors at times.
func (k *killing) prepare() (bank.IssuedCode, bool) {
	k.t.Helper()
	n := 1 + k.rng.IntN(killDoors)
	for i := 1; i <= killDoors/2; i++ {
		k.load(i)
	}
	want := bank.NewCode{Kind: locker.Collect, SKU: sku}
	if n > killDoors/2 {
		want = bank.NewCode{Kind: locker.Collect, Door: doorAt(n)}
		k.load(n)
	}
	jam := k.rng.IntN(oneIn) == 0
	if jam {
		for i := 1; i <= killDoors; i++ {
			k.door(i).Jam(k.rng.IntN(5))
		}
	}
	return k.issue(want), jam
}

func (k *killing) load(n int) {
	k.t.Helper()
	k.serial++
	item := &locker.Item{SKU: sku, Serial: fmt.Sprintf("SN-%07d", k.serial)}
	if err := k.client.SetStock(k.t.Context(), doorAt(n), item); err != nil {
		k.t.Fatal(err)
	}
}

// restart starts the program again; some starts are killed, too.
func (k *killing) restart() {
	k.t.Helper()
	for k.rng.IntN(oneIn) == 0 {
		ready := k.start()
		select {
		case k.last = <-ready: // ready is a moment like any other
		case <-time.After(time.Duration(k.rng.Int64N(int64(killWithin)))):
		}
		k.kill()
	}
	k.up()
}

// after scans the code at the restarted bank, and once more if its door was out
// of service.
func (k *killing) after(code bank.IssuedCode, since int, before []int) error {
	k.t.Helper()
	e := k.present(code)
	if e.Type != locker.EvDoorOpened && e.Reason != locker.Used {
		k.mend()
		e = k.present(code)
	}
	all, _ := k.moved(since)
	for _, n := range all {
		if n != all[0] {
			return fmt.Errorf("code %s has opened the doors %v, %v of them by the pulse before the kill", code.ID, all, before)
		}
	}
	switch {
	case len(all) == 0:
		return fmt.Errorf("code %s has opened no door: it is burned (%s %s)", code.ID, e.Type, e.Reason)
	case len(before) == 0 && e.Type != locker.EvDoorOpened:
		return fmt.Errorf("code %s has opened door %d, and the bank says %s %s", code.ID, all[0], e.Type, e.Reason)
	}
	k.shutAll()
	k.used = append(k.used, code.Text)
	return nil
}

// mend brings all doors into service.
func (k *killing) mend() {
	k.t.Helper()
	for n := 1; n <= killDoors; n++ {
		if err := k.client.SetService(k.t.Context(), doorAt(n), true); err != nil {
			k.t.Fatal(err)
		}
	}
}

// present scans a code and waits for what comes of it.
func (k *killing) present(code bank.IssuedCode) locker.Event {
	k.t.Helper()
	from := k.next()
	k.scan(code.Text)
	e := k.event(from, func(e *locker.Event) bool {
		if e.Code != code.ID {
			return false
		}
		return e.Type == locker.EvDoorOpened || e.Type == locker.EvScanRefused || e.Type == locker.EvCodeReleased
	})
	if e.Type == locker.EvDoorOpened {
		k.shutAll()
	}
	return e
}

// usedStayUsed waits until nothing may be reopened any more and scans every
// used code: nothing may move.
func (k *killing) usedStayUsed() {
	k.t.Helper()
	// The window is the bank's own clock's: there is nothing to wait on. It
	// begins when the last closing is believed, a moment after it was seen.
	time.Sleep(killWindow + time.Second)
	k.mend()
	since, begun := k.logged(), k.next()
	for _, text := range k.used {
		for range k.scanners {
			k.scan(text)
		}
	}
	// What is scanned last at a scanner is answered last.
	for i := range k.scanners {
		fresh, from := k.issue(bank.NewCode{Kind: locker.Collect, Door: doorAt(i + 1)}), k.next()
		k.scan(fresh.Text)
		k.event(from, func(e *locker.Event) bool { return e.Code == fresh.ID && e.Type == locker.EvDoorOpened })
	}
	if opened, pulses := k.moved(since); pulses != len(k.scanners) {
		k.t.Errorf("used codes have made %d pulses and opened %v", pulses-len(k.scanners), opened)
		k.story(begun)
	}
}

// story logs what became of the codes that were accepted from a seq on.
func (k *killing) story(from uint64) {
	k.t.Helper()
	codes := map[string]bool{}
	read := func(line func(*locker.Event, []byte)) {
		err := k.client.Events(k.t.Context(), 0, false, func(b []byte) error {
			var e locker.Event
			err := json.Unmarshal(b, &e)
			line(&e, b)
			return err
		})
		if err != nil {
			k.t.Error(err)
		}
	}
	read(func(e *locker.Event, _ []byte) {
		if e.Type == locker.EvCodeAccepted && e.Seq >= from {
			codes[e.Code] = true
		}
	})
	read(func(e *locker.Event, b []byte) {
		if codes[e.Code] {
			k.t.Logf("%s", b)
		}
	})
}
