package suite

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"lockerd/sync/brokertest"
	"lockerd/sync/uplink"
)

// startSite starts a mosquitto with the very files that the README shows.
func startSite(t *testing.T, ca *brokertest.CA, from, to time.Time, more string) *brokertest.Mosquitto {
	t.Helper()
	conf, err := os.ReadFile("../../../testdata/mosquitto/mosquitto.conf")
	if err != nil {
		t.Fatal(err)
	}
	acl, err := os.ReadFile("../../../testdata/mosquitto/acl")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/etc/mosquitto/", "DIR/", "/var/lib/mosquitto/", "DIR/", "listener 8883", "listener PORT 127.0.0.1", "log_dest stderr", "log_dest file DIR/log").Replace(string(conf))
	return brokertest.StartMosquitto(t, brokertest.Options{Config: "user root\n" + text, ACL: string(acl) + more, TLS: ca.Server(from, to)})
}

func clientTLS(t *testing.T, f *brokertest.Files) *tls.Config {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b)
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// TestSite runs a bank and a backend on the documented mosquitto: certificates
// for names, an ACL for rights, and the bank's clock at 1970.
func TestSite(t *testing.T) {
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := brokertest.NewCA(t, from, to)
	m := startSite(t, ca, from, to, "")
	s := newSite(t, m)
	s.backendTLS = clientTLS(t, ca.Client("backend"))
	own, other := ca.Client("lon-042"), ca.Client("lon-043")
	with := func(f *brokertest.Files) func(*uplink.Config, *uplink.Options) {
		return func(c *uplink.Config, o *uplink.Options) {
			o.Clock = func() (time.Time, bool) { return time.Unix(0, 0), false } // a board just put under power
			c.URL = strings.Replace(c.URL, "mqtt://", "mqtts://", 1)
			c.CAFile, c.CertFile, c.KeyFile = f.CA, f.Cert, f.Key
		}
	}

	spy := watcher(t, m, clientTLS(t, other), "lockers/v1/lon-042/down/+", "lockers/v1/#", "#")
	watch := watcher(t, m, clientTLS(t, ca.Client("watch")), "lockers/v1/+/#")
	l := s.link(t, 1000, with(own))
	l.converge(t, s)
	m.Kill()
	m.Start()
	l.add(100)
	l.converge(t, s)
	stolen := newBook()
	stolen.add(10)
	thief := startBank(t, stolen, m.URL(), "", s.pub, with(other)) // says that it is lon-042
	before := l.conn.Load()
	time.Sleep(300 * time.Millisecond)
	l.add(100)
	l.converge(t, s)
	if st := thief.box.Stats(); st.Acked != 0 || l.conn.Load() != before {
		t.Errorf("a bank with another's certificate is heard (%+v), or throws off the other (%d connections, then %d)", st, before, l.conn.Load())
	}
	thief.stop()
	l.bank.stop()
	if got := watch.topics(); got["lockers/v1/lon-042/state"] == 0 || got["lockers/v1/lon-042/up/events"] == 0 {
		t.Errorf("who may watch sees %v", got)
	}
	if got := spy.topics(); len(got) != 0 {
		t.Errorf("another bank hears %v", got)
	}
	last := watcher(t, m, clientTLS(t, ca.Client("watch")), "lockers/v1/lon-042/state")
	for end := time.Now().Add(5 * time.Second); last.topics()["lockers/v1/lon-042/state"] == 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if got := last.last(); !strings.Contains(got, `"reason":"shutdown"`) {
		t.Errorf("after a clean stop the retained state is %s", got)
	}
}

// ear is a client that only listens. It is told apart by its certificate.
type ear struct {
	heard chan mqtt.Message
	seen  map[string]int
	text  string
}

func watcher(t *testing.T, m *brokertest.Mosquitto, conf *tls.Config, filters ...string) *ear {
	t.Helper()
	e := &ear{heard: make(chan mqtt.Message, 4096), seen: map[string]int{}}
	o := mqtt.NewClientOptions().AddBroker("ssl://" + m.Addr()).SetTLSConfig(conf).SetAutoReconnect(false).SetProtocolVersion(4)
	o.SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { e.heard <- m })
	c := mqtt.NewClient(o)
	if !wait(c.Connect()) {
		t.Fatal("cannot connect")
	}
	t.Cleanup(func() { c.Disconnect(0) })
	for _, f := range filters {
		c.Subscribe(f, 1, nil).WaitTimeout(5 * time.Second)
	}
	return e
}

func (e *ear) topics() map[string]int {
	for {
		select {
		case m := <-e.heard:
			e.seen[m.Topic()]++
			e.text = string(m.Payload())
		default:
			return e.seen
		}
	}
}

func (e *ear) last() string { return e.text }

// TestUnauthorised has a broker that ends each connection on which events come.
func TestUnauthorised(t *testing.T) {
	b := brokertest.StartMochi(t, brokertest.MochiOptions{Allow: func(user, topic string, write bool) bool {
		return user != "lon-042" || !write || !strings.HasSuffix(topic, "up/events")
	}})
	s := newSite(t, b)
	l := s.link(t, 200, nil)
	for end := time.Now().Add(30 * time.Second); !l.box.Stats().Held && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	if st := l.box.Stats(); !st.Held {
		t.Errorf("events are sent again and again: %+v %+v", st, l.u.Stats())
	}
	if !l.u.Stats().Connected {
		t.Error("the session does not go on without events")
	}
}
