package authority_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"
	"time"

	"lockerd/sync/backend"
	"lockerd/sync/enrol"
	"lockerd/sync/enrol/authority"
	"lockerd/sync/peer"
)

// rig is an authority at a time of the test's choice.
type rig struct {
	*authority.Authority
	t     *testing.T
	now   time.Time
	store *backend.Memory
	ca    *authority.CA
	crl   *x509.RevocationList // as it was written last
	fail  error                // of writing it
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), store: backend.NewMemory()}
	var err error
	if r.ca, err = authority.NewCA("Example lockers", r.now); err != nil {
		t.Fatal(err)
	}
	r.restart()
	return r
}

// restart makes a new authority on the same store.
func (r *rig) restart() {
	r.Authority = authority.New(authority.Options{
		Store: r.store, CA: r.ca, URL: "https://enrol.example.com:8443", CRL: r.takeCRL, Now: func() time.Time { return r.now },
	})
}

func (r *rig) takeCRL(text []byte) error {
	if r.fail != nil {
		return r.fail
	}
	block, _ := pem.Decode(text)
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(r.ca.Cert); err != nil {
		r.t.Fatal(err)
	}
	r.crl = list
	return nil
}

// listed tells whether the revocation list names a certificate.
func (r *rig) listed(cert *x509.Certificate) bool {
	r.t.Helper()
	if err := r.WriteCRL(); err != nil {
		r.t.Fatal(err)
	}
	for _, e := range r.crl.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(cert.SerialNumber) == 0 {
			return true
		}
	}
	return false
}

func (r *rig) token(bank string) authority.Token {
	r.t.Helper()
	tok, err := r.Token(bank, 24*time.Hour)
	if err != nil {
		r.t.Fatal(err)
	}
	return tok
}

// board is what asks: a key that is made for the token.
type board struct {
	bank string
	key  *ecdsa.PrivateKey
}

func newBoard(t *testing.T, bank string) *board {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &board{bank, k}
}

func (b *board) csr(t *testing.T) string {
	t.Helper()
	text, err := enrol.CSR(b.bank, b.key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// enrol shows a token and returns the certificate.
func (r *rig) enrol(b *board, token string) (*x509.Certificate, error) {
	g, err := r.Enrol(&enrol.Request{V: enrol.Version, Token: token, CSR: b.csr(r.t)})
	return leaf(r.t, g), err
}

func (r *rig) must(cert *x509.Certificate, err error) *x509.Certificate {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	return cert
}

func leaf(t *testing.T, g *enrol.Grant) *x509.Certificate {
	t.Helper()
	if g == nil {
		return nil
	}
	certs := peer.Certificates([]byte(g.Certificate))
	if len(certs) != 1 {
		t.Fatalf("%d certificates were granted", len(certs))
	}
	return certs[0]
}

func (r *rig) renew(cert *x509.Certificate) (*x509.Certificate, error) {
	g, err := r.Renew([]*x509.Certificate{cert})
	return leaf(r.t, g), err
}

// refused fails unless an error is the refusal of a code, with a cure.
func refused(t *testing.T, err error, code string) {
	t.Helper()
	r, ok := errors.AsType[*enrol.Refusal](err)
	if !ok {
		t.Fatalf("%v, want a refusal %s", err, code)
	}
	if r.Code != code || r.Cure == "" || r.Text == "" {
		t.Fatalf("refused as %s: %s; next: %q; want %s", r.Code, r.Text, r.Cure, code)
	}
}
