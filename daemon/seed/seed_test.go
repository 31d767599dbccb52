package seed

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

const token = "s3cret-0123456789abcdef"

const passphrase = "correct horse battery"

var fingerprint = "sha256:" + strings.Repeat("0123456789abcdef", 4)

func full() *Seed {
	return &Seed{
		Bank: "lon-042", Site: "100 Bishopsgate, „Foyer“", Expires: time.Date(2026, 11, 27, 13, 0, 0, 0, time.UTC),
		Network: Network{
			Address: netip.MustParsePrefix("192.0.2.17/24"), Gateway: netip.MustParseAddr("192.0.2.1"),
			DNS:  []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53")},
			Wifi: &Wifi{SSID: `a "quoted" \ name`, PSK: passphrase, Country: "GB"},
		},
		Enrol: Enrol{URL: "https://fleet.example.com:8443/enrol", Token: token, CA: fingerprint},
	}
}

func written(t *testing.T) string {
	t.Helper()
	b, err := Encode(full())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(b), "\n") + "\n"
}

// authority returns a CA certificate, and its key, in PEM.
func authority(tb testing.TB) (cert, key string) {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, NotAfter: time.Unix(4e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &k.PublicKey, k)
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

func TestRoundTrip(t *testing.T) {
	cert, _ := authority(t)
	plain := full()
	plain.Network = Network{}
	open := full()
	open.Network.Wifi = &Wifi{SSID: "x"}
	chain := full()
	chain.Enrol.CA = cert + cert
	for name, s := range map[string]*Seed{"static": full(), "dhcp": plain, "open network": open, "pem": chain} {
		b, err := Encode(s)
		if err != nil || len(b) != Size {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
		got, err := Parse(b)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%s: %v\n got %+v\nwant %+v\n%s", name, err, got, s, bytes.TrimSpace(b))
		}
	}
}

// What a person has edited: another editor's line ends, a mark of UTF-8, no padding.
func TestEdited(t *testing.T) {
	s, err := Parse([]byte("\xef\xbb\xbf" + strings.ReplaceAll(written(t), "\n", "\r\n")))
	if err != nil || !reflect.DeepEqual(s, full()) {
		t.Fatalf("%v, %+v", err, s)
	}
}

func TestEmpty(t *testing.T) {
	if len(Placeholder()) != Size {
		t.Fatalf("the placeholder has %d bytes", len(Placeholder()))
	}
	for name, b := range map[string][]byte{
		"placeholder": Placeholder(), "nothing": nil, "zeros": make([]byte, Size), "erased": append(Placeholder()[:100], make([]byte, Size)...),
	} {
		if s, err := Parse(b); !errors.Is(err, ErrEmpty) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestRefused(t *testing.T) {
	cert, key := authority(t)
	ca := func(s string) string { return fmt.Sprintf("%q", s) }
	whole := written(t)
	for _, test := range []struct{ old, repl, key string }{
		{"version = 1", "version = 2", "version"},
		{"version = 1", "", "version"},
		{"version = 1", "version = \"1\"", "TOML"},
		{`bank = "lon-042"`, `bank = "Lon 042"`, "bank"},
		{`bank = "lon-042"`, `Bank = "lon-042"`, `"Bank"`},
		{`bank = "lon-042"`, `bank = "lon-042"` + "\n" + `bank = "lon-043"`, "bank"},
		{`site = "100`, `site = "` + strings.Repeat("x", 64) + ` 100`, "site"},
		{`site = "100`, `site = "\u001b[2J100`, "site"},
		{"2026-11-27T13:00:00Z", "2026-11-27T13:00:00+01:00", "expires"},
		{"2026-11-27T13:00:00Z", "2026-11-27", "expires"},
		{"2026-11-27T13:00:00Z", "1970-01-01T00:00:00Z", "expires"},
		{`"2026-11-27T13:00:00Z"`, "2026-11-27T13:00:00Z", "expires"},
		{`mode = "static"`, `mode = "dhcp"`, "network"},
		{`mode = "static"`, "", "network.mode"},
		{"192.0.2.17/24", "192.0.2.17", "network.address"},
		{"192.0.2.17/24", "192.0.2.0/24", "network.address"},
		{"192.0.2.17/24", "127.0.0.1/8", "network.address"},
		{`"192.0.2.1"`, `"198.51.100.1"`, "network.gateway"},
		{`"192.0.2.1"`, `"192.0.2.17"`, "network.gateway"},
		{`"192.0.2.53"`, `"dns.example.com"`, "network.dns"},
		{`"192.0.2.53"`, `"192.0.2.53", "192.0.2.53", "192.0.2.53", "192.0.2.53"`, "network.dns"},
		{passphrase, "short", "network.wifi.psk"},
		{`country = "GB"`, `country = "gb"`, "network.wifi.country"},
		{`a \"quoted\" \\ name`, strings.Repeat("ü", 17), "network.wifi.ssid"},
		{"https://", "http://", "enrol.url"},
		{"https://", "https://user:pass@", "enrol.url"},
		{token, "short", "enrol.token"},
		{token, "with spaces, and long enough", "enrol.token"},
		{fingerprint, strings.ToUpper(fingerprint), "enrol.ca"},
		{`"` + fingerprint + `"`, ca(key), "enrol.ca"},
		{`"` + fingerprint + `"`, ca(cert + key), "enrol.ca"},
		{`"` + fingerprint + `"`, ca(cert[:200] + cert), "enrol.ca"},
		{"[enrol]", "[enrol]\nretry = 3", "enrol.retry"},
		{"[enrol]", "[[enrol]]", "TOML"},
		{"version", "\x00version", "TOML"},
	} {
		changed := strings.Replace(whole, test.old, test.repl, 1)
		if changed == whole {
			t.Fatalf("%q is not in it:\n%s", test.old, whole)
		}
		s, err := Parse([]byte(changed))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), test.key) {
			t.Errorf("%q for %q: %+v, %v", test.repl, test.old, s, err)
			continue
		}
		for _, p := range e.Problems {
			if p.Cure == "" {
				t.Errorf("%v: no cure", p)
			}
		}
	}
	if _, err := Parse([]byte(whole + strings.Repeat("\n", Size))); err == nil {
		t.Error("a seed that does not fit was taken")
	}
}

// Every problem is named at once.
func TestProblemsTogether(t *testing.T) {
	for text, want := range map[string]int{"version = 1\n": 7, "version = 1\nsiet = \"a lobby\"\n": 8} {
		_, err := Parse([]byte(text))
		var e *Error
		if !errors.As(err, &e) || len(e.Problems) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// No refusal and no print repeats the token or the passphrase.
func TestSecretsKept(t *testing.T) {
	whole := written(t)
	for i := range whole {
		for _, changed := range []string{whole[:i] + whole[i+1:], whole[:i] + "\n" + whole[i:], whole[:i]} {
			if _, err := Parse([]byte(changed)); err != nil {
				told := err.Error()
				for _, secret := range []string{token[:8], token[9:], passphrase[:7], "battery"} {
					if strings.Contains(told, secret) {
						t.Fatalf("cut at %d: %v", i, err)
					}
				}
			}
		}
	}
	if s := fmt.Sprintf("%v %+v", full().Enrol, full().Network.Wifi); strings.Contains(s, token) || strings.Contains(s, passphrase) {
		t.Error(s)
	}
}

func TestEncodeRefuses(t *testing.T) {
	s := full()
	s.Expires, s.Network.Address = time.Time{}, netip.Prefix{}
	var e *Error
	if b, err := Encode(s); !errors.As(err, &e) || len(e.Problems) != 2 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// FuzzParse: what is taken is given back the same, and fits.
func FuzzParse(f *testing.F) {
	cert, _ := authority(f)
	for _, ca := range []string{fingerprint, cert, "some words\n" + cert + cert} {
		s := full()
		s.Enrol.CA = ca
		b, err := Encode(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(bytes.TrimSpace(b))
	}
	f.Add(Placeholder())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			if s != nil || err.Error() == "" {
				t.Fatalf("%+v, %v", s, err)
			}
			return
		}
		again, err := Encode(s)
		if err != nil || len(again) != Size {
			t.Fatalf("cannot encode %+v: %v", s, err)
		}
		got, err := Parse(again)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("%v\n got %+v\nwant %+v", err, got, s)
		}
	})
}
