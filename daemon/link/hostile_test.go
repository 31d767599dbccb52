package link

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/sync/wire"
)

// TestClaimsBounded: a snapshot of however many codes that name doors takes no memory
// for those that have ended, and ends itself where more live than may.
func TestClaimsBounded(t *testing.T) {
	r := newRig(t)
	r.acme()
	const chunks, each = 100, 100
	var all []locker.Code
	for n := range chunks * each {
		c := codeAt(fmt.Sprint("c-", n), uint8(n%4+1))
		if n%200 > 0 {
			c.NotAfter = locker.TimeOf(time.Now()).Add(-time.Hour)
		}
		all = append(all, c)
	}
	to := int64(2)
	send := func(n int) {
		r.down("acme-1", r.chunk(to, n+1, chunks, digest(all...), all[n*each:(n+1)*each]...))
	}
	for n := range chunks {
		send(n)
		if s := r.l.staged["acme"]; s != nil && len(s.claims) > claimsKept {
			t.Fatalf("%d claims kept after %d chunks", len(s.claims), n+1)
		}
	}
	r.want("codes.applied acme v2")
	for n := range all {
		all[n].NotAfter = 0
	}
	to = 3
	for n := 0; len(r.events()) == 0; n++ {
		if n == chunks/2 {
			t.Fatal("claims that can't all be were kept to the end")
		}
		send(n)
	}
}

// TestPace: a set may change paceBurst times at once and then at its pace, the
// operator's as it likes.
func TestPace(t *testing.T) {
	p, now := pace{}, time.Now()
	changes := func() (n int) {
		for ; !p.over("acme", now); n++ {
			p.changed("acme", now)
		}
		return n
	}
	if n := changes(); n != paceBurst {
		t.Errorf("%d changes at once", n)
	}
	now = now.Add(3 * paceEvery)
	if n := changes(); n != 3 {
		t.Errorf("%d changes later", n)
	}
	now = now.Add(2 * paceBurst * paceEvery)
	if n := changes(); n != paceBurst {
		t.Errorf("%d changes after a rest", n)
	}
	p[locker.SetOperator] = now.Add(time.Hour)
	if p.over(locker.SetOperator, now) {
		t.Error("the operator's set is bound")
	}
}

// TestTooFast: what comes beyond the pace is refused, asked for, and taken later.
func TestTooFast(t *testing.T) {
	r := newRig(t)
	r.acme() // version 1
	if full := r.l.pace["acme"]; time.Until(full) <= 0 {
		t.Fatal("a snapshot is no change")
	}
	send := func(from, to int64) { r.down("acme-1", r.delta(from, to, digest(), wire.Op{Drop: "c-none"})) }
	full := r.l.pace["acme"]
	if send(1, 2); !r.l.pace["acme"].After(full) || r.st.Set("acme").Version != 2 {
		t.Fatalf("a delta is no change, or is not applied: version %d", r.st.Set("acme").Version)
	}
	r.events()
	r.l.pace["acme"] = time.Now().Add(2 * paceBurst * paceEvery)
	send(2, 3)
	if evs := r.events(); len(evs) != 1 || evs[0].Type != locker.EvMessageRefused || evs[0].Reason != wire.Quota || r.st.Set("acme").Version != 2 {
		t.Errorf("%+v, version %d", evs, r.st.Set("acme").Version)
	}
	if g := r.get(); g.From != 2 {
		t.Errorf("asked from %d", g.From)
	}
	r.down("acme-1", r.chunk(5000, 1, 1, digest()))
	if i := r.st.Set("acme"); i.Version != 2 || len(r.l.staged) > 0 {
		t.Errorf("a snapshot has come beyond the pace: %+v", i)
	}
	r.l.pace["acme"] = time.Now() // time goes by
	send(2, 5000)
	if v := r.st.Set("acme").Version; v != 5000 {
		t.Errorf("what was missing does not come: version %d", v)
	}
}

// TestReplayedTimes: a board without a clock of its own that is started again and again
// under a broker that repeats all it has heard knows no earlier time than it saved, and
// no later one than was signed.
func TestReplayedTimes(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir(), time: never{}}
	r.start()
	t.Cleanup(func() { r.stop() })
	a := code("c-a")
	day := locker.TimeOf(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))
	var heard []wire.Down
	var latest, saved locker.Time
	rnd := rand.New(rand.NewPCG(1, 2))
	check := func(what string) {
		t.Helper()
		now := r.clk.Now()
		if now < saved || now > latest.Add(time.Minute) {
			t.Fatalf("%s: it is %s; saved %s, signed %s", what, now, saved, latest)
		}
	}
	for n := range int64(20) {
		at := day.Add(time.Duration(n) * 24 * time.Hour)
		snap := r.chunk(n+1, 1, 1, digest(a), a)
		confirm := r.delta(n+1, n+1, digest(a))
		snap.At, confirm.At = at, at.Add(time.Hour)
		poll := &wire.Command{Head: r.head(), Command: locker.Command{
			ID: fmt.Sprint("x-", n), Type: locker.CmdPoll, IAT: at.Add(90 * 24 * time.Hour), EXP: at.Add(99 * 24 * time.Hour), Counter: n + 1,
		}}
		ack := &wire.Ack{Head: r.head(), UpTo: r.st.Next() - 1, At: at.Add(2 * time.Hour)}
		snap.Set, confirm.Set = "*", "*"
		heard, latest = append(heard, snap, confirm, poll, ack), ack.At
		if rnd.IntN(3) > 0 { // else the broker keeps them back
			for _, m := range heard[4*n:] {
				r.down("ops-1", m)
				check("said")
			}
		}
		if floor, _, err := r.st.Value(locker.ValueFloor); err != nil {
			t.Fatal(err)
		} else if ms, _ := strconv.ParseInt(string(floor), 10, 64); ms > 0 {
			saved = locker.Time(ms)
		}
		r.l.Disconnected()
		r.stop()
		r.start()
		check("started")
		for _, i := range rnd.Perm(len(heard)) {
			r.down("ops-1", heard[i])
			check(fmt.Sprintf("repeated %T", heard[i]))
		}
	}
}

// never is a system clock without any idea of the time.
type never struct{}

func (never) Read() (time.Time, bool) { return time.Unix(0, 0), false }
func (never) String() string          { return "test" }

// TestNoRoom: on a full board no code lands, and codes go as before.
func TestNoRoom(t *testing.T) {
	free := int64(1 << 40)
	r := &rig{t: t, dir: t.TempDir(), o: store.Options{Free: func(string) (int64, int64, error) { return free, 1 << 40, nil }}}
	r.start()
	t.Cleanup(func() { r.stop() })
	a, b := code("c-a"), code("c-b")
	r.acme(a)
	free = 300 << 20
	r.down("acme-1", r.delta(1, 2, digest(a, b), puts(b)...))
	r.want("message.refused quota acme")
	r.down("acme-1", r.chunk(2, 1, 1, digest(a, b), a, b))
	r.want("message.refused quota acme")
	r.set(1, a)
	r.down("acme-1", r.delta(1, 2, digest(a), wire.Op{Revoke: "c-x"}))
	r.want("codes.applied acme v2")
	free = 0
	r.down("acme-1", r.delta(2, 3, digest(a), wire.Op{Revoke: "c-y"}))
	r.want("message.refused quota acme")
	r.down("acme-1", r.delta(2, 3, digest(), wire.Op{Drop: "c-a"}))
	r.want("codes.applied acme v3")
	m := r.chunk(1, 1, 1, digest())
	m.Set = "*"
	r.down("ops-1", m)
	m = r.delta(1, 2, digest(), wire.Op{Revoke: "c-z"})
	m.Set = "*"
	r.down("ops-1", m)
	r.want("codes.applied * v1", "codes.applied * v2")
}
