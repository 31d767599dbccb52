package link

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/clock"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/store"
	"lockerd/sync/outbox"
	"lockerd/sync/uplink"
	"lockerd/sync/wire"
)

const bankName = "lon-042"

// rig is a link on a real bank and a real store. The doors are always shut.
type rig struct {
	t    *testing.T
	dir  string
	st   *store.Store
	clk  *clock.Clock
	b    *bank.Bank
	l    *Link
	stop func()
	bus  shut
	seen uint64 // events told
	o    store.Options
	time clock.Source // default: unset
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

// unset is a system clock that nobody trusts.
type unset struct{}

func (unset) Read() (time.Time, bool) { return time.Now(), false }
func (unset) String() string          { return "test" }

func (r *rig) start() {
	r.t.Helper()
	var err error
	r.o.ApplyDelay = 20 * time.Millisecond
	if r.st, err = store.Open(r.t.Context(), r.dir, r.o); err != nil {
		r.t.Fatal(err)
	}
	stored, _, err := r.st.Value(locker.ValueTrust)
	if err != nil {
		r.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	trust, err := NewTrust(bankName, "../../testdata/vectors/trust.json", stored, log)
	if err != nil {
		r.t.Fatal(err)
	}
	if r.time == nil {
		r.time = unset{}
	}
	floor, _, err := r.st.Value(locker.ValueFloor)
	if err != nil {
		r.t.Fatal(err)
	}
	n, _ := strconv.ParseInt(string(floor), 10, 64) // absent: a new bank
	r.clk = clock.New(r.time, locker.Time(n))
	cfg := bank.Config{
		Bank: bankName, Version: "test", Log: log, Tickets: trust.Ticket,
		Open: bank.Times{
			Pulse: 300 * time.Millisecond, Prove: time.Second, Tries: 1, AjarWarn: time.Minute, AjarAlarm: 2 * time.Minute,
			ReopenWindow: time.Minute, VisitIdle: time.Minute,
		},
		Buses: []bank.BusSpec{{Name: "a", Driver: "none", Boards: []int{1}}},
	}
	for n := uint8(1); n <= 4; n++ {
		cfg.Doors = append(cfg.Doors, bank.DoorSpec{ID: locker.DoorID{Locker: 1, Door: n}, Size: locker.SizeM, Sensor: true, Bus: "a", Lock: hal.Lock{Address: 1, Channel: int(n)}})
	}
	if r.b, err = bank.New(cfg, r.st, r.clk); err != nil {
		r.t.Fatal(err)
	}
	r.b.Attach("a", &r.bus)
	box, err := outbox.New(journalOf{r.st, r.b.AckedAtStart()}, outbox.Options{Bank: bankName, JournalID: r.st.JournalID()})
	if err != nil {
		r.t.Fatal(err)
	}
	r.l = New(Config{Bank: bankName, DataDir: r.dir, Thermal: filepath.Join(r.dir, "zone*"), Trust: trust, Log: log}, r.b, r.st, r.clk, box, r.st.JournalID())
	r.b.AttachLink(r.l)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.b.Run(ctx) }()
	r.b.Observed("a", hal.Observed{Address: 1, Begun: time.Now(), States: []hal.State{hal.Closed, hal.Closed, hal.Closed, hal.Closed}})
	<-r.b.Ready()
	r.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
		if err := r.st.Close(); err != nil {
			r.t.Error(err)
		}
	}
	r.connect()
	r.events()
}

func (r *rig) connect() wire.State {
	r.t.Helper()
	if _, err := r.l.Connect(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	s, err := r.l.Birth(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

type journalOf struct {
	*store.Store
	acked uint64
}

func (j journalOf) AckedUpTo() uint64 { return j.acked }

// shut is a bus whose locks never move. It counts who asks for it.
type shut struct{ unlocks atomic.Int64 }

func (s *shut) Unlock(hal.Unlock)  { s.unlocks.Add(1) }
func (*shut) Focus(int, time.Time) {}
func (*shut) Stats() hal.Stats     { return hal.Stats{Up: true} }
func (*shut) Close() error         { return nil }

func keyOf(tb testing.TB, kid string) ed25519.PrivateKey {
	tb.Helper()
	b, err := os.ReadFile("../../testdata/vectors/private.json")
	if err != nil {
		tb.Fatal(err)
	}
	var v struct{ Seeds map[string]string }
	if err := json.Unmarshal(b, &v); err != nil {
		tb.Fatal(err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(v.Seeds[kid])
	if err != nil || len(seed) == 0 {
		tb.Fatal(kid, err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

func (r *rig) head() wire.Head { return wire.Head{Bank: bankName, Journal: r.st.JournalID()} }

// down signs a message and has the link receive it.
func (r *rig) down(kid string, m wire.Down) {
	r.t.Helper()
	b, err := wire.Sign(keyOf(r.t, kid), kid, m)
	if err != nil {
		r.t.Fatal(err)
	}
	r.bytes(topicOf(m), b, false)
}

func topicOf(m wire.Down) string {
	switch m.(type) {
	case *wire.Ack:
		return wire.TopicAck
	case *wire.Codes:
		return wire.TopicCodes
	case *wire.Desired:
		return wire.TopicDesired
	case *wire.Command:
		return wire.TopicCommand
	}
	return wire.TopicTrust
}

func (r *rig) bytes(topic string, b []byte, retained bool) {
	r.l.Receive(r.t.Context(), uplink.Inbound{Topic: topic, Payload: b, Retained: retained})
}

// raw signs any payload.
func (r *rig) raw(kid, payload string) []byte {
	r.t.Helper()
	e := base64.RawURLEncoding
	in := e.EncodeToString([]byte(`{"alg":"EdDSA","kid":"`+kid+`"}`)) + "." + e.EncodeToString([]byte(payload))
	return []byte(in + "." + e.EncodeToString(ed25519.Sign(keyOf(r.t, kid), []byte(in))))
}

// events returns what was journaled since the last call.
func (r *rig) events() []locker.Event {
	r.t.Helper()
	lines, err := r.st.Events(r.seen+1, 1<<16)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []locker.Event
	for _, l := range lines {
		var e locker.Event
		if err := json.Unmarshal(l, &e); err != nil {
			r.t.Fatal(err)
		}
		r.seen = e.Seq
		out = append(out, e)
	}
	return out
}

// want wants exactly these events, each told in a few words.
func (r *rig) want(want ...string) {
	r.t.Helper()
	var got []string
	for _, e := range r.events() {
		if e.Type == locker.EvClockChanged {
			continue
		}
		words := []string{e.Type, string(e.Reason), e.Set, e.Op, e.ID, e.Command}
		if _, ok := e.Version.Int(); ok {
			words = append(words, "v"+e.Version.String())
		}
		if e.Reason == "malformed" && e.Why == whyDigest {
			words = append(words, e.Why)
		}
		if e.Count != nil {
			words = append(words, "count", locker.Number(int64(*e.Count)).String())
		}
		got = append(got, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	}
	if !slices.Equal(got, want) {
		r.t.Fatalf("events:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// said returns what the link has to say; gets and replies by topic.
func (r *rig) said() (gets []wire.Get, replies []wire.Reply) {
	r.t.Helper()
	for {
		select {
		case m := <-r.l.out:
			if m.Topic == wire.TopicGet {
				g, err := wire.DecodeGet(m.Payload)
				if err != nil {
					r.t.Fatal(err)
				}
				gets = append(gets, g)
				continue
			}
			p, err := wire.DecodeReply(m.Payload)
			if err != nil {
				r.t.Fatal(err)
			}
			replies = append(replies, p)
		default:
			return gets, replies
		}
	}
}

// get wants one get and no more.
func (r *rig) get() wire.Get {
	r.t.Helper()
	gets, _ := r.said()
	if len(gets) != 1 {
		r.t.Fatalf("%d gets: %+v", len(gets), gets)
	}
	return gets[0]
}

func code(id string) locker.Code {
	return locker.Code{ID: id, Tag: locker.TagOf(bankName, "text of "+id), Kind: locker.Collect, SKU: "laptop-14"}
}

func codeAt(id string, door uint8) locker.Code {
	c := code(id)
	c.SKU, c.Door = "", locker.DoorID{Locker: 1, Door: door}
	return c
}

func digest(codes ...locker.Code) *locker.Digest {
	d := &locker.Digest{}
	for i := range codes {
		d.Toggle(codes[i].DigestPart())
	}
	return d
}

func puts(codes ...locker.Code) []wire.Op {
	var ops []wire.Op
	for i := range codes {
		ops = append(ops, wire.Op{Put: &codes[i]})
	}
	return ops
}

// delta is one of acme's set.
func (r *rig) delta(from, to int64, d *locker.Digest, ops ...wire.Op) *wire.Codes {
	return &wire.Codes{Head: r.head(), Set: "acme", Epoch: 10, From: &from, To: to, Ops: ops, Digest: d}
}

// chunk is one of a snapshot of acme's set.
func (r *rig) chunk(to int64, n, of int, d *locker.Digest, codes ...locker.Code) *wire.Codes {
	return &wire.Codes{Head: r.head(), Set: "acme", Epoch: 10, To: to, Chunk: n, Chunks: of, Put: codes, Digest: d}
}

// acme brings acme's set to version 1 of epoch 10.
func (r *rig) acme(codes ...locker.Code) {
	r.t.Helper()
	r.down("acme-1", r.chunk(1, 1, 1, digest(codes...), codes...))
	r.events()
	if i := r.st.Set("acme"); i.Version != 1 || i.Count != len(codes) {
		r.t.Fatalf("%+v", i)
	}
}

func (r *rig) set(want int64, codes ...locker.Code) {
	r.t.Helper()
	if i := r.st.Set("acme"); i.Version != want || i.Count != len(codes) || i.Digest != *digest(codes...) {
		r.t.Fatalf("the set is %+v, want version %d with %d codes", i, want, len(codes))
	}
}

func refusalOf() bank.Refusal { return bank.Refusal{Topic: "ack", Reason: "malformed"} }
