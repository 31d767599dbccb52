package link

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// TestAnswerOnce: a snapshot that answers a nonce is applied once, however often the
// broker delivers it.
func TestAnswerOnce(t *testing.T) {
	r := newRig(t)
	a, b := code("c-a"), code("c-b")
	r.acme(a)
	r.down("acme-1", r.delta(1, 1, digest(b))) // the bank asks
	r.events()
	m := r.chunk(1, 1, 1, digest(b), b)
	nonce := r.get().Nonce
	for _, other := range []string{"", "AAECAwQFBgcICQoLDA0ODw", strings.ToUpper(nonce)} {
		m.Nonce = other
		r.down("acme-1", m)
		r.want("message.refused stale acme")
	}
	m.Nonce = nonce
	r.down("acme-1", m)
	r.want("codes.applied acme v1")
	r.down("acme-1", m)
	r.want("message.refused stale acme")
	r.set(1, b)
}

// TestConfirmedWhenSigned: a set is as fresh as the word of the backend that came for
// it is old. A broker that keeps revocations back and repeats what it has heard can't
// keep it from growing stale, nor make the bank write.
func TestConfirmedWhenSigned(t *testing.T) {
	r := newRig(t)
	a := code("c-a")
	r.acme(a)
	now := r.clk.Now()
	signed := func(m *wire.Codes, at locker.Time) *wire.Codes { m.At = at; return m }
	r.down("acme-1", signed(r.delta(1, 2, digest(a)), now.Add(time.Minute))) // ahead of the bank
	if c := r.st.Set("acme").Confirmed; c < now || c > r.clk.Now() {
		t.Fatalf("confirmed at %s, it is %s", c, r.clk.Now())
	}
	r.clk.Signed(now.Add(24 * time.Hour))
	said := now.Add(23 * time.Hour)
	confirm := signed(r.delta(2, 2, digest(a)), said)
	r.down("acme-1", confirm)
	if c := r.st.Set("acme").Confirmed; c != said {
		t.Fatalf("confirmed at %s by what was signed at %s", c, said)
	}
	r.events()
	commits := r.st.Stats().Commits
	r.clk.Signed(now.Add(48 * time.Hour))
	for range 100 {
		r.down("acme-1", confirm)
		r.down("acme-1", signed(r.delta(2, 2, digest(a)), said.Add(-time.Hour)))
	}
	r.want()
	if c := r.st.Set("acme").Confirmed; c != said || r.st.Stats().Commits != commits {
		t.Errorf("repeated, it confirms at %s, with %d commits", c, r.st.Stats().Commits-commits)
	}
	m := signed(r.chunk(3, 1, 1, digest(a), a), now.Add(25*time.Hour))
	r.down("acme-1", m)
	if c := r.st.Set("acme").Confirmed; c != m.At {
		t.Errorf("a snapshot signed at %s confirms at %s", m.At, c)
	}
	r.down("acme-1", r.delta(3, 3, digest(a))) // of a backend that tells no time
	if c := r.st.Set("acme").Confirmed; c < now.Add(48*time.Hour) {
		t.Errorf("confirmed at %s", c)
	}
}

// TestCommandVouches: a command that is accepted vouches for the clock in this
// connection, and raises no floor; one that is refused does neither (contract 8).
func TestCommandVouches(t *testing.T) {
	r := newRig(t)
	now := locker.TimeOf(time.Now())
	c := &wire.Command{Head: r.head(), Command: locker.Command{ID: "x-1", Type: locker.CmdPoll, IAT: now.Add(time.Hour), EXP: now.Add(2 * time.Hour), Counter: 5}}
	is := func(what string, want locker.Clock) {
		t.Helper()
		if got := r.clk.Read(); got.Status != want || got.Now >= c.IAT {
			t.Errorf("%s: the clock is %s, at %s", what, got.Status, got.Now)
		}
	}
	r.down("ops-1", c)
	is("accepted", locker.ClockHeld)
	r.l.Disconnected()
	r.connect()
	c.ID, c.Counter = "x-2", 4
	r.down("ops-1", c)
	is("replayed", locker.ClockUnset)
	c.ID, c.Counter, c.Type, c.EXP = "x-3", 6, locker.CmdOpen, c.IAT.Add(20*time.Second)
	r.down("ops-1", c)
	is("no nonce, no door", locker.ClockUnset)
}

// TestOldTimes: what a broker repeats of signed times, or has kept back, does not make a
// clock held that nobody has set.
func TestOldTimes(t *testing.T) {
	r := newRig(t)
	a := code("c-a")
	r.acme(a)
	now := locker.TimeOf(time.Now())
	ack := &wire.Ack{Head: r.head(), UpTo: 2, At: now}
	confirm := r.delta(1, 1, digest(a))
	confirm.At = now
	poll := &wire.Command{Head: r.head(), Command: locker.Command{ID: "x-1", Type: locker.CmdPoll, IAT: now, EXP: now.Add(48 * time.Hour), Counter: 1}}
	say := func(want locker.Clock) {
		t.Helper()
		for kid, m := range map[string]wire.Down{"ack": ack, "confirm": confirm, "command": poll} {
			r.l.Disconnected()
			r.connect()
			r.down("ops-1", m)
			if got := r.clk.Status(); got != want {
				t.Errorf("%s: the clock is %s, want %s", kid, got, want)
			}
		}
	}
	say(locker.ClockHeld)
	r.clk.Raise(now.Add(11 * time.Minute))
	say(locker.ClockUnset)
	ack.At = now.Add(5 * time.Minute) // a backend whose clock is slow
	r.down("ops-1", ack)
	if got := r.clk.Status(); got != locker.ClockHeld {
		t.Errorf("the clock is %s", got)
	}
}

// TestSetsBound: nobody can have the bank keep more sets than it may.
func TestSetsBound(t *testing.T) {
	r := newRig(t)
	r.acme()
	for n := range maxSets {
		m := r.delta(1, 2, digest())
		m.Set = fmt.Sprintf("t-%d", n)
		r.down("ops-1", m)
	}
	r.want(fmt.Sprintf("message.refused quota t-%d", maxSets-1))
	r.down("acme-1", r.delta(1, 2, digest())) // a known one goes on
	r.want("codes.applied acme v2")
}

// TestNamingsOfAnother: the codes of one tenant that name a door leave all the room
// there is to those of another.
func TestNamingsOfAnother(t *testing.T) {
	r := newRig(t)
	if err := r.b.SetStock(t.Context(), locker.DoorID{Locker: 1, Door: 1}, &locker.Item{Tenant: "globex", SKU: "laptop-14"}, "test"); err != nil {
		t.Fatal(err)
	}
	var many []locker.Code
	for n := range 64 {
		many = append(many, codeAt(fmt.Sprintf("n-%d", n), 1))
	}
	r.acme()
	r.down("acme-1", r.delta(1, 2, digest(many...), puts(many...)...))
	r.want("codes.applied acme v2")
	own := codeAt("c-own", 1)
	whole := r.chunk(1, 1, 1, digest())
	whole.Set = "globex"
	r.down("globex-1", whole)
	delta := r.delta(1, 2, digest(own), puts(own)...)
	delta.Set = "globex"
	r.down("globex-1", delta)
	r.want("codes.applied globex v1", "codes.applied globex v2", "stock.changed count 0")
	whole = r.chunk(3, 1, 1, digest(own), own)
	whole.Set = "globex"
	r.down("globex-1", whole)
	r.want("codes.applied globex v3")
	more := codeAt("n-more", 1)
	r.down("acme-1", r.delta(2, 3, digest(append(many, more)...), puts(more)...))
	r.want("message.refused quota acme put n-more")
}

// TestRepeatedRefusals: what a broker repeats of documents and commands that were
// refused does not fill the journal, from which the oldest events would have to go.
func TestRepeatedRefusals(t *testing.T) {
	r := newRig(t)
	bad := &wire.Desired{Head: r.head(), Version: 9, Doc: locker.Desired{Doors: []locker.DoorRule{{ID: locker.DoorID{Locker: 6, Door: 2}}}}}
	unread := r.raw("ops-1", fmt.Sprintf(`{"v":1,"typ":"desired","bank":%q,"journal":%q,"version":9,"doc":{"skus":[{"sku":"a","label":"("}]}}`, bankName, r.st.JournalID()))
	late := locker.TimeOf(time.Now().Add(-time.Hour))
	for n := range 200 {
		r.down("ops-1", bad)
		r.bytes(wire.TopicDesired, unread, false)
		r.down("ops-1", &wire.Command{Head: r.head(), Command: locker.Command{
			ID: fmt.Sprintf("x-%d", n), Type: locker.CmdPoll, IAT: late, EXP: late.Add(time.Minute), Counter: int64(n) + 1,
		}})
	}
	n := map[string]int{}
	for _, e := range r.events() {
		n[e.Type]++
	}
	if n[locker.EvConfigRejected] != limitOfMinute || n[locker.EvCommandRefused] != limitOfMinute {
		t.Errorf("%v, want %d of each", n, limitOfMinute)
	}
}

// TestMalformedReplay: a command that makes no sense and is older than the last
// accepted one is a replay: it is not kept, and pushes no reply out.
func TestMalformedReplay(t *testing.T) {
	r := newRig(t)
	now := locker.TimeOf(time.Now())
	poll := &wire.Command{Head: r.head(), Command: locker.Command{ID: "x-9", Type: locker.CmdPoll, IAT: now, EXP: now.Add(time.Minute), Counter: 9}}
	r.down("ops-1", poll)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, replies := r.said(); len(replies) == 1 {
			break
		} else if time.Now().After(end) {
			t.Fatal("no reply")
		}
	}
	r.want("command.done x-9 poll")
	for n := range 100 {
		r.bytes(wire.TopicCommand, r.raw("ops-1", fmt.Sprintf(
			`{"v":1,"typ":"command","bank":%q,"journal":%q,"id":"y-%d","type":"dance","args":{},"iat":%q,"exp":%q,"counter":9}`,
			bankName, r.st.JournalID(), n, now, now.Add(time.Minute))), false)
	}
	refused := 0
	for _, e := range r.events() {
		if e.Type == locker.EvCommandRefused && e.Reason == locker.RefusedReplayed {
			refused++
		}
	}
	if refused != limitOfMinute {
		t.Errorf("%d replays are journaled, want %d", refused, limitOfMinute)
	}
	r.said()
	r.down("ops-1", poll)
	if _, replies := r.said(); len(replies) != 1 || replies[0].Status != locker.ReplyDone {
		t.Errorf("the stored reply: %+v", replies)
	}
}
