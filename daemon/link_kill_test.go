package daemon_test

import (
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// issuer is the backend of one set: it issues a code per version and answers
// births and gets with what is missing.
type issuer struct {
	r  *linkRig
	mu sync.Mutex
	// codes[i] was put by the delta from version i+1 to i+2.
	codes []locker.Code
	seen  int // births answered
	gets  int
}

const issuerEpoch = 200

// send brings the bank from a version to the present one.
func (i *issuer) send(s wire.State, epoch, version int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	to := int64(len(i.codes)) + 1
	if epoch != issuerEpoch || version < 1 || version > to {
		i.r.whole(s, "acme", "acme-1", issuerEpoch, to, i.codes...)
		return
	}
	m := &wire.Codes{Head: i.r.up.head(s), Set: "acme", Epoch: issuerEpoch, From: &version, To: to, Digest: digestOf(i.codes...)}
	for _, c := range i.codes[version-1:] {
		m.Ops = append(m.Ops, wire.Op{Put: &c})
	}
	i.r.up.send(wire.TopicCodes, "acme-1", m)
}

// serve answers births and gets until quit.
func (i *issuer) serve(quit <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-quit:
			return
		case <-tick.C:
		}
		u := i.r.up
		u.mu.Lock()
		births, gets := u.births[i.seen:], u.gets[i.gets:]
		i.seen, i.gets = len(u.births), len(u.gets)
		var last wire.State
		if n := len(u.births); n > 0 {
			last = u.births[n-1]
		}
		u.mu.Unlock()
		for _, s := range births {
			at := s.Codes["acme"]
			i.send(s, at.Epoch, at.Version)
		}
		for _, g := range gets {
			i.send(last, g.Epoch, g.From)
		}
	}
}

// issue puts one more code and sends the delta.
func (i *issuer) issue(s wire.State, c locker.Code) {
	i.mu.Lock()
	i.codes = append(i.codes, c)
	v := int64(len(i.codes))
	i.mu.Unlock()
	i.send(s, issuerEpoch, v)
}

// landed waits until the bank has a version of the set.
func (r *linkRig) landed(version int64) bool {
	for end := time.Now().Add(loadPatience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if s, err := r.client.Status(r.ctx); err == nil && s.Codes["acme"].Version >= version {
			return true
		}
	}
	return false
}

// TestKilledWhileLinked: codes come down and are scanned while the daemon is
// killed at random points, and at times the broker before it. Every event comes up,
// none is another the second time, no code is used twice, and the bank ends with the
// backend's set.
func TestKilledWhileLinked(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := newLinkRig(t)
	i := &issuer{r: r}
	quit := make(chan struct{})
	var serving sync.WaitGroup
	serving.Go(func() { i.serve(quit) })
	t.Cleanup(serving.Wait)
	t.Cleanup(func() { close(quit) })
	for n := 1; n <= rounds; n++ {
		r.up.mu.Lock()
		before := len(r.up.births)
		r.up.mu.Unlock()
		r.run()
		s := r.up.birth(before)
		c, text := r.code(n, n)
		i.issue(s, c)
		if n == rounds || rnd.IntN(4) > 0 { // else the kill comes into the delta
			if !r.landed(int64(n) + 1) {
				t.Fatalf("code %d does not come down", n)
			}
			if n%3 == 2 && n < rounds {
				r.broker.Kill() // what happens now can only come up in the daemon's next life
			}
			r.scan(&visit{locker: 1, door: n, text: text})
		}
		if n == rounds { // on a machine that is busy every other kill may come before the door has opened
			r.up.event(`"type":"code.used"`, `"code":"`+c.ID+`"`)
		}
		time.Sleep(time.Duration(rnd.IntN(400)) * time.Millisecond)
		_ = r.end(syscall.SIGKILL)
		r.broker.Start()
		r.door(1, n).Shut()
	}
	r.run()
	var last bank.Status
	r.up.until("everything", func() bool {
		var err error
		last, err = r.client.Status(r.ctx)
		return err == nil && last.Link != nil && last.Link.Pending == 0 && r.up.upto == last.Journal.Next-1 && last.Codes["acme"].Version == int64(rounds)+1
	})
	if got := last.Codes["acme"]; got.Digest != *digestOf(i.codes...) || got.Count != rounds {
		t.Errorf("the bank has %+v", got)
	}
	r.up.mu.Lock()
	defer r.up.mu.Unlock()
	used := 0
	for _, c := range i.codes {
		n := r.up.has(`"type":"code.used"`, `"code":"`+c.ID+`"`)
		if used += n; n > 1 {
			t.Errorf("code %s was used %d times", c.ID, n)
		}
	}
	if used == 0 {
		t.Error("no code was used")
	}
	if r.up.clash > 0 || len(r.up.events) != int(r.up.upto) {
		t.Errorf("%d events came again as others, %d of %d came", r.up.clash, len(r.up.events), r.up.upto)
	}
	t.Logf("%d of %d codes used, %d events, %d came again", used, rounds, len(r.up.events), r.up.twice)
}
