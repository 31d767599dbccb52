package bench

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/store"
	"lockerd/sync/brokertest"
	"lockerd/sync/wire"
)

// Sizes of the link's benchmark.
const (
	backlog       = 50_000
	snapshotCodes = 200_000
	chunkCodes    = 250
)

// linked is a bank of the benchmark, with a backend of its own.
type linked struct {
	*contestant
	up  *upstream // nil: no link
	url string
}

// BenchmarkDoorsDoNotWait: scan to unlock of a bank that drains 50,000 events, and
// again whenever it has, of one behind a black hole, and of one that is sent snapshots
// of 200,000 codes, against one without a broker. All run side by side, each with a
// broker of its own: they have one name, and a broker lets a name in once.
func BenchmarkDoorsDoNotWait(b *testing.B) {
	dir := scratch(b, "")
	slow, hole := newUpstream(b), newUpstream(b)
	far, gone := brokertest.NewProxy(b, slow.addr), brokertest.NewProxy(b, hole.addr)
	far.Delay(100 * time.Millisecond)
	snap := newUpstream(b)
	banks := []*linked{
		{&contestant{name: "no broker"}, nil, ""},
		{&contestant{name: "draining"}, slow, "mqtt://" + far.Addr()},
		{&contestant{name: "black hole"}, hole, "mqtt://" + gone.Addr()},
		{&contestant{name: "snapshots"}, snap, "mqtt://" + snap.addr},
		{&contestant{name: "control"}, nil, ""}, // what chance makes of two that are alike
	}
	all := make([]*contestant, len(banks))
	for i, k := range banks {
		place := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(place, 0o700); err != nil {
			b.Fatal(err)
		}
		data := filepath.Join(place, "data")
		fillStore(b, data, 100_000)
		if k.up == slow || k.up == hole {
			fillJournal(b, data, backlog)
		}
		k.line = newLine(b)
		p := start(b, "lockerd", "run", "--config", k.config(b, place, data))
		b.Cleanup(p.stop)
		all[i] = k.contestant
	}
	for _, k := range banks {
		k.await(b)
	}
	gone.BlackHole(true)
	stop := snap.snapshots()
	defer stop()
	begun, before := time.Now(), slow.events.Load()
	measure(b, all, rounds(1600)) // sixteen of them lie beyond the p99 of each
	stop()
	rate := float64(slow.events.Load()-before) / time.Since(begun).Seconds()
	for _, c := range all[1:] {
		report(b, "beside a link", []*contestant{c, all[0]})
	}
	b.Logf("meanwhile %.0f events/s came up, %d backlogs of %d; %d snapshots were applied", rate, slow.drains.Load(), backlog, snap.applied.Load())
	if snap.applied.Load() == 0 {
		b.Error("no snapshot was applied")
	}
	for _, k := range banks {
		if k.up == nil {
			continue
		}
		if n := k.up.births.Load(); n != 1 {
			b.Errorf("%s: the bank has connected %d times", k.name, n)
		}
	}
}

// fillJournal gives a bank events that nobody has acknowledged, new enough to be kept
// when somebody has.
func fillJournal(b *testing.B, data string, n int) {
	b.Helper()
	s, err := store.Open(b.Context(), data, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for n > 0 {
		c := &locker.Commit{}
		for range min(n, 500) {
			c.Events = append(c.Events, locker.Event{At: locker.TimeOf(time.Now()), Clock: locker.ClockSynced, Type: locker.EvScanRefused, Scanner: "front", Reason: locker.Unknown})
		}
		n -= len(c.Events)
		if _, err := s.Commit(c); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

// config writes the bank's file, with its link.
func (k *linked) config(b *testing.B, dir, data string) string {
	b.Helper()
	path := config(b, dir, data, k.line.scannerPort, k.line.busPort)
	if k.up == nil {
		return path
	}
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	text = append(text, fmt.Sprintf("[mqtt]\nurl = %q\n[trust]\nkeys_file = %q\n", k.url, k.up.trust)...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// await waits until the bank is born.
func (k *linked) await(b *testing.B) {
	b.Helper()
	if k.up == nil {
		return
	}
	select {
	case <-k.up.born:
	case <-time.After(time.Minute):
		b.Fatalf("the bank %q does not come to the broker", k.name)
	}
}

// upstream is the broker and the backend of one bank. It acknowledges whatever comes,
// asks again for a backlog that it has, and sends snapshots.
type upstream struct {
	addr    string
	trust   string
	key     ed25519.PrivateKey
	client  mqtt.Client
	births  atomic.Int64
	born    chan struct{} // closed by the first
	events  atomic.Int64
	applied atomic.Int64 // snapshots

	// Of the library's goroutine, journal from born on everybody's.
	journal string
	behind  bool         // the backlog is coming up
	drains  atomic.Int64 // backlogs that have come up whole
}

func newUpstream(b *testing.B) *upstream {
	b.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	keys, err := wire.NewKeys(wire.Key{KID: "ops-1", Public: public, Tenant: "*", May: []string{"ack", "codes", "desired", "command", "ticket", "trust"}})
	if err != nil {
		b.Fatal(err)
	}
	file, err := json.Marshal(keys)
	if err != nil {
		b.Fatal(err)
	}
	broker := brokertest.StartMosquitto(b, brokertest.Options{})
	u := &upstream{addr: broker.Addr(), trust: filepath.Join(b.TempDir(), "trust.json"), key: private, born: make(chan struct{})}
	if err := os.WriteFile(u.trust, file, 0o600); err != nil {
		b.Fatal(err)
	}
	o := mqtt.NewClientOptions().AddBroker("tcp://" + u.addr).SetClientID("backend").SetOrderMatters(true)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { u.take(m) })
	u.client = mqtt.NewClient(o)
	for _, step := range []func() mqtt.Token{u.client.Connect, func() mqtt.Token { return u.client.Subscribe("lockers/#", 1, nil) }} {
		if t := step(); !t.WaitTimeout(20*time.Second) || t.Error() != nil {
			b.Fatal("cannot reach the broker: ", t.Error())
		}
	}
	b.Cleanup(func() { u.client.Disconnect(0) })
	return u
}

func (u *upstream) take(m mqtt.Message) {
	_, word, _ := strings.Cut(m.Topic(), "/"+bankName+"/")
	switch word {
	case wire.TopicState:
		if s, err := wire.DecodeState(m.Payload()); err == nil && s.Status == wire.Online && u.births.Add(1) == 1 {
			u.journal = s.Journal.ID
			close(u.born)
		}
	case wire.TopicEvents:
		e, err := wire.DecodeEvents(m.Payload())
		if err != nil {
			return
		}
		u.events.Add(int64(len(e.Events)))
		u.applied.Add(int64(bytes.Count(m.Payload(), []byte(`"type":"`+locker.EvCodesApplied+`"`))))
		var last locker.Event
		if json.Unmarshal(e.Events[len(e.Events)-1], &last) == nil {
			u.send(wire.TopicAck, &wire.Ack{Head: u.head(), UpTo: last.Seq, At: locker.TimeOf(time.Now())})
			u.again(last.Seq)
		}
	}
}

// again asks for all events anew when the backlog has come up.
func (u *upstream) again(last uint64) {
	if last < backlog {
		u.behind = true
		return
	}
	if !u.behind {
		return // it was asked already
	}
	u.behind = false
	n, first, now := u.drains.Add(1), uint64(1), time.Now()
	u.send(wire.TopicCommand, &wire.Command{Head: u.head(), Command: locker.Command{
		ID: fmt.Sprint("again-", n), Type: locker.CmdResync, Args: locker.CommandArgs{From: &first},
		IAT: locker.TimeOf(now), EXP: locker.TimeOf(now.Add(time.Hour)), Counter: n,
	}})
}

func (u *upstream) head() wire.Head { return wire.Head{Bank: bankName, Journal: u.journal} }

func (u *upstream) send(topic string, m wire.Down) {
	payload, err := wire.Sign(u.key, "ops-1", m)
	if err == nil {
		u.client.Publish("lockers/v1/"+bankName+"/"+topic, 0, false, payload)
	}
}

// snapshots sends one snapshot after another to a bank that is born until stop is called.
func (u *upstream) snapshots() (stop func()) {
	codes, digest := make([]locker.Code, snapshotCodes), locker.Digest{}
	for i := range codes {
		codes[i] = randomCode(i)
		digest.Toggle(codes[i].DigestPart())
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for version := int64(1); ; version++ {
			for i := 0; i < len(codes); i += chunkCodes {
				select {
				case <-quit:
					return
				default:
				}
				u.send(wire.TopicCodes, &wire.Codes{
					Head: u.head(), Set: "*", Epoch: 1_790_000_000, To: version,
					Chunk: i/chunkCodes + 1, Chunks: len(codes) / chunkCodes, Put: codes[i : i+chunkCodes], Digest: &digest,
				})
				time.Sleep(5 * time.Millisecond) // some 100 Mbit/s less than a broker on the same machine could send
			}
		}
	}()
	return sync.OnceFunc(func() { close(quit); <-done })
}
