package daemon_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/hal/sim"
)

// noiseLasts is how long random bytes come: LOCKERD_NOISE, or two seconds.
func noiseLasts(t *testing.T) time.Duration {
	t.Helper()
	d := 2 * time.Second
	if s := os.Getenv("LOCKERD_NOISE"); s != "" {
		var err error
		if d, err = time.ParseDuration(s); err != nil {
			t.Fatalf("cannot read LOCKERD_NOISE=%q: write a duration, for example 30s", s)
		}
	}
	return d
}

// TestNoisyScanner: random bytes at line rate at one scanner open nothing and
// end nothing, and codes at the other scanner go on opening their doors.
func TestNoisyScanner(t *testing.T) {
	r := newLoadRig(t, 2)
	r.start()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	quit, done := make(chan struct{}), make(chan struct{})
	go r.babble(rand.New(rand.NewPCG(seed, 0)), quit, done)
	pace := time.NewTicker(noiseLasts(t) / loadDoors)
	defer pace.Stop()
	opened := 0
	for ; opened < loadDoors; opened++ {
		<-pace.C
		c, err := r.client.NewCode(r.ctx, bank.NewCode{Kind: locker.Collect, Door: doorID(2, opened+1), TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		v := &visit{locker: 2, door: opened + 1, text: c.Text}
		r.scan(v)
		r.pulsed(v)
		if _, err := r.wait(sim.Opened, v); err != nil {
			t.Fatal(err)
		}
	}
	close(quit)
	<-done
	if n := len(r.lines[0].Log().Pulses()); n > 0 {
		t.Errorf("noise has pulsed %d locks", n)
	}
	if n := len(r.lines[1].Log().Pulses()); n != opened {
		t.Errorf("%d pulses for %d codes", n, opened)
	}
}

// babble writes random bytes to the first scanner's line, 960 a second, as 9600
// baud carries them.
func (r *loadRig) babble(rng *rand.Rand, quit <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	b := make([]byte, 10)
	for {
		select {
		case <-quit:
			return
		case <-tick.C:
		}
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if err := r.scanners[0].Send(b); err != nil {
			r.t.Error(err)
			return
		}
	}
}
