package uplink

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockerd/sync/brokertest"
)

// shown is a broker's port that tells which certificate it was shown, and hangs up.
func shown(t *testing.T, server *brokertest.Files) (addr string, serials <-chan string) {
	t.Helper()
	own, err := tls.LoadX509KeyPair(server.Cert, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	c := make(chan string, 64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if tc, ok := conn.(*tls.Conn); ok && tc.HandshakeContext(t.Context()) == nil {
				c <- tc.ConnectionState().PeerCertificates[0].SerialNumber.String()
			}
			_ = conn.Close() // it is no broker
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String(), c
}

// TestReconnectShowsTheNewCertificate changes the certificate under a running uplink that waits
// long before its next try: the next handshake is now, and by the new one.
func TestReconnectShowsTheNewCertificate(t *testing.T) {
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := brokertest.NewCA(t, from, to)
	server := ca.Server(from, to)
	addr, serials := shown(t, server)
	now := make(chan *tls.Certificate, 1)
	load := func() string {
		f := ca.Client("lon-042")
		cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-now:
		default:
		}
		now <- &cert
		return cert.Leaf.SerialNumber.String()
	}
	u, err := New(Config{
		Bank: "lon-042", URL: "mqtts://" + addr, CAFile: server.CA, DownQoS: 1,
		Certificate: func() (*tls.Certificate, error) { c := <-now; now <- c; return c, nil },
	}, newFakeBank(), newBox(t, newFakeJournal(3)), Options{BackoffMin: time.Hour, BackoffMax: 2 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	want := load()
	stop := running(t, u)
	defer stop()
	for n := range 3 {
		select {
		case got := <-serials:
			if got != want {
				t.Fatalf("handshake %d shows %s, want %s", n, got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no handshake %d", n)
		}
		want = load()
		u.Reconnect()
	}
}

// TestNoCertificateYet tries again when there is one, although nothing can be read before.
func TestNoCertificateYet(t *testing.T) {
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := brokertest.NewCA(t, from, to)
	server := ca.Server(from, to)
	addr, serials := shown(t, server)
	dir := t.TempDir()
	given := make(chan *tls.Certificate, 1)
	u, err := New(Config{
		Bank: "lon-042", URL: "mqtts://" + addr, CAFile: filepath.Join(dir, "ca.pem"), DownQoS: 1,
		Certificate: func() (*tls.Certificate, error) {
			select {
			case c := <-given:
				return c, nil
			default:
				return nil, errors.New("it has not been enrolled")
			}
		},
	}, newFakeBank(), newBox(t, newFakeJournal(3)), Options{BackoffMin: time.Hour, BackoffMax: 2 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	stop := running(t, u)
	defer stop()
	for end := time.Now().Add(10 * time.Second); u.Stats().Attempts == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no try")
		}
	}
	raw, err := os.ReadFile(server.CA)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	f := ca.Client("lon-042")
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		t.Fatal(err)
	}
	given <- &cert
	u.Reconnect()
	select {
	case <-serials:
	case <-time.After(10 * time.Second):
		t.Fatal("no handshake after the certificate came")
	}
}
