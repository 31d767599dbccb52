package link

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/outbox"
	"lockerd/sync/uplink"
	"lockerd/sync/wire"
)

// TestRefusals reaches every reason of contract 6.1 through bytes as they come
// from a broker.
func TestRefusals(t *testing.T) {
	r := newRig(t)
	a := code("c-a")
	r.acme(a)
	head := func(typ, more string) string {
		return fmt.Sprintf(`{"v":1,"typ":%q,"bank":%q,"journal":%q%s}`, typ, bankName, r.st.JournalID(), more)
	}
	now := locker.TimeOf(time.Now()).String()
	ack := head("ack", `,"upto":1,"at":"`+now+`"`)
	stranger := func() []byte {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := wire.Sign(k, "ops-1", &wire.Ack{Head: r.head(), UpTo: 1, At: locker.TimeOf(time.Now())})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	unknown := func() []byte {
		b, err := wire.Sign(keyOf(t, "ops-1"), "nobody", &wire.Ack{Head: r.head(), UpTo: 1, At: locker.TimeOf(time.Now())})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name, topic string
		b           []byte
		retained    bool
		want        string
	}{
		{"another's signature", wire.TopicAck, stranger(), false, "bad_signature"},
		{"unknown key", wire.TopicAck, unknown(), false, "unknown_key"},
		{"key may not", wire.TopicAck, r.raw("acme-1", ack), false, "wrong_purpose"},
		{"another topic", wire.TopicCommand, r.raw("ops-1", ack), false, "wrong_purpose"},
		{"another bank", wire.TopicAck, r.raw("ops-1", strings.Replace(ack, bankName, "lon-043", 1)), false, "wrong_bank"},
		{"another journal", wire.TopicAck, r.raw("ops-1", strings.Replace(ack, r.st.JournalID(), "j-old", 1)), false, "wrong_journal"},
		{"another tenant", wire.TopicCodes, r.raw("globex-1", head("codes", `,"set":"acme","epoch":10,"from":1,"to":2,"ops":[{"revoke":"c-a"}],"digest":"`+digest().String()+`"`)), false, "wrong_tenant acme"},
		{"retained", wire.TopicAck, r.raw("ops-1", ack), true, "retained"},
		{"too large", wire.TopicAck, []byte(strings.Repeat("a", wire.MaxDown+1)), false, "too_large"},
		{"no JWS", wire.TopicAck, []byte(ack), false, "malformed"},
		{"upto ahead", wire.TopicAck, r.raw("ops-1", head("ack", `,"upto":9999,"at":"`+now+`"`)), false, "malformed"},
		{"duplicate member", wire.TopicAck, r.raw("ops-1", head("ack", `,"upto":1,"upto":2,"at":"`+now+`"`)), false, "malformed"},
		{"old delta", wire.TopicCodes, r.raw("acme-1", head("codes", `,"set":"acme","epoch":10,"from":0,"to":1,"ops":[],"digest":"`+digest(a).String()+`"`)), false, "replayed acme"},
		{"old snapshot", wire.TopicCodes, r.raw("acme-1", head("codes", `,"set":"acme","epoch":10,"to":1,"chunk":1,"chunks":1,"put":[],"digest":"`+digest().String()+`"`)), false, "stale acme"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.bytes(c.topic, c.b, c.retained)
			r.want("message.refused " + c.want)
			r.set(1, a)
		})
	}
	r.said()
}

// TestNobodyTrusted: without [trust] everything from above and every ticket is
// refused.
func TestNobodyTrusted(t *testing.T) {
	r := newRig(t)
	trust, err := NewTrust(bankName, "", []byte(`{"version":3}`), r.l.log)
	if err != nil {
		t.Fatal(err)
	}
	r.l.c.Trust = trust
	r.down("ops-1", &wire.Ack{Head: r.head(), UpTo: 1, At: locker.TimeOf(time.Now())})
	r.want("message.refused unknown_key")
	if s := r.l.Status(); s.Keys != 0 || s.Error == "" || s.Cure == "" {
		t.Errorf("%+v", s)
	}
}

func TestAck(t *testing.T) {
	r := newRig(t)
	r.acme(code("c-a"))
	later := locker.TimeOf(time.Now().Add(time.Hour))
	if r.clk.Status() != locker.ClockUnset {
		t.Fatal(r.clk.Status())
	}
	r.down("ops-1", &wire.Ack{Head: r.head(), UpTo: 2, At: later})
	if now := r.clk.Read(); now.Status != locker.ClockHeld || now.Now < later {
		t.Errorf("a signed time counts for nothing: %+v", now)
	}
	r.down("ops-1", &wire.Ack{Head: r.head(), UpTo: 1, At: later.Add(time.Hour)}) // late: its time, too
	if r.clk.Now() >= later.Add(time.Hour) {
		t.Error("an old ack has moved the clock")
	}
	r.down("ops-1", &wire.Ack{Head: r.head(), UpTo: 9999, At: later.Add(time.Hour)}) // refused: its time, too
	if r.clk.Now() >= later.Add(time.Hour) {
		t.Error("an ack beyond the last event has moved the clock")
	}
	r.events()
	next := r.st.Next()
	r.down("ops-1", &wire.Ack{Head: r.head(), UpTo: next, At: later}) // an event that is not there yet
	r.want("message.refused malformed")
	if s := r.l.box.Stats(); s.Acked != 2 {
		t.Errorf("%+v", s)
	}
	r.l.Disconnected()
	if r.clk.Status() != locker.ClockUnset {
		t.Error("the trust of a connection has outlived it")
	}
	r.stop()
	r.start()
	if n := r.b.AckedAtStart(); n != 2 {
		t.Errorf("after a restart the ack is %d", n)
	}
}

// TestResync: a backend that was put back to an older state has everything again,
// more than a window of it, by acknowledgements that are below the bank's last one.
func TestResync(t *testing.T) {
	r := newRig(t)
	r.acme()
	for v := int64(1); r.st.Next() <= 3*outbox.Window*outbox.MaxEvents; v++ {
		c := code(fmt.Sprint("c-", v))
		r.down("acme-1", r.delta(v, v+1, digest(c), append(puts(c), dropOf(v-1)...)...))
	}
	last := r.st.Next() - 1
	r.down("ops-1", &wire.Ack{Head: r.head(), UpTo: last, At: locker.TimeOf(time.Now())})
	now, from := locker.TimeOf(time.Now()), uint64(1)
	r.down("ops-1", &wire.Command{Head: r.head(), Command: locker.Command{
		ID: "x-1", Type: locker.CmdResync, Args: locker.CommandArgs{From: &from}, IAT: now, EXP: now.Add(time.Minute), Counter: 1,
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stored := uint64(0)
	_ = r.l.box.Run(ctx, func(_ context.Context, b outbox.Batch) error { // ends with ctx
		r.l.box.Taken(b.Last)
		if b.First == stored+1 {
			stored = b.Last
		}
		r.down("ops-1", &wire.Ack{Head: r.head(), UpTo: stored, At: locker.TimeOf(time.Now())})
		if stored >= last {
			cancel()
		}
		return nil
	})
	if stored < last {
		t.Errorf("the backend has %d events again, of %d: %+v", stored, last, r.l.box.Stats())
	}
}

func dropOf(v int64) []wire.Op {
	if v < 1 {
		return nil
	}
	return []wire.Op{{Drop: fmt.Sprint("c-", v)}}
}

// TestTimeOfTenant: a tenant's key moves no clock.
func TestTimeOfTenant(t *testing.T) {
	r := newRig(t)
	r.acme()
	m := r.delta(1, 1, digest())
	m.At = locker.TimeOf(time.Now().Add(time.Hour))
	r.down("acme-1", m)
	if r.clk.Status() != locker.ClockUnset || r.clk.Now() >= m.At {
		t.Errorf("%+v", r.clk.Read())
	}
	a := code("c-a")
	for name, bad := range map[string]*wire.Codes{
		"replayed": r.delta(0, 1, digest(a), puts(a)...), "gap": r.delta(7, 8, digest(a), puts(a)...), "digest": r.delta(1, 2, digest(), puts(a)...),
		"stale": r.chunk(1, 1, 1, digest(a), a), "chunk digest": r.chunk(9, 1, 1, digest(), a),
	} {
		bad.At = m.At
		r.down("ops-1", bad)
		if r.clk.Status() != locker.ClockUnset || r.clk.Now() >= m.At {
			t.Fatalf("%s: what came of nothing has moved the clock: %+v", name, r.clk.Read())
		}
	}
	r.down("ops-1", m)
	if r.clk.Status() != locker.ClockHeld || r.clk.Now() < m.At {
		t.Errorf("%+v", r.clk.Read())
	}
}

func TestTrust(t *testing.T) {
	r := newRig(t)
	file, err := os.ReadFile("../../testdata/vectors/trust.json")
	if err != nil {
		t.Fatal(err)
	}
	less := json.RawMessage(strings.Replace(string(file), `"globex-1"`, `"globex-2"`, 1))
	trust := func(version int64, jwks json.RawMessage) *wire.Trust {
		return &wire.Trust{Head: wire.Head{Bank: bankName}, Version: version, JWKS: jwks}
	}
	r.down("acme-1", trust(1, less))
	r.want("message.refused wrong_purpose")
	r.down("ops-1", trust(2, less))
	r.want("trust.applied v2")
	r.down("ops-1", trust(2, json.RawMessage(file)))
	r.want("message.refused stale")
	r.down("ops-1", trust(3, json.RawMessage(`{"keys":[]}`)))
	r.want("message.refused malformed")
	r.stop()
	r.start()
	m := r.chunk(1, 1, 1, digest())
	m.Set = "globex"
	r.down("globex-1", m) // its kid is gone
	r.want("message.refused unknown_key")
	if s := r.connect(); s.Trust.Version != 2 {
		t.Errorf("%+v", s.Trust)
	}
}

func TestDesired(t *testing.T) {
	r := newRig(t)
	doc := locker.Desired{Doors: []locker.DoorRule{{ID: locker.DoorID{Locker: 1, Door: 2}, Out: true}}}
	r.down("ops-1", &wire.Desired{Head: r.head(), Version: 3, Doc: doc})
	r.want("config.applied v3", "door.out_of_service")
	r.down("ops-1", &wire.Desired{Head: r.head(), Version: 3, Doc: doc})
	r.want("message.refused stale")
	bad := locker.Desired{Doors: []locker.DoorRule{{ID: locker.DoorID{Locker: 6, Door: 2}}}}
	r.down("ops-1", &wire.Desired{Head: r.head(), Version: 4, Doc: bad})
	r.want("config.rejected v4")
	r.bytes(wire.TopicDesired, r.raw("ops-1", fmt.Sprintf(`{"v":1,"typ":"desired","bank":%q,"journal":%q,"version":5,"doc":{"skus":[{"sku":"a","label":"("}]}}`, bankName, r.st.JournalID())), false)
	r.want("config.rejected v5")
	if s := r.connect(); s.Desired.Version != 3 {
		t.Errorf("%+v", s.Desired)
	}
}

func TestCommand(t *testing.T) {
	r := newRig(t)
	s := r.connect()
	now := locker.TimeOf(time.Now())
	c := &wire.Command{Head: r.head(), Command: locker.Command{
		ID: "x-1", Type: locker.CmdOutOfService, Args: locker.CommandArgs{Door: locker.DoorID{Locker: 1, Door: 1}}, IAT: now, EXP: now.Add(time.Minute), Counter: 5,
	}}
	r.down("acme-1", c)
	r.want("message.refused wrong_purpose")
	reply := func(want string) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, replies := r.said(); len(replies) == 1 && replies[0].Status+" "+replies[0].Reason == want {
				break
			} else if len(replies) > 0 || time.Now().After(end) {
				t.Fatalf("replies %+v, want %s", replies, want)
			}
		}
	}
	r.down("ops-1", c)
	reply("done ")
	r.want("door.out_of_service", "command.done x-1 out_of_service")
	r.down("ops-1", c)
	reply("done ")
	r.want()
	if r.clk.Status() != locker.ClockHeld {
		t.Error("a signed iat does not vouch for the clock")
	}
	open := *c
	open.ID, open.Type, open.Counter, open.Nonce, open.EXP = "x-2", locker.CmdOpen, 6, "AAAA", now.Add(20*time.Second)
	r.down("ops-1", &open)
	reply("refused wrong_nonce")
	open.ID, open.Nonce, open.Counter = "x-3", s.Nonce, 5
	r.down("ops-1", &open)
	reply("refused replayed")
	r.l.Disconnected()
	r.connect() // with another nonce
	open.ID, open.Counter = "x-4", 7
	r.down("ops-1", &open)
	reply("refused wrong_nonce")
}

// TestConnOverRestarts: with boot it names a connection, so it never comes again.
func TestConnOverRestarts(t *testing.T) {
	r := newRig(t)
	was := r.connect()
	r.stop()
	r.start()
	if is := r.connect(); is.Conn != was.Conn+2 || is.Nonce == was.Nonce {
		t.Errorf("%+v after %+v", is, was)
	}
}

func TestHealth(t *testing.T) {
	r := newRig(t)
	for i, text := range []string{"41500\n", "52000\n", "x"} {
		if err := os.WriteFile(filepath.Join(r.dir, fmt.Sprintf("zone%d", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.acme(code("c-a"))
	s := r.connect()
	h, err := r.l.Health(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if h.Conn != s.Conn || h.Boot != 1 || len(h.Buses) != 1 || h.Disk == nil || h.Disk.TotalBytes == 0 || h.TempC == nil || *h.TempC != 52 {
		t.Errorf("%+v", h)
	}
	if age, ok := h.CacheAge["acme"]; !ok || age > 5 || h.Journal.Pending != h.Journal.Next-1 {
		t.Errorf("%+v", h)
	}
	d, err := r.l.Doors(t.Context())
	if err != nil || len(d.Doors) != 4 || d.Seq == 0 || d.Doors[0].State != "closed" {
		t.Errorf("%+v %v", d, err)
	}
	again := r.connect()
	if again.Conn != s.Conn+1 || again.Nonce == s.Nonce || again.Codes["acme"].Count != 1 {
		t.Errorf("%+v after %+v", again, s)
	}
}

// TestRestartIsNoError: the bank ends while its session still brings the answers to its
// last words.
func TestRestartIsNoError(t *testing.T) {
	r := newRig(t)
	var log strings.Builder
	r.l.log = slog.New(slog.NewTextHandler(&log, nil))
	now := locker.TimeOf(time.Now())
	r.down("ops-1", &wire.Command{Head: r.head(), Command: locker.Command{ID: "k1", Type: locker.CmdRestart, IAT: now, EXP: now.Add(time.Minute), Counter: 1}})
	<-r.b.Restart()
	stop := r.stop
	r.stop = func() {}
	stop()
	r.down("ops-1", &wire.Ack{Head: r.head(), UpTo: r.b.AckedAtStart() + 1, At: now})
	if _, replies := r.said(); len(replies) != 1 || replies[0].Status != locker.ReplyDone || log.Len() > 0 {
		t.Errorf("replies %+v, log %s", replies, log.String())
	}
}

// TestStopped holds that a session whose bank has ended before it is told so: it is
// on its way out too, and no error.
func TestStopped(t *testing.T) {
	r := newRig(t)
	r.stop()
	r.stop = func() {}
	_, birth := r.l.Birth(t.Context())
	_, doors := r.l.Doors(t.Context())
	_, stock := r.l.Stock(t.Context())
	_, health := r.l.Health(t.Context())
	for name, err := range map[string]error{"birth": birth, "doors": doors, "stock": stock, "health": health} {
		if !errors.Is(err, uplink.ErrStopped) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
