package daemon_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/hal/sim"
	"lockerd/sync/wire"
	"lockerd/sync/wire/roguetest"
)

// TestRogueBroker has a real daemon hear a hostile broker through a real one: no door
// moves, the daemon does not grow, and a code that is sent in between opens its door.
// The 100,000 attempts are those of package link; here stand session and process.
func TestRogueBroker(t *testing.T) {
	attempts := 20_000
	if testing.Short() {
		attempts = 4_000
	}
	r := newLinkRig(t)
	r.run()
	u := r.up
	born := u.birth(0)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rogue := roguetest.New(seed, roguetest.Default(linkBank, born.Journal.ID))
	send := func(m *wire.Codes) {
		t.Helper()
		b, err := wire.Sign(signerOf(t, "acme-1"), "acme-1", m)
		if err != nil {
			t.Fatal(err)
		}
		rogue.Hear(wire.TopicCodes, b)
		u.publish(wire.TopicCodes, b)
	}
	c, text := r.code(1, 7)
	send(&wire.Codes{Head: u.head(born), Set: "acme", Epoch: 100, To: 1, Chunk: 1, Chunks: 1, Digest: digestOf()})
	u.event(`"codes.applied"`, `"to":1`)
	flood := func(n int) {
		t.Helper()
		for n > 0 {
			x := rogue.Next()
			switch {
			case x.Retained: // to a subscriber that is there, a broker sends it as a new one
				continue
			case !strings.HasPrefix(x.Topic, "down/"): // nobody listens
				continue
			case len(x.Payload) > 2*wire.MaxDown: // ends the connection, and with it what is under way
				continue
			}
			n--
			tok := u.client.Publish("lockers/v1/"+linkBank+"/"+x.Topic, 1, false, x.Payload)
			if n%100 == 0 && !tok.WaitTimeout(loadPatience) {
				t.Fatal("the broker takes nothing any more")
			}
		}
	}
	flood(attempts / 4) // what a daemon needs once
	was := r.resident()
	flood(attempts / 4)
	send(&wire.Codes{Head: u.head(born), Set: "acme", Epoch: 100, From: new(int64(1)), To: 2, Ops: []wire.Op{{Put: &c}}, Digest: digestOf(c)})
	flood(attempts / 2)
	u.event(`"codes.applied"`, `"from":1`, `"to":2`)
	if is := r.resident(); is > was+24<<10 {
		t.Errorf("the daemon has grown from %d to %d KiB", was, is)
	} else {
		t.Logf("%d KiB resident, then %d", was, is)
	}
	if n := len(r.lines[0].Log().Pulses()); n > 0 {
		t.Fatalf("%d pulses", n)
	}
	v := &visit{locker: 1, door: 7, text: text}
	r.scan(v)
	if _, err := r.wait(sim.Opened, v); err != nil {
		t.Fatal(err)
	}
	for _, text := range roguetest.Texts()[:3] {
		r.scan(&visit{locker: 1, text: text})
	}
	u.until("three refusals", func() bool { return u.has(`"scan.refused"`, `"reason":"unknown"`) == 3 })
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, kind := range []string{locker.EvTrustApplied, locker.EvConfigApplied, locker.EvCommandDone, locker.EvDoorCommanded} {
		if u.has(`"`+kind+`"`) > 0 {
			t.Errorf("%s", kind)
		}
	}
	if len(u.births) > 1 && u.births[len(u.births)-1].Conn != born.Conn {
		t.Errorf("%d births: the connection did not hold", len(u.births))
	}
}

// resident is the memory of the daemon in KiB.
func (r *linkRig) resident() int {
	r.t.Helper()
	time.Sleep(time.Second) // what is freed goes back to the kernel by and by
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		r.t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			n, err := strconv.Atoi(string(bytes.Fields(rest)[0]))
			if err != nil {
				r.t.Fatal(err)
			}
			return n
		}
	}
	r.t.Fatal("no VmRSS")
	return 0
}
