package link

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/scanner"
	"lockerd/sync/ticket"
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
			confirmed := r.delta(honest, honest, digest(a))
			confirmed.At = locker.TimeOf(time.Now())
			say("acme-1", confirmed)
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
		r.b.Scanned(scanner.Scan{Scanner: text, Text: text, At: time.Now()})
	}
	if _, err := r.b.Born(t.Context()); err != nil { // behind the scans
		t.Fatal(err)
	}
	done := map[string]int{}
	for _, e := range r.events() {
		done[e.Type]++
		if e.Type == locker.EvScanRefused && e.Reason != locker.Unknown {
			t.Errorf("a rogue's code is %s", e.Reason)
		}
	}
	if n := r.bus.unlocks.Load(); n > 0 || done[locker.EvScanRefused] != len(roguetest.Texts()) || done[locker.EvCodeAccepted] > 0 {
		t.Errorf("%d unlocks: %v", n, done)
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

// TestTenantAtTheDoor: what one tenant's key signs for its own set opens, reserves and
// counts nothing of another's, each attempt refused with its reason.
func TestTenantAtTheDoor(t *testing.T) {
	r := newRig(t)
	door := func(n uint8) locker.DoorID { return locker.DoorID{Locker: 1, Door: n} }
	theirs := func(n uint8, serial string, c locker.Condition) {
		t.Helper()
		if err := r.b.SetStock(t.Context(), door(n), &locker.Item{Tenant: "globex", SKU: "laptop-14", Serial: serial, Condition: c}, "test"); err != nil {
			t.Fatal(err)
		}
	}
	r.down("ops-1", &wire.Desired{Head: r.head(), Version: 1, Doc: locker.Desired{Doors: []locker.DoorRule{{ID: door(1), Tenant: "globex"}, {ID: door(4), Tenant: "globex"}}}})
	theirs(1, "SN-1", locker.Ready) // theirs alone
	theirs(2, "SN-2", locker.Ready) // a shared door
	theirs(3, "SN-3", locker.Faulty)
	stock, _, err := r.b.StockNow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	table := []struct {
		name string
		edit func(*locker.Code)
		want locker.Reason
	}{
		{"another's item", func(c *locker.Code) { c.Door = door(2) }, locker.NoStock},
		{"another's door", func(c *locker.Code) { c.Door = door(1) }, locker.NoStock},
		{"another's empty door", func(c *locker.Code) { c.Door = door(4) }, locker.NoStock},
		{"another's sku", func(c *locker.Code) { c.SKU = "laptop-14" }, locker.NoStock},
		{"clear", func(c *locker.Code) { c.Kind = locker.Clear }, locker.NoStock},
		{"clear a door", func(c *locker.Code) { c.Kind, c.Door = locker.Clear, door(3) }, locker.NoStock},
		{"deliver into another's door", func(c *locker.Code) { c.Kind, c.SKU, c.Door = locker.Deliver, "laptop-14", door(4) }, locker.NoFreeDoor},
		{"deliver, all doors another's", func(c *locker.Code) { c.Kind, c.SKU = locker.Deliver, "laptop-14" }, locker.NoFreeDoor},
		{"return", func(c *locker.Code) { c.Kind, c.Size = locker.Return, locker.SizeM }, locker.NoFreeDoor},
		{"swap", func(c *locker.Code) { c.Kind, c.Size, c.To = locker.Swap, locker.SizeM, "laptop-14" }, locker.NoStock},
	}
	var all []locker.Code
	for i, x := range table {
		c := locker.Code{ID: fmt.Sprintf("c-%d", i), Tag: locker.TagOf(bankName, x.name), Kind: locker.Collect}
		x.edit(&c)
		all = append(all, c)
	}
	r.acme(all...)
	scan := func(text string, want locker.Reason) {
		t.Helper()
		r.events()
		r.b.Scanned(scanner.Scan{Scanner: text[:min(len(text), 20)], Text: text, At: time.Now()})
		if _, err := r.b.Born(t.Context()); err != nil { // behind the scan
			t.Fatal(err)
		}
		if e := r.events(); len(e) != 1 || e[0].Type != locker.EvScanRefused || e[0].Reason != want || e[0].Tenant == "globex" || e[0].Serial != "" {
			t.Errorf("%.20s: %+v, want %s", text, e, want)
		}
	}
	for _, x := range table {
		scan(x.name, x.want)
	}
	at := locker.TimeOf(time.Now())
	for i, x := range []struct {
		t    ticket.Ticket
		want locker.Reason
	}{
		{ticket.Ticket{Kind: locker.Collect, Door: door(1), Tenant: "acme"}, locker.NoStock},
		{ticket.Ticket{Kind: locker.Collect, Door: door(2), Tenant: "acme"}, locker.NoStock},
		{ticket.Ticket{Kind: locker.Collect, SKU: "laptop-14", Tenant: "acme"}, locker.NoStock},
		{ticket.Ticket{Kind: locker.Deliver, SKU: "laptop-14", Door: door(4), Tenant: "acme"}, locker.NoFreeDoor},
		{ticket.Ticket{Kind: locker.Collect, Door: door(1), Tenant: "globex"}, locker.BadSignature},
		{ticket.Ticket{Kind: locker.Collect, Door: door(4)}, locker.BadSignature},
		{ticket.Ticket{Kind: locker.Service, Tenant: "acme"}, locker.BadSignature},
	} {
		x.t.Bank, x.t.ID, x.t.NotBefore, x.t.Lifetime = bankName, [8]byte{byte(i)}, at, time.Hour
		text, err := ticket.Sign(x.t, "acme-1", keyOf(t, "acme-1"))
		if err != nil {
			t.Fatal(err)
		}
		scan(text, x.want)
	}
	if n := r.bus.unlocks.Load(); n > 0 {
		t.Errorf("%d unlocks", n)
	}
	if now, _, err := r.b.StockNow(t.Context()); err != nil || !reflect.DeepEqual(now, stock) {
		t.Errorf("the stock is %+v, was %+v (%v)", now, stock, err)
	}
	own := r.chunk(1, 1, 1, digest(codeAt("c-own", 1)), codeAt("c-own", 1))
	own.Set = "globex"
	r.down("globex-1", own)
	r.b.Scanned(scanner.Scan{Scanner: "front", Text: "text of c-own", At: time.Now()})
	for end := time.Now().Add(10 * time.Second); r.bus.unlocks.Load() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("its own code does not open it")
		}
	}
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
