package enrol_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"lockerd/sync/enrol"
)

func newKey(tb testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	tb.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// TestCSR takes back what a board asks for, and nothing that another key has signed.
func TestCSR(t *testing.T) {
	key := newKey(t, elliptic.P256())
	text, err := enrol.CSR("lon-042", key)
	if err != nil {
		t.Fatal(err)
	}
	bank, pub, err := enrol.ParseCSR(text)
	if err != nil || bank != "lon-042" || !pub.Equal(key.Public()) {
		t.Fatalf("%q %v", bank, err)
	}
	if strings.Contains(text, "PRIVATE") {
		t.Error("the private key is in the request")
	}
	block, _ := pem.Decode([]byte(text))
	for n := range block.Bytes {
		bad := append([]byte{}, block.Bytes...)
		bad[n] ^= 1
		mutant := string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: bad}))
		if _, got, err := enrol.ParseCSR(mutant); err == nil && got.Equal(key.Public()) {
			if name, _, _ := enrol.ParseCSR(mutant); name != "lon-042" {
				t.Errorf("with bit 0 of byte %d changed it is the request of %q", n, name)
			}
		}
	}
}

// TestCSRRefused refuses keys that brokers or banks can't use.
func TestCSRRefused(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, err := enrol.CSR("lon-042", ed)
	if err != nil {
		t.Fatal(err)
	}
	small, err := enrol.CSR("lon-042", newKey(t, elliptic.P224()))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"nothing": "", "no PEM": "hello", "another block": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"no DER": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "Ed25519": edwards, "P-224": small,
	} {
		if _, _, err := enrol.ParseCSR(text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// FuzzParseCSR never panics, and what it takes it takes again.
func FuzzParseCSR(f *testing.F) {
	text, err := enrol.CSR("lon-042", newKey(f, elliptic.P256()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, s string) {
		bank, pub, err := enrol.ParseCSR(s)
		if err != nil {
			return
		}
		if again, k, err := enrol.ParseCSR(s); err != nil || again != bank || !k.Equal(pub) {
			t.Errorf("%q then %q, %v", bank, again, err)
		}
	})
}

func TestRenewAt(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := enrol.RenewAt(&x509.Certificate{NotBefore: from, NotAfter: from.AddDate(0, 0, 90)}); !got.Equal(from.AddDate(0, 0, 60)) {
		t.Errorf("a certificate of 90 days is renewed at %s", got)
	}
}
