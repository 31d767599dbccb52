package mqttlink_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/brokertest"
	"lockerd/sync/wire"
)

// retainedBy is how many retained messages a bank has: birth, doors, stock and health.
const retainedBy = 4

// TestStart: a backend that has lost its store hears of every bank at once, though all
// retained messages come in one burst: mosquitto drops without a word what exceeds the
// limits of its file.
func TestStart(t *testing.T) {
	if testing.Short() {
		t.Skip("fifty thousand messages")
	}
	newSite(t, 12_000, documented(t)).start(t)
}

// BenchmarkStart is the same for LOCKERD_BANKS banks (10,000), beside a subscriber that only
// counts.
func BenchmarkStart(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("LOCKERD_BANKS"))
	if err != nil {
		n = 10_000
	}
	s := newSite(b, n, fmt.Sprintf("max_queued_messages %d\n", 5*n))
	var took, bare time.Duration
	for b.Loop() {
		bare += s.count(b)
		took += s.start(b)
	}
	b.ReportMetric(float64(n*b.N)/took.Seconds(), "banks/s")
	b.ReportMetric(bare.Seconds()/took.Seconds(), "of-counting")
	b.ReportMetric(0, "ns/op")
}

// site is a mosquitto that retains what n banks have said.
type site struct {
	n     int
	url   string
	key   backend.Key
	trust *wire.Keys
}

func newSite(tb testing.TB, n int, limits string) *site {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	trust, err := wire.NewKeys(wire.Key{KID: "ops-1", Public: public, Tenant: wire.Operator, May: []string{"ack", "codes", "desired", "command", "ticket", "trust"}})
	if err != nil {
		tb.Fatal(err)
	}
	m := brokertest.StartMosquitto(tb, brokertest.Options{Config: limits + `user root
listener PORT 127.0.0.1
allow_anonymous true
set_tcp_nodelay true
log_dest file DIR/log
`})
	s := &site{n: n, url: m.URL(), key: backend.Key{KID: "ops-1", Signer: private, Tenant: wire.Operator}, trust: trust}
	s.speak(tb)
	return s
}

// documented are the limits of the documented configuration.
func documented(tb testing.TB) string {
	tb.Helper()
	conf, err := os.ReadFile("../../../testdata/mosquitto/mosquitto.conf")
	if err != nil {
		tb.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(conf)) {
		if strings.HasPrefix(line, "max_") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// speak has each bank say once what is retained.
func (s *site) speak(tb testing.TB) {
	tb.Helper()
	c := connect(tb, s.url, "banks", nil)
	under := make(chan mqtt.Token, 20)
	said := make(chan error, 1)
	go func() {
		var first error
		for t := range under {
			if t.Wait(); first == nil {
				first = t.Error()
			}
		}
		said <- first
	}()
	now := locker.TimeOf(time.Now())
	for i := range s.n {
		b := banktest.New(name(i), "j-"+name(i), s.trust)
		for d := range uint8(24) {
			b.DoorsNow = append(b.DoorsNow, wire.Door{ID: locker.DoorID{Locker: 1, Door: d + 1}, State: "closed"})
		}
		b.Say = func(topic string, p []byte, retained bool) {
			under <- c.Publish("lockers/v1/"+b.Name+"/"+topic, 1, retained, p)
		}
		b.Connect(now)
	}
	close(under)
	if err := <-said; err != nil {
		tb.Fatal(err)
	}
}

func connect(tb testing.TB, url, id string, got mqtt.MessageHandler) mqtt.Client {
	tb.Helper()
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID(id).SetDefaultPublishHandler(got))
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		tb.Fatal(t.Error())
	}
	tb.Cleanup(func() { c.Disconnect(100) })
	return c
}

// count returns how long all that is retained takes to a subscriber that only counts.
func (s *site) count(tb testing.TB) time.Duration {
	tb.Helper()
	left, all := retainedBy*s.n, make(chan struct{})
	c := connect(tb, s.url, "counter", func(mqtt.Client, mqtt.Message) {
		if left--; left == 0 {
			close(all)
		}
	})
	start := time.Now()
	c.SubscribeMultiple(map[string]byte{"lockers/v1/+/state": 1, "lockers/v1/+/state/+": 1}, nil)
	select {
	case <-all:
	case <-time.After(s.patience()):
		tb.Fatal("not all that is retained has come")
	}
	took := time.Since(start)
	c.Disconnect(100)
	return took
}

// patience is below the time after which births are asked for again, or said again.
func (s *site) patience() time.Duration { return 25*time.Second + time.Duration(s.n)*time.Millisecond }

// start returns how long a backend that knows no bank takes until it knows all.
func (s *site) start(tb testing.TB) time.Duration {
	tb.Helper()
	be, err := backend.New(backend.Config{Store: backend.NewMemory(), Trust: s.trust, Keys: []backend.Key{s.key}})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	ended := make(chan error, 1)
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
	}()
	start := time.Now()
	go func() { ended <- mqttlink.Run(ctx, mqttlink.Options{URL: s.url, ClientID: "backend", QoS: 1}, be) }()
	patience := time.After(s.patience())
	for i := range s.n {
		for changed := be.Changed(); !known(be, name(i)); changed = be.Changed() {
			select {
			case <-changed:
			case <-patience:
				tb.Fatalf("not all of %s is known, the %dth of %d banks", name(i), i+1, s.n)
			}
		}
	}
	return time.Since(start)
}

// known tells whether all of a bank has been heard.
func known(be *backend.Backend, bank string) bool {
	k, ok := be.Bank(bank)
	return ok && k.Online && k.Health != nil && k.Doors.Total > 0
}

func name(i int) string { return fmt.Sprintf("bank-%06d", i) }
