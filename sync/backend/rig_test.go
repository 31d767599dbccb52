package backend

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/wire"
)

var allMay = []string{"ack", "codes", "desired", "command", "ticket", "trust"}

func testKey(kid, tenant string) (Key, wire.Key) {
	seed := sha256.Sum256([]byte("lockerd test key " + kid))
	priv := ed25519.NewKeyFromSeed(seed[:])
	pub, _ := priv.Public().(ed25519.PublicKey)
	may := allMay
	if tenant != locker.SetOperator {
		may = []string{"codes", "ticket"}
	}
	return Key{KID: kid, Signer: priv, Tenant: tenant}, wire.Key{KID: kid, Public: pub, May: may, Tenant: tenant}
}

func testKeys(tb testing.TB, kids ...string) ([]Key, *wire.Keys) {
	tb.Helper()
	var mine []Key
	var theirs []wire.Key
	for _, kid := range kids {
		tenant := locker.SetOperator
		if name, _, _ := strings.Cut(kid, "-"); name != "ops" {
			tenant = name
		}
		k, w := testKey(kid, tenant)
		mine, theirs = append(mine, k), append(theirs, w)
	}
	set, err := wire.NewKeys(theirs...)
	if err != nil {
		tb.Fatal(err)
	}
	return mine, set
}

type packet struct {
	bank, topic string
	payload     []byte
	retained    bool
}

// rig is a backend, model banks and the broker between them, in one goroutine.
type rig struct {
	t        testing.TB
	now      time.Time
	store    Store
	be       *Backend
	keys     []Key
	trust    *wire.Keys
	out      chan effect
	banks    map[string]*banktest.Bank
	retained map[string]packet
	up, down []packet
	sentDown int
	keep     int
	rand     io.Reader      // of ids and codes; nil: crypto/rand's
	seen     func(p packet) // each message from above
}

func newRig(tb testing.TB) *rig {
	tb.Helper()
	r := &rig{
		t: tb, now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), store: NewMemory(),
		banks: map[string]*banktest.Bank{}, retained: map[string]packet{},
	}
	r.keys, r.trust = testKeys(tb, "ops-1", "acme-1", "globex-1")
	r.start()
	return r
}

// start makes a backend on the store and connects it.
func (r *rig) start() {
	r.t.Helper()
	be, err := New(Config{Store: r.store, Keys: r.keys, Trust: r.trust, Now: func() time.Time { return r.now }, Keep: r.keep, Rand: r.rand})
	if err != nil {
		r.t.Fatal(err)
	}
	r.be = be
	r.link()
}

// link is a new connection of the backend: retained messages come.
func (r *rig) link() {
	r.t.Helper()
	r.be.dropLink(r.out)
	r.out = make(chan effect, outQueue)
	if err := r.be.beginLink(r.out); err != nil {
		r.t.Fatal(err)
	}
	r.up = nil
	for _, k := range slices.Sorted(maps.Keys(r.retained)) {
		r.up = append(r.up, r.retained[k])
	}
}

func (r *rig) at() locker.Time { return locker.TimeOf(r.now) }

// bank adds a model bank, not yet connected.
func (r *rig) bank(name, journal string) *banktest.Bank {
	b := banktest.New(name, journal, r.trust)
	b.Say = func(topic string, payload []byte, retained bool) { r.say(name, topic, payload, retained) }
	r.banks[name] = b
	return b
}

func (r *rig) say(bank, topic string, payload []byte, retained bool) {
	p := packet{bank, topic, payload, false}
	if retained {
		kept := p
		kept.retained = true
		r.retained[bank+"/"+topic] = kept
	}
	r.up = append(r.up, p)
}

// Publish implements Link.
func (r *rig) Publish(_ context.Context, topic string, payload []byte) error {
	bank, rest, _ := splitTopic(r.be.cfg.Prefix, topic)
	p := packet{bank, rest, payload, false}
	if r.seen != nil {
		r.seen(p)
	}
	r.down = append(r.down, p)
	r.sentDown++
	return nil
}

func (r *rig) Subscribe(context.Context, ...string) error { return nil }
func (r *rig) Done() <-chan struct{}                      { return nil }

// drain signs and sends what the backend has queued.
func (r *rig) drain() {
	r.t.Helper()
	for {
		select {
		case e := <-r.out:
			if err := r.be.publishOne(context.Background(), r, &e); err != nil {
				r.t.Fatal(err)
			}
		default:
			return
		}
	}
}

func (r *rig) message(p packet) Message {
	return Message{Topic: r.be.cfg.Prefix + "/" + p.bank + "/" + p.topic, Payload: p.payload, Retained: p.retained}
}

func (r *rig) deliverUp(p packet) {
	r.t.Helper()
	if err := r.be.takeGroup(r.message(p)); err != nil {
		r.t.Fatal(err)
	}
	r.drain()
}

func (r *rig) deliverDown(p packet) {
	if b := r.banks[p.bank]; b != nil {
		b.Receive(r.at(), p.topic, p.payload, p.retained)
	}
}

// allUp delivers what the banks have said, and nothing of what is said to it.
func (r *rig) allUp() {
	r.t.Helper()
	for len(r.up) > 0 {
		p := r.up[0]
		r.up = r.up[1:]
		r.deliverUp(p)
	}
}

// allDown delivers what was sent to the banks, and nothing of what they say to it.
func (r *rig) allDown() {
	r.t.Helper()
	r.drain()
	for _, p := range r.down {
		r.deliverDown(p)
	}
	r.down = nil
}

// settle delivers everything, in order, until nobody has anything to say.
func (r *rig) settle() {
	r.t.Helper()
	r.drain()
	for n := 0; len(r.up)+len(r.down) > 0; n++ {
		if n > 100_000 {
			r.t.Fatalf("still talking: up %v, down %v", r.up[0].topic, r.down)
		}
		if len(r.up) > 0 {
			p := r.up[0]
			r.up = r.up[1:]
			r.deliverUp(p)
		} else {
			p := r.down[0]
			r.down = r.down[1:]
			r.deliverDown(p)
		}
	}
}

// tick has the backend look what is due.
func (r *rig) tick() {
	r.t.Helper()
	if err := r.be.update(func(t *txn) (map[string]*bank, error) { return t.tick(), nil }); err != nil {
		r.t.Fatal(err)
	}
}

// pass lets time go by, with ticks of the backend and heartbeats.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	for end := r.now.Add(d); r.now.Before(end); {
		r.now = r.now.Add(5 * time.Second)
		r.tick()
		for _, name := range slices.Sorted(maps.Keys(r.banks)) {
			if b := r.banks[name]; b.Online && r.now.Second() < 5 {
				b.Health(r.at())
			}
		}
		r.settle()
	}
}

func (r *rig) connect(names ...string) {
	r.t.Helper()
	for _, n := range names {
		r.banks[n].Connect(r.at())
	}
	r.settle()
}

func (r *rig) issue(bank, set string, n int) []Issued {
	r.t.Helper()
	codes := make([]locker.Code, n)
	for i := range codes {
		codes[i] = locker.Code{Kind: locker.Collect, SKU: "laptop-14", NotAfter: r.at().Add(48 * time.Hour)}
	}
	list, err := r.be.Issue(context.Background(), bank, set, codes...)
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

// agree checks that a bank holds exactly what the backend means it to.
func (r *rig) agree(names ...string) {
	r.t.Helper()
	if why := r.difference(names...); why != "" {
		r.t.Fatal(why)
	}
}

func (r *rig) difference(names ...string) string {
	for _, name := range names {
		b := r.banks[name]
		st, ok := r.be.Bank(name)
		if !ok {
			return name + " is not known"
		}
		for set, s := range st.Sets {
			at := b.Sets[set]
			if at == nil {
				return fmt.Sprintf("%s has no set %s", name, set)
			}
			if at.Epoch != s.Epoch || at.Version != s.Version || at.Digest() != s.Digest || len(at.Live) != s.Live || !s.Applied {
				return fmt.Sprintf("%s set %s: bank %d/%d %d codes, backend %+v", name, set, at.Epoch, at.Version, len(at.Live), s)
			}
		}
		if st.Journal.ID != b.Journal || st.Journal.Stored != b.First+uint64(len(b.Events))-1 || b.Acked != st.Journal.Stored {
			return fmt.Sprintf("%s journal: bank %s %d acked %d, backend %+v", name, b.Journal, b.First+uint64(len(b.Events))-1, b.Acked, st.Journal)
		}
		if st.Desired.State == DocPending || !st.Trust.Current {
			return fmt.Sprintf("%s documents: %+v %+v", name, st.Desired, st.Trust)
		}
	}
	return ""
}

// stored returns the seqs stored of a bank's journal, in the order of arrival.
func (r *rig) stored(bank, journal string) []uint64 {
	r.t.Helper()
	var seqs []uint64
	for _, e := range r.events(bank) {
		if e.Journal == journal {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

func (r *rig) events(bank string) []Event {
	r.t.Helper()
	var all []Event
	for cursor := uint64(0); cursor < r.be.LastEvent(); {
		list, next, err := r.be.Events(bank, cursor, 1000)
		if err != nil {
			r.t.Fatal(err)
		}
		all, cursor = append(all, list...), next
	}
	return all
}

func findings(s Status, kind string) int {
	n := 0
	for _, f := range s.Findings {
		if f.Kind == kind {
			n += f.N
		}
	}
	return n
}
