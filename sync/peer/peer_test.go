package peer_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"lockerd/sync/brokertest"
	"lockerd/sync/peer"
)

func year(y int) time.Time { return time.Date(y, 6, 1, 0, 0, 0, 0, time.UTC) }

func read(t *testing.T, file string) []*x509.Certificate {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return peer.Certificates(b)
}

// TestCertificateAtBankTime judges a chain by what the bank takes for the time.
func TestCertificateAtBankTime(t *testing.T) {
	ca := brokertest.NewCA(t, year(2020), year(2040))
	young := brokertest.NewCA(t, year(2010), year(2040))
	for _, c := range []struct {
		name   string
		ca     *brokertest.CA
		cert   [2]int // years
		now    int
		synced bool
		host   string
		wrong  string // part of the refusal; "": trusted
	}{
		{name: "valid", ca: ca, cert: [2]int{2025, 2027}, now: 2026, synced: true},
		{name: "valid, unset", ca: ca, cert: [2]int{2025, 2027}, now: 2026},
		{name: "1970", ca: ca, cert: [2]int{2025, 2027}, now: 1970},
		{name: "1970, synced", ca: ca, cert: [2]int{2025, 2027}, now: 1970, synced: true, wrong: "not yet valid"},
		{name: "expired", ca: ca, cert: [2]int{2021, 2022}, now: 2026, synced: true, wrong: "expired"},
		{name: "expired, unset", ca: ca, cert: [2]int{2021, 2022}, now: 2026, wrong: "expired"},
		{name: "expired at the system's time, not at the bank's", ca: ca, cert: [2]int{2021, 2022}, now: 2021, synced: true},
		{name: "expired before its CA began", ca: young, cert: [2]int{2001, 2002}, now: 1970, wrong: "expired"},
		{name: "CA expired", ca: ca, cert: [2]int{2025, 2060}, now: 2050, wrong: "expired"},
		{name: "other host", ca: ca, cert: [2]int{2025, 2027}, now: 2026, host: "broker.example.com", wrong: "broker.example.com"},
	} {
		f := c.ca.Server(year(c.cert[0]), year(c.cert[1]))
		ca := read(t, f.CA)
		shown := append(read(t, f.Cert), ca...)
		byRoot := peer.Verifier{Whom: "the broker", Host: "127.0.0.1", Roots: ca, Clock: func() (time.Time, bool) { return year(c.now), c.synced }}
		if c.host != "" {
			byRoot.Host = c.host
		}
		byPin := byRoot
		byPin.Roots, byPin.Pin = nil, peer.Fingerprint(ca[0])
		for how, v := range map[string]*peer.Verifier{"root": &byRoot, "pin": &byPin} {
			t.Run(c.name+", by "+how, func(t *testing.T) {
				err := v.Verify(tls.ConnectionState{PeerCertificates: shown})
				switch {
				case c.wrong == "" && err != nil:
					t.Error(err)
				case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
					t.Errorf("%v, want %q", err, c.wrong)
				}
			})
		}
	}
}

// TestForeignCA is refused by either way, whatever the clock.
func TestForeignCA(t *testing.T) {
	ours := read(t, brokertest.NewCA(t, year(2020), year(2040)).Server(year(2025), year(2027)).CA)
	f := brokertest.NewCA(t, year(2020), year(2040)).Server(year(2025), year(2027))
	shown := append(read(t, f.Cert), read(t, f.CA)...)
	clock := func() (time.Time, bool) { return year(1970), false }
	for _, v := range []peer.Verifier{
		{Whom: "the broker", Host: "127.0.0.1", Roots: ours, Clock: clock},
		{Whom: "the broker", Host: "127.0.0.1", Pin: peer.Fingerprint(ours[0]), Clock: clock},
	} {
		if err := v.Verify(tls.ConnectionState{PeerCertificates: shown}); err == nil {
			t.Error("a certificate of another CA passes while the clock is unset")
		}
		// Our CA's certificate beside a leaf that is not its own proves nothing.
		if err := v.Verify(tls.ConnectionState{PeerCertificates: append(shown, ours...)}); err == nil {
			t.Error("a foreign leaf passes beside our CA")
		}
		if err := v.Verify(tls.ConnectionState{}); err == nil {
			t.Error("no certificate passes")
		}
	}
}

func TestPin(t *testing.T) {
	ca := read(t, brokertest.NewCA(t, year(2020), year(2040)).Server(year(2025), year(2027)).CA)[0]
	pin := peer.Fingerprint(ca)
	var colons []string
	for i := len("sha256:"); i < len(pin); i += 2 {
		colons = append(colons, strings.ToUpper(pin[i:i+2]))
	}
	for _, s := range []string{pin, " " + pin + "\n", "SHA256:" + strings.Join(colons, ":")} {
		if got, err := peer.ParsePin(s); err != nil || got != pin {
			t.Errorf("%q is read as %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", pin[:70], pin[7:], pin + "00", "sha1:" + pin[7:], strings.Replace(pin, "sha256:", "sha256:zz", 1)} {
		if got, err := peer.ParsePin(s); err == nil {
			t.Errorf("%q is read as %q", s, got)
		}
	}
}
