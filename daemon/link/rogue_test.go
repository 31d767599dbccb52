package link

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
	"lockerd/sync/wire/roguetest"
)

// TestRogueBroker: whatever a hostile broker makes up or repeats, no code lands,
// no set, key or document changes, nothing is said to have been done, what the
// bank keeps of it is bounded, and honest messages are served in between.
func TestRogueBroker(t *testing.T) {
	attempts := 100_000
	if testing.Short() {
		attempts = 10_000
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := newRig(t)
	rogue := roguetest.New(seed, roguetest.Default(bankName, r.st.JournalID()))
	a := code("c-a")
	say := func(kid string, m wire.Down) {
		t.Helper()
		b, err := wire.Sign(keyOf(t, kid), kid, m)
		if err != nil {
			t.Fatal(err)
		}
		rogue.Hear(topicOf(m), b)
		r.bytes(topicOf(m), b, false)
	}
	say("acme-1", r.chunk(1, 1, 1, digest(a), a))
	now := locker.TimeOf(time.Now())
	say("ops-1", &wire.Command{Head: r.head(), Command: locker.Command{
		ID: "x-1", Type: locker.CmdInService, Args: locker.CommandArgs{Door: locker.DoorID{Locker: 1, Door: 1}}, IAT: now, EXP: now.Add(time.Hour), Counter: 1,
	}})
	say("ops-1", &wire.Desired{Head: r.head(), Version: 1})
	honest := int64(1)
	was := heap()
	for n := range attempts {
		x := rogue.Next()
		r.bytes(x.Topic, x.Payload, x.Retained)
		if n%1000 == 0 { // valid traffic is served
			say("acme-1", r.delta(honest, honest+1, digest(a)))
			honest++
			r.said()
		}
	}
	r.set(honest, a)
	if grown := heap() - was; grown > 16<<20 {
		t.Errorf("the heap has grown by %d KiB", grown>>10)
	}
	for _, text := range roguetest.Texts() {
		if _, ok, err := r.st.Find(locker.TagOf(bankName, text)); err != nil || ok {
			t.Fatalf("a rogue's code has landed (%v)", err)
		}
	}
	done := map[string]int{}
	for _, e := range r.events() {
		done[e.Type]++
	}
	if done[locker.EvTrustApplied] > 0 || done[locker.EvConfigApplied] != 1 || done[locker.EvCommandDone] != 1 || done[locker.EvDoorOut] > 0 || done[locker.EvDoorCommanded] > 0 {
		t.Errorf("something was done: %v", done)
	}
	if n := done[locker.EvMessageRefused]; n == 0 || n > 12*limitOfMinute*5 {
		t.Errorf("%d refusals are journaled of %d", n, attempts)
	}
	if sets := r.st.Sets(); len(sets) != 1 {
		t.Errorf("sets %v", sets)
	}
	t.Logf("%d attempts: %v", attempts, done)
}

const limitOfMinute = 30

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestTenantAttempts: every attempt of one tenant at another's is refused with its
// reason, and nothing of the other's set changes.
func TestTenantAttempts(t *testing.T) {
	r := newRig(t)
	c := roguetest.Default(bankName, r.st.JournalID())
	a := code("c-1")
	m := r.chunk(1, 1, 1, digest(a), a)
	m.Set = c.Other.Tenant
	r.down("globex-1", m)
	r.events()
	was := r.st.Set(c.Other.Tenant)
	for i, x := range roguetest.Tenants(c, roguetest.Texts()[0]) {
		r.bytes(x.Topic, x.Payload, x.Retained)
		events := r.events()
		if len(events) != 1 || events[0].Type != locker.EvMessageRefused || string(events[0].Reason) != x.Reason {
			t.Errorf("attempt %d, %s: %+v, want %s", i, x.Name, events, x.Reason)
		}
		if now := r.st.Set(c.Other.Tenant); now != was {
			t.Errorf("%s: the other's set is %+v", x.Name, now)
		}
	}
	scans, err := roguetest.Tickets(c, locker.TimeOf(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scans {
		if _, reason := r.l.c.Trust.Ticket(s.Text); reason != s.Reason {
			t.Errorf("ticket %s: %q, want %q", s.Name, reason, s.Reason)
		}
	}
}
