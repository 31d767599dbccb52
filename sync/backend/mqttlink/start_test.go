package mqttlink_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/backend/banktest"
	"lockerd/sync/backend/mqttlink"
	"lockerd/sync/brokertest"
	"lockerd/sync/brokertest/natstest"
	"lockerd/sync/wire"
)

// retainedBy is how many retained messages a bank has: birth, doors, stock and health.
const retainedBy = 4

func TestMain(m *testing.M) { natstest.Main(m) }

// TestStart: a backend that has lost its store hears of every bank at once, though all
// retained messages come in one burst: mosquitto drops without a word what exceeds the
// limits of its file.
func TestStart(t *testing.T) {
	if testing.Short() {
		t.Skip("fifty thousand messages")
	}
	m := brokertest.StartMosquitto(t, brokertest.Options{More: limits(t)})
	newSite(t, 12_000, m.URL(), 1).start(t)
}

// limits are those of the documented configuration.
func limits(tb testing.TB) string {
	tb.Helper()
	var out strings.Builder
	for line := range strings.Lines(read(tb, "../../../testdata/mosquitto/mosquitto.conf")) {
		if strings.HasPrefix(line, "max_") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func read(tb testing.TB, file string) string {
	tb.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// BenchmarkStart is the same for LOCKERD_BANKS banks (10,000) that say their heartbeat each
// minute, beside a subscriber that only counts.
func BenchmarkStart(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("LOCKERD_BANKS"))
	if err != nil {
		n = 10_000
	}
	b.Run("mosquitto", func(b *testing.B) {
		m := brokertest.StartMosquitto(b, brokertest.Options{MaxQueued: 10 * n})
		newSite(b, n, m.URL(), 1).measure(b)
	})
	b.Run("NATS", func(b *testing.B) {
		conf, _, ok := strings.Cut(read(b, "../../../testdata/nats/node.conf"), "authorization {")
		if !ok {
			b.Fatal("node.conf has no users to be left out")
		}
		file := filepath.Join(b.TempDir(), "node.conf")
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			b.Fatal(err)
		}
		newSite(b, n, natstest.Start(b, file)[0].URL(), 0).measure(b)
	})
}

// site is a broker that retains what n banks have said.
type site struct {
	n     int
	url   string
	qos   byte
	key   backend.Key
	trust *wire.Keys
	said  mqtt.Client // by which all banks speak
	banks []*banktest.Bank
}

func newSite(tb testing.TB, n int, url string, qos byte) *site {
	tb.Helper()
	private, trust := banktest.Operator(tb)
	s := &site{n: n, url: url, qos: qos, key: backend.Key{KID: banktest.OperatorKID, Signer: private, Tenant: wire.Operator}, trust: trust}
	s.said = connect(tb, url, "banks", nil)
	var doors []wire.Door
	for d := range uint8(24) {
		doors = append(doors, wire.Door{ID: locker.DoorID{Locker: 1, Door: d + 1}, State: "closed"})
	}
	for i := range n {
		b := banktest.New(fmt.Sprintf("bank-%06d", i), fmt.Sprintf("j-%06d", i), trust)
		b.DoorsNow = doors
		s.banks = append(s.banks, b)
	}
	s.speak(tb)
	return s
}

// speak has each bank say once what is retained.
func (s *site) speak(tb testing.TB) {
	tb.Helper()
	under := make(chan mqtt.Token, 20)
	taken := make(chan error, 1)
	go func() {
		var first error
		for t := range under {
			if t.Wait(); first == nil {
				first = t.Error()
			}
		}
		taken <- first
	}()
	now := locker.TimeOf(time.Now())
	for _, b := range s.banks {
		b.Say = func(topic string, p []byte, retained bool) {
			under <- s.said.Publish("lockers/v1/"+b.Name+"/"+topic, 1, retained, p)
		}
		b.Connect(now)
	}
	close(under)
	if err := <-taken; err != nil {
		tb.Fatal(err)
	}
}

// beat has each bank say its heartbeat each minute, until ctx ends.
func (s *site) beat(ctx context.Context) {
	tick := time.NewTicker(time.Minute / time.Duration(s.n))
	defer tick.Stop()
	for i := 0; ; i = (i + 1) % s.n {
		b := s.banks[i]
		b.Say = func(topic string, p []byte, retained bool) {
			s.said.Publish("lockers/v1/"+b.Name+"/"+topic, 0, retained, p)
		}
		b.Health(locker.TimeOf(time.Now()))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *site) measure(b *testing.B) {
	b.Helper()
	cold := s.count(b) // a NATS node has kept what it loaded when the next one asks
	var took, bare time.Duration
	for b.Loop() {
		bare += s.count(b)
		ctx, cancel := context.WithCancel(b.Context())
		var beating sync.WaitGroup
		beating.Go(func() { s.beat(ctx) })
		took += s.start(b)
		cancel()
		beating.Wait()
	}
	b.ReportMetric(took.Seconds()/float64(b.N), "s")
	b.ReportMetric(cold.Seconds(), "s-counting-first")
	b.ReportMetric(bare.Seconds()/took.Seconds(), "of-counting")
	b.ReportMetric(0, "ns/op")
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
	c.SubscribeMultiple(map[string]byte{"lockers/v1/+/state": s.qos, "lockers/v1/+/state/+": s.qos}, nil)
	select {
	case <-all:
	case <-time.After(s.patience()):
		tb.Fatal("not all that is retained has come")
	}
	took := time.Since(start)
	c.Disconnect(100)
	return took
}

// patience ends before a bank says its birth again: what comes only then came too late.
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
	go func() { ended <- mqttlink.Run(ctx, mqttlink.Options{URL: s.url, ClientID: "backend", QoS: s.qos}, be) }()
	patience := time.After(s.patience())
	for i, k := range s.banks {
		for changed := be.Changed(); !known(be, k.Name); changed = be.Changed() {
			select {
			case <-changed:
			case <-patience:
				tb.Fatalf("not all of %s is known, the %dth of %d banks", k.Name, i+1, s.n)
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
