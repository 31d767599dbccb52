package daemon_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lockerd/daemon/access"
	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/hal/sim"
	"lockerd/store"
)

// How many times as long the crowd of TestLoad may wait as nine in ten do alone,
// measured in turn. The tenth is no measure of anything on a busy machine, and
// the median none of a line on which an exchange may be under way. Six scans at
// once share the processor, so some factor is fair; what waited for
// another's door would wait hundreds of times as long: for the three tries of a
// jam, or for a door that nobody shuts.
const (
	loadRounds   = 6
	loadAlone    = 4    // people alone in a round
	loadUsual    = 10.0 // half of the crowd
	loadSlowest  = 100.0
	lockerAjar   = 1 // its doors are left open
	lockerJammed = 2 // its doors jam
)

// TestLoad: 204 doors on six lockers, six scanners at once. No visit waits for
// another's door: each pulse comes as it does for somebody alone.
func TestLoad(t *testing.T) {
	r := newLoadRig(t, loadLockers)
	if got, want := r.start(), "ready bank=load doors=204 scanners=6\n"; got != want {
		t.Fatalf("said %q, want %q", got, want)
	}
	var alone, crowd []time.Duration
	for round := range loadRounds {
		alone = append(alone, r.alone(round)...)
		crowd = append(crowd, r.crowd(round)...)
	}
	r.rest(loadRounds, func(e *locker.Event) bool { return e.Type == locker.EvDoorOut && e.Cause == string(locker.CauseJammed) })
	r.rest((loadAlone+loadLockers-2)*loadRounds, func(e *locker.Event) bool { return e.Type == locker.EvDoorClosed })
	slices.Sort(alone)
	slices.Sort(crowd)
	t.Logf("scan to pulse alone %v\nin the crowd %v", alone, crowd)
	half, each := ratio(crowd, len(crowd)/2, alone, len(alone)*9/10), ratio(crowd, len(crowd)-1, alone, len(alone)*9/10)
	if half > loadUsual || each > loadSlowest {
		t.Errorf("in the crowd half wait %.1f times as long as alone (bound %.0f), the slowest %.1f times (bound %.0f)", half, loadUsual, each, loadSlowest)
	}
	s, err := r.client.Status(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if s.Open != loadRounds || s.Out != loadRounds {
		t.Errorf("%d doors stand open and %d are out of service at the end", s.Open, s.Out)
	}
}

func ratio(a []time.Duration, i int, b []time.Duration, k int) float64 {
	return float64(a[i]) / float64(b[k])
}

// alone has one person after the other scan, where nothing jams.
func (r *loadRig) alone(round int) []time.Duration {
	r.t.Helper()
	var out []time.Duration
	for n := loadLockers - loadAlone + 1; n <= loadLockers; n++ {
		v := r.issue(n, loadDoors-round)
		r.scan(v)
		out = append(out, r.pulsed(v))
		r.opens(v)
		r.shut(v)
	}
	return out
}

// crowd has six people scan at one moment: the doors of one locker stay open,
// those of another jam, and their visits go on meanwhile.
func (r *loadRig) crowd(round int) []time.Duration {
	r.t.Helper()
	var out []time.Duration
	var all []*visit
	for n := 1; n <= loadLockers; n++ {
		all = append(all, r.issue(n, 1+round))
	}
	r.door(lockerJammed, 1+round).Jam(-1)
	for _, v := range all {
		r.scan(v)
	}
	for _, v := range all {
		// The tries of a jam hold the only coil of their own bus.
		if took := r.pulsed(v); v.locker != lockerJammed || round == 0 {
			out = append(out, took)
		}
	}
	for _, v := range all {
		if v.locker == lockerJammed {
			continue
		}
		r.opens(v)
		if v.locker != lockerAjar {
			r.shut(v)
		}
	}
	return out
}

// rest waits until the journal has n events that is picks.
func (r *loadRig) rest(n int, is func(*locker.Event) bool) {
	r.t.Helper()
	r.until(func(e *locker.Event) bool {
		if is(e) {
			n--
		}
		return n == 0
	})
}

func (r *loadRig) opens(v *visit) {
	r.t.Helper()
	if _, err := r.wait(sim.Opened, v); err != nil {
		r.t.Fatal(err)
	}
}

// shut shuts a visit's door once the bank knows that it is open.
func (r *loadRig) shut(v *visit) {
	r.t.Helper()
	r.told(v, locker.EvDoorOpened)
	r.door(v.locker, v.door).Shut()
}

// issue makes a code for one door at the control socket.
func (r *loadRig) issue(n, door int) *visit {
	r.t.Helper()
	c, err := r.client.NewCode(r.ctx, bank.NewCode{Kind: locker.Collect, Door: doorID(n, door), TTL: time.Hour})
	if err != nil {
		r.t.Fatal(err)
	}
	return &visit{locker: n, door: door, text: c.Text}
}

// TestMillionCodes: a bank with a million codes of a tenant starts, and one of
// them opens its door.
func TestMillionCodes(t *testing.T) {
	if testing.Short() {
		t.Skip("loads a million codes")
	}
	r := newLoadRig(t, 1)
	loadCodes(t, r.data(), 1_000_000)
	begun := time.Now()
	r.start()
	t.Logf("ready after %v", time.Since(begun))
	v := &visit{locker: 1, door: 7, text: millionText(777_777)}
	r.scan(v)
	t.Logf("pulsed after %v", r.pulsed(v))
	r.opens(v)
	r.shut(v)
	r.scan(&visit{locker: 1, door: 7, text: millionText(1_000_000)}) // nobody has issued it
	r.told(&visit{}, locker.EvScanRefused)
	s, err := r.client.Status(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Codes["acme"].Count; got != 1_000_000 {
		t.Errorf("the bank has %d codes of acme", got)
	}
}

func millionText(i int) string { return access.WithCheck(fmt.Sprintf("%024d", i)) }

// loadCodes stages n codes as a snapshot from above would: the door of code i
// follows from its number, that of 777,777 is 1-07.
func loadCodes(t *testing.T, dir string, n int) {
	t.Helper()
	st, err := store.Open(t.Context(), dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := st.LoadSnapshot("acme")
	if err != nil {
		t.Fatal(err)
	}
	now := locker.TimeOf(time.Now())
	batch := make([]locker.Code, 0, 10_000)
	for i := range n {
		batch = append(batch, locker.Code{
			ID: fmt.Sprintf("c-%d", i), Tag: locker.TagOf("load", millionText(i)), Kind: locker.Collect,
			Door: doorID(1, (i+13)%loadDoors+1), NotBefore: now, NotAfter: now.Add(24 * time.Hour),
		})
		if len(batch) == cap(batch) || i == n-1 {
			if err := l.Add(batch); err != nil {
				t.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	if _, err := l.Finish(locker.SetInfo{Epoch: 1, Version: 1, Confirmed: now}, nil); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}
