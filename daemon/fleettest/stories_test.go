package fleettest

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/brokertest"
	"lockerd/sync/wire"
)

const (
	stories       = 3 // that TestStories plays; LOCKERD_STORIES sets another number
	storiesSide   = 3 // side by side: most of a story is waiting
	storyActions  = 60
	linkMoves     = 3               // faults that end a bank's connection in one life of it: each doubles its back-off
	storyPatience = 2 * time.Minute // more than a link needs to come back, and the backend to repeat what was lost
)

// TestStories plays random stories of a few banks, their people, tenants and operator, while
// links, brokers, banks and the backend fail in every order. Then all is healed, all must
// converge, and the whole is held against what the test has seen and done. LOCKERD_SEED gives
// the first seed, and more actions are played the more stories there are.
func TestStories(t *testing.T) {
	usual := stories
	if testing.Short() {
		usual = 1
	}
	n, first := number(t, "LOCKERD_STORIES", usual), number(t, "LOCKERD_SEED", 1)
	actions := storyActions
	if n > stories {
		actions *= 2
	}
	before, heap := runtime.NumGoroutine(), heapNow()
	places := make(chan struct{}, storiesSide)
	var playing sync.WaitGroup
	for seed := range n {
		places <- struct{}{}
		playing.Go(func() {
			defer func() { <-places }()
			t.Run(fmt.Sprint(first+seed), func(t *testing.T) { newStory(t, uint64(first+seed), n > stories).play(actions) }) //nolint:gosec // small
		})
	}
	playing.Wait()
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b := make([]byte, 1<<20)
			t.Fatalf("%d goroutines are left of %d stories:\n%s", runtime.NumGoroutine()-before, n, b[:runtime.Stack(b, true)])
		}
	}
	const most = 16 << 20
	if left := heapNow() - heap; left > most {
		t.Errorf("%d bytes are left of %d stories", left, n)
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(variable), strconv.Itoa(otherwise)))
	if err != nil {
		t.Fatalf("%s is no number: %v", variable, err)
	}
	return n
}

func heapNow() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // small
}

// story is a few banks, all that is above them, and the model that they are held against.
type story struct {
	t    *testing.T
	seed uint64
	r    *rand.Rand
	long bool // more may happen, and healing take longer

	broker *brokertest.Mosquitto
	above  *brokertest.Proxy // the backend's link
	banks  []*box
	sets   []string // the tenants', and *
	keys   []backend.Key
	trust  *wire.Keys // what banks are set up with
	now    *wire.Keys // what they should have

	mem    *backend.Memory
	be     *backend.Backend // nil: it is stopped
	leave  func()
	backup *backup

	operator mqtt.Client // of the broker: hears all that goes down, and can say it again
	mu       sync.Mutex
	heard    []mqtt.Message
	twins    []mqtt.Client

	coupons []*coupon
	orders  []order
	docs    map[string]int // of the doors that a bank's desired document has out of service
	base    map[*box]int   // goroutines when all was well at first

	healed             bool
	restored, replayed int
	unsaid             int // revocations that a bank had and a restored backend no more
	did                []string
}

// backup is an older state of the backend's store, and of what it knew.
type backup struct {
	mem     *backend.Memory
	coupons int
	revoked map[*coupon]bool
	docs    map[string]int
	trust   *wire.Keys
}

// order is a command that the backend took.
type order struct {
	b    *box
	id   string
	door int // of an opening; else 0
}

func newStory(t *testing.T, seed uint64, long bool) *story {
	t.Helper()
	s := &story{t: t, seed: seed, long: long, r: rand.New(rand.NewPCG(seed, 1)), mem: backend.NewMemory(), docs: map[string]int{}, base: map[*box]int{}}
	s.sets = append([]string{tenant, "globex"}[:1+s.r.IntN(2)], locker.SetOperator)
	s.makeKeys()
	trust := filepath.Join(t.TempDir(), "trust.json")
	raw, err := s.trust.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(trust, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	o := brokertest.Options{Persistent: s.r.IntN(2) == 0}
	s.broker = brokertest.StartMosquitto(t, o)
	s.note("broker: persistent %v; sets %v", o.Persistent, s.sets)
	s.above = brokertest.NewProxy(t, s.broker.Addr())
	t.Cleanup(func() { s.stopBackend() })
	s.listen()
	s.serve()
	quit := make(chan struct{})
	var attending sync.WaitGroup
	t.Cleanup(attending.Wait)
	t.Cleanup(func() { close(quit) })
	for i := range 2 + s.r.IntN(2) {
		b := newBox(t, name(i), trust, i > 0 || s.r.IntN(2) == 0, s.broker.Addr())
		t.Cleanup(func() { b.end(true) })
		s.banks = append(s.banks, b)
		attending.Go(func() { b.attend(quit) })
		b.start()
	}
	t.Cleanup(s.tell)
	return s
}

func (s *story) makeKeys() {
	var all []wire.Key
	for _, k := range []wire.Key{{KID: "ops-0", Tenant: "*"}, {KID: "acme-1", Tenant: tenant}, {KID: "globex-1", Tenant: "globex"}} {
		all = append(all, s.newKey(k))
	}
	s.trust = s.keySet(all...)
	s.now = s.trust
}

func (s *story) newKey(k wire.Key) wire.Key {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	k.Public, k.May = public, []string{"codes", "ticket"}
	if k.Tenant == "*" {
		k.May = []string{"ack", "codes", "desired", "command", "ticket", "trust"}
	}
	s.keys = append(s.keys, backend.Key{KID: k.KID, Signer: private, Tenant: k.Tenant})
	return k
}

func (s *story) keySet(all ...wire.Key) *wire.Keys {
	set, err := wire.NewKeys(all...)
	if err != nil {
		s.t.Fatal(err)
	}
	return set
}

func (s *story) note(format string, args ...any) {
	s.did = append(s.did, time.Now().UTC().Format("05.000 ")+fmt.Sprintf(format, args...))
}

func (s *story) errorf(format string, args ...any) {
	s.t.Helper()
	s.note("WRONG: "+format, args...)
	s.t.Errorf(format, args...)
}

// tell prints what has happened, if it should not have.
func (s *story) tell() {
	if !s.t.Failed() {
		return
	}
	var all strings.Builder
	for _, b := range s.banks {
		b.end(true)
		_, lines := b.journal()
		fmt.Fprintf(&all, "%s (apart: %v) has logged\n%s\nand its journal is\n%s\n", b.name, b.apart, b.tail(), strings.Join(lines, "\n"))
	}
	s.t.Logf("LOCKERD_SEED=%d, long %v\n%s\n%s", s.seed, s.long, strings.Join(s.did, "\n"), all.String())
}

// serve has a backend on the store there is. It connects again soon: this is no test of its
// back-off.
func (s *story) serve() {
	s.t.Helper()
	be, err := backend.New(backend.Config{Store: s.mem, Keys: s.keys, Trust: s.trust})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o := mqttlink.Options{URL: "mqtt://" + s.above.Addr(), ClientID: "backend", QoS: 1}
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			if l, err := mqttlink.Dial(ctx, o, be.Receive); err == nil {
				_ = be.Serve(ctx, l) // ends with the link, for whatever reason
				l.Close()
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	s.be = be
	s.leave = func() {
		cancel()
		running.Wait()
	}
}

func (s *story) stopBackend() {
	if s.be != nil {
		s.leave()
		s.be = nil
	}
}

// client connects to the broker past all bad links. nil: it is down.
func (s *story) client(id string) mqtt.Client {
	o := mqtt.NewClientOptions().AddBroker("tcp://" + s.broker.Addr()).SetClientID(id).SetAutoReconnect(false)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) {
		if id != meddler {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.heard = append(s.heard, m)
	})
	c := mqtt.NewClient(o)
	if tok := c.Connect(); !tok.WaitTimeout(20*time.Second) || tok.Error() != nil {
		return nil
	}
	return c
}

// listen has the broker's operator hear what goes down.
func (s *story) listen() {
	if s.operator != nil {
		s.operator.Disconnect(0)
	}
	if s.operator = s.client(meddler); s.operator == nil {
		return
	}
	if tok := s.operator.Subscribe("lockers/v1/+/down/+", 1, nil); !tok.WaitTimeout(20*time.Second) || tok.Error() != nil {
		s.t.Fatal("the broker's operator can't subscribe: ", tok.Error())
	}
}

// play is the whole of a story.
func (s *story) play(actions int) {
	s.t.Cleanup(func() {
		if s.operator != nil {
			s.operator.Disconnect(0)
		}
		s.dropTwins()
	})
	begun := time.Now()
	s.converge("at first")
	for _, b := range s.banks {
		if b.apart {
			s.base[b] = b.goroutines()
		}
	}
	for range actions {
		s.act()
		s.look()
		if s.t.Failed() {
			return
		}
		time.Sleep(time.Duration(s.r.IntN(60)) * time.Millisecond) // at any point of what the last action has begun
	}
	played := time.Since(begun)
	s.heal()
	s.converge("after all")
	s.healed = true
	s.look()
	for _, c := range s.coupons {
		c.shaky = false
	}
	healed := time.Since(begun)
	s.scanAll()
	s.converge("after the last scans")
	s.judge()
	s.t.Logf("%d actions in %s, healed after %s, judged after %s; %d restores, %d repeated messages, %d revocations forgotten", actions,
		played.Round(time.Millisecond), healed.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond), s.restored, s.replayed, s.unsaid)
}

// act does one thing at random.
func (s *story) act() {
	b := s.banks[s.r.IntN(len(s.banks))]
	list := []struct {
		weight int
		name   string
		do     func(*box) string
	}{
		{9, "issue", s.issue},
		{3, "ticket", s.ticket},
		{6, "revoke", s.revoke},
		{12, "scan", s.scanOne},
		{1, "scan unknown", s.scanUnknown},
		{3, "open", s.open},
		{3, "command", s.command},
		{2, "desired", s.desired},
		{1, "rotate", s.rotate},
		{2, "reset link", s.resetLink},
		{1, "half open", s.halfOpen},
		{2, "hole", s.hole},
		{1, "slow", s.slow},
		{1, "cut", s.cut},
		{3, "good link", s.goodLink},
		{1, "backend's link", s.badAbove},
		{1, "broker", s.killBroker},
		{1, "twin", s.twin},
		{3, "replay", s.replay},
		{1, "stop", s.stop},
		{1, "kill", s.kill},
		{2, "scan and kill", s.scanAndKill},
		{4, "start", s.start},
		{2, "backend", s.turnBackend},
		{2, "backup", s.takeBackup},
		{2, "restore", s.restore},
	}
	sum := 0
	for i := range list {
		sum += list[i].weight
	}
	n := s.r.IntN(sum)
	for i := range list {
		if n -= list[i].weight; n < 0 {
			if said := list[i].do(b); said != "" {
				s.note("%s %s: %s", list[i].name, b.name, said)
			}
			return
		}
	}
}
