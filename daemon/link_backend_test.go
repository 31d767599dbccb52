package daemon_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

const linkBank = "lon-042"

// signerOf is the private key of a kid in the vectors.
func signerOf(tb testing.TB, kid string) ed25519.PrivateKey {
	tb.Helper()
	b, err := os.ReadFile("../testdata/vectors/private.json")
	if err != nil {
		tb.Fatal(err)
	}
	var v struct{ Seeds map[string]string }
	if err := json.Unmarshal(b, &v); err != nil {
		tb.Fatal(err)
	}
	seed, err := base64.RawURLEncoding.DecodeString(v.Seeds[kid])
	if err != nil {
		tb.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

// upstream is a backend as small as it can be: it keeps what comes up, knows each
// event once, acknowledges what it has, and sends what a test gives it.
type upstream struct {
	t      testing.TB
	client mqtt.Client

	mu     sync.Mutex
	births []wire.State
	deaths []wire.State
	events map[uint64]string // by seq, as they came
	twice  int
	clash  int // events that came again and were not the same
	upto   uint64
	stock  wire.Stock
	doors  wire.Doors
	health wire.Health
	gets   []wire.Get
	reply  map[string]wire.Reply
	chunks map[int]wire.Bundle
	raw    []string // every payload
	quiet  bool     // acknowledge nothing
}

func newUpstream(tb testing.TB, url string) *upstream {
	tb.Helper()
	u := &upstream{t: tb, events: map[uint64]string{}, reply: map[string]wire.Reply{}, chunks: map[int]wire.Bundle{}}
	o := mqtt.NewClientOptions().AddBroker(strings.Replace(url, "mqtt://", "tcp://", 1)).SetClientID("backend").SetOrderMatters(true)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { u.take(m.Topic(), m.Payload()) })
	o.SetOnConnectHandler(func(c mqtt.Client) { c.Subscribe("lockers/v1/"+linkBank+"/#", 1, nil) })
	u.client = mqtt.NewClient(o)
	if tok := u.client.Connect(); !tok.WaitTimeout(20*time.Second) || tok.Error() != nil {
		tb.Fatal("the backend finds no broker: ", tok.Error())
	}
	tb.Cleanup(func() { u.client.Disconnect(0) })
	return u
}

func (u *upstream) take(topic string, payload []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.raw = append(u.raw, string(payload))
	switch strings.TrimPrefix(topic, "lockers/v1/"+linkBank+"/") {
	case wire.TopicState:
		s, err := wire.DecodeState(payload)
		switch {
		case err != nil:
			u.t.Errorf("state %s: %v", payload, err)
		case s.Status == wire.Online:
			u.births = append(u.births, s)
		default:
			u.deaths = append(u.deaths, s)
		}
	case wire.TopicEvents:
		u.takeEvents(payload)
	case wire.TopicStock:
		decoded(u.t, &u.stock, payload)
	case wire.TopicDoors:
		decoded(u.t, &u.doors, payload)
	case wire.TopicHealth:
		decoded(u.t, &u.health, payload)
	case wire.TopicReply:
		var r wire.Reply
		decoded(u.t, &r, payload)
		u.reply[r.ID] = r
	case wire.TopicBundle:
		m, err := wire.DecodeBundle(payload)
		if err != nil {
			u.t.Errorf("bundle %s: %v", payload, err)
		}
		u.chunks[m.Chunk] = m
	case wire.TopicGet:
		var g wire.Get
		decoded(u.t, &g, payload)
		u.gets = append(u.gets, g)
	}
}

func decoded(tb testing.TB, into any, payload []byte) {
	tb.Helper()
	if err := json.Unmarshal(payload, into); err != nil {
		tb.Errorf("%s: %v", payload, err)
	}
}

func (u *upstream) takeEvents(payload []byte) {
	m, err := wire.DecodeEvents(payload)
	if err != nil {
		u.t.Errorf("%s: %v", payload, err)
		return
	}
	for _, line := range m.Events {
		var e locker.Event
		decoded(u.t, &e, line)
		if old, ok := u.events[e.Seq]; ok {
			u.twice++
			if old != string(line) {
				u.clash++
			}
		}
		u.events[e.Seq] = string(line)
	}
	for u.events[u.upto+1] != "" {
		u.upto++
	}
	if !u.quiet {
		go u.send(wire.TopicAck, "ops-1", &wire.Ack{Head: wire.Head{Bank: linkBank, Journal: m.Journal}, UpTo: u.upto, At: locker.TimeOf(time.Now())})
	}
}

// send signs a message and publishes it.
func (u *upstream) send(topic, kid string, m wire.Down) {
	b, err := wire.Sign(signerOf(u.t, kid), kid, m)
	if err != nil {
		u.t.Error(err)
		return
	}
	u.publish(topic, b)
}

func (u *upstream) publish(topic string, b []byte) {
	u.client.Publish("lockers/v1/"+linkBank+"/"+topic, 1, false, b)
}

// until waits until is is true of what has come so far.
func (u *upstream) until(what string, is func() bool) {
	u.t.Helper()
	for end := time.Now().Add(loadPatience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		u.mu.Lock()
		ok := is()
		u.mu.Unlock()
		if ok {
			return
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.t.Fatalf("%s does not come; %d events, last births %+v, gets %+v, replies %+v", what, len(u.events), u.births, u.gets, u.reply)
}

// event waits for an event with all these words in its line.
func (u *upstream) event(words ...string) {
	u.t.Helper()
	u.until("the event "+strings.Join(words, " "), func() bool { return u.has(words...) > 0 })
}

// has counts the events with all these words in their lines.
func (u *upstream) has(words ...string) int {
	n := 0
	for _, line := range u.events {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			n++
		}
	}
	return n
}

// birth waits for a birth beyond those that came before.
func (u *upstream) birth(before int) wire.State {
	u.t.Helper()
	u.until("a birth", func() bool { return len(u.births) > before })
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.births[len(u.births)-1]
}

func (u *upstream) head(s wire.State) wire.Head {
	return wire.Head{Bank: linkBank, Journal: s.Journal.ID}
}

func digestOf(codes ...locker.Code) *locker.Digest {
	d := &locker.Digest{}
	for i := range codes {
		d.Toggle(codes[i].DigestPart())
	}
	return d
}
