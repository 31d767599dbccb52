package bench

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// BenchmarkDoorsDoNotWait: scan to unlock of a bank that drains 50,000 events, of
// one behind a black hole, and of one that is sent snapshots of 200,000 codes,
// against one without a broker. All run side by side.
func BenchmarkDoorsDoNotWait(b *testing.B) {
	dir := scratch(b, "")
	up := newUpstream(b, brokertest.StartMosquitto(b, brokertest.Options{}))
	hole := brokertest.NewProxy(b, up.addr)
	slow := brokertest.NewProxy(b, up.addr)
	slow.Delay(100 * time.Millisecond)
	names := []string{"no broker", "draining", "black hole", "snapshots"}
	urls := []string{"", "mqtt://" + slow.Addr(), "mqtt://" + hole.Addr(), "mqtt://" + up.addr}
	all := make([]*contestant, len(names))
	for i, name := range names {
		all[i] = &contestant{name: name, line: newLine(b)}
		place := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(place, 0o700); err != nil {
			b.Fatal(err)
		}
		data := filepath.Join(place, "data")
		fillStore(b, data, 100_000)
		if name == "draining" || name == "black hole" {
			fillJournal(b, data, backlog)
		}
		p := start(b, "lockerd", "run", "--config", linkConfig(b, place, data, all[i].line, urls[i], name, up))
		b.Cleanup(p.stop)
	}
	up.await(b, "black hole", "draining", "snapshots")
	hole.BlackHole(true)
	stop := up.snapshots("snapshots")
	defer stop()
	measure(b, all, rounds(400))
	for _, c := range all[1:] {
		report(b, "beside a link", []*contestant{c, all[0]})
	}
	b.Logf("%d batches came up, %d snapshots went down meanwhile", up.batches.Load(), up.sent.Load())
}

// fillJournal gives a bank events that nobody has acknowledged.
func fillJournal(b *testing.B, data string, n int) {
	b.Helper()
	s, err := store.Open(b.Context(), data, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for n > 0 {
		c := &locker.Commit{}
		for range min(n, 500) {
			c.Events = append(c.Events, locker.Event{At: 1_790_000_000_000, Clock: locker.ClockSynced, Type: locker.EvScanRefused, Scanner: "front", Reason: locker.Unknown})
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

// linkConfig is the bank of config with a link; its name is its contestant's.
func linkConfig(b *testing.B, dir, data string, l *line, url, name string, up *upstream) string {
	b.Helper()
	path := config(b, dir, data, l.scannerPort, l.busPort)
	if url == "" {
		return path
	}
	text, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	// The bank's name is in the tags of its codes, so it stays; the prefix tells them apart.
	text = append(text, fmt.Sprintf("[mqtt]\nurl = %q\nprefix = %q\nusername = %q\n[trust]\nkeys_file = %q\n",
		url, prefix(name), "u", up.trust)...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func prefix(name string) string { return "lockers/" + strings.ReplaceAll(name, " ", "-") }

// upstream is a backend that acknowledges whatever comes and sends snapshots.
type upstream struct {
	addr    string
	trust   string
	key     ed25519.PrivateKey
	client  mqtt.Client
	births  map[string]chan wire.State
	batches atomic.Int64
	sent    atomic.Int64
}

func newUpstream(b *testing.B, broker brokertest.Broker) *upstream {
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
	u := &upstream{addr: broker.Addr(), trust: filepath.Join(b.TempDir(), "trust.json"), key: private, births: map[string]chan wire.State{}}
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
	for _, n := range []string{"black hole", "draining", "snapshots"} {
		u.births[prefix(n)] = make(chan wire.State, 16)
	}
	return u
}

func (u *upstream) take(m mqtt.Message) {
	pre, word, _ := strings.Cut(m.Topic(), "/"+bankName+"/")
	switch word {
	case wire.TopicState:
		if s, err := wire.DecodeState(m.Payload()); err == nil && s.Status == wire.Online {
			select {
			case u.births[pre] <- s:
			default:
			}
		}
	case wire.TopicEvents:
		u.batches.Add(1)
		e, err := wire.DecodeEvents(m.Payload())
		if err != nil {
			return
		}
		var last locker.Event
		if json.Unmarshal(e.Events[len(e.Events)-1], &last) == nil {
			u.send(pre, wire.TopicAck, &wire.Ack{Head: wire.Head{Bank: bankName, Journal: e.Journal}, UpTo: last.Seq, At: locker.TimeOf(time.Now())})
		}
	}
}

func (u *upstream) send(pre, topic string, m wire.Down) {
	payload, err := wire.Sign(u.key, "ops-1", m)
	if err == nil {
		u.client.Publish(pre+"/"+bankName+"/"+topic, 0, false, payload)
	}
}

// await waits until these banks are born.
func (u *upstream) await(b *testing.B, names ...string) {
	b.Helper()
	for _, n := range names {
		select {
		case s := <-u.births[prefix(n)]:
			u.births[prefix(n)] <- s
		case <-time.After(time.Minute):
			b.Fatalf("the bank %q does not come to the broker", n)
		}
	}
}

// snapshots sends one snapshot after another until stop is called.
func (u *upstream) snapshots(name string) (stop func()) {
	s := <-u.births[prefix(name)]
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
				u.send(prefix(name), wire.TopicCodes, &wire.Codes{
					Head: wire.Head{Bank: bankName, Journal: s.Journal.ID}, Set: "*", Epoch: 1_790_000_000, To: version,
					Chunk: i/chunkCodes + 1, Chunks: len(codes) / chunkCodes, Put: codes[i : i+chunkCodes], Digest: &digest,
				})
				time.Sleep(5 * time.Millisecond) // some 100 Mbit/s less than a broker on the same machine could send
			}
			u.sent.Add(1)
		}
	}()
	return func() { close(quit); <-done }
}
