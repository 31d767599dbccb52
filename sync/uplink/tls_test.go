package uplink

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/sync/brokertest"
)

// onBroker runs an uplink of lon-042 on a real broker until it is connected, or
// until it has failed a few times.
func onBroker(t *testing.T, c Config, o Options) (connected bool, u *Uplink, stop func()) {
	t.Helper()
	c.Bank, c.DownQoS = "lon-042", 1
	o.BackoffMin, o.BackoffMax = 5*time.Millisecond, 50*time.Millisecond
	u, err := New(c, newFakeBank(), newBox(t, newFakeJournal(3)), o)
	if err != nil {
		t.Fatal(err)
	}
	stop = running(t, u)
	for s := u.Stats(); !s.Connected && s.Attempts < 4; s = u.Stats() {
		time.Sleep(2 * time.Millisecond)
	}
	return u.Stats().Connected, u, stop
}

// running runs an uplink until stopped.
func running(t *testing.T, u *Uplink) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); u.Run(ctx) }()
	return func() { cancel(); <-done }
}

// TestFilesAreReadAfresh rotates the CA under a running uplink.
func TestFilesAreReadAfresh(t *testing.T) {
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca, other := brokertest.NewCA(t, from, to), brokertest.NewCA(t, from, to)
	server, client := ca.Server(from, to), ca.Client("lon-042")
	b := brokertest.StartMosquitto(t, brokertest.Options{TLS: server, ClientCerts: true})
	file := filepath.Join(t.TempDir(), "ca.pem")
	put := func(from string) {
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(other.Server(from, to).CA)
	connected, u, stop := onBroker(t, Config{URL: b.URL(), CAFile: file, CertFile: client.Cert, KeyFile: client.Key}, Options{})
	defer stop()
	if connected {
		t.Fatal("connected to a broker of another CA")
	}
	put(server.CA)
	for end := time.Now().Add(10 * time.Second); !u.Stats().Connected; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the new ca_file is not read")
		}
	}
}

func TestWays(t *testing.T) {
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	server := brokertest.NewCA(t, from, to).Server(from, to)
	for _, c := range []struct {
		name string
		b    brokertest.Broker
		path string
	}{
		{"mqtt", brokertest.StartMosquitto(t, brokertest.Options{}), ""},
		{"mqtts", brokertest.StartMosquitto(t, brokertest.Options{TLS: server}), ""},
		{"ws", brokertest.StartMochi(t, brokertest.MochiOptions{Websocket: true}), ""},
		{"wss", brokertest.StartMochi(t, brokertest.MochiOptions{Websocket: true, TLS: server}), "/mqtt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.HasPrefix(c.b.URL(), c.name+"://") {
				t.Fatal(c.b.URL())
			}
			connected, _, stop := onBroker(t, Config{URL: c.b.URL() + c.path, CAFile: server.CA}, Options{})
			defer stop()
			if !connected {
				t.Error("not connected")
			}
		})
	}
}

// TestBadWays can't connect, and says why.
func TestBadWays(t *testing.T) {
	b := brokertest.StartMosquitto(t, brokertest.Options{})
	none := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		name string
		c    Config
		want string
	}{
		{"no password file", Config{URL: b.URL(), PasswordFile: none}, "password_file"},
		{"no ca file", Config{URL: "mqtts://" + b.Addr(), CAFile: none}, "ca_file"},
		{"no certificate file", Config{URL: "mqtts://" + b.Addr(), CertFile: none, KeyFile: none}, "cert_file"},
		{"no TLS there", Config{URL: "mqtts://" + b.Addr()}, "agree on TLS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.c.Bank = "lon-042"
			u, err := New(c.c, newFakeBank(), newBox(t, newFakeJournal(0)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := u.connection(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	if _, err := New(Config{Bank: "lon-042", URL: "http://x"}, newFakeBank(), newBox(t, newFakeJournal(0)), Options{}); err == nil {
		t.Error("http is a way")
	}
}

// TestPassword compares what the file holds with what is sent.
func TestPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	for content, want := range map[string]string{"secret\n": "secret", "secret\r\n": "secret", "secret": "secret", " with spaces \n\n": " with spaces \n"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := (&Config{PasswordFile: file}).password(); err != nil || got != want {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
}
