package brokertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Files are a certificate, its key and its CA as PEM files.
type Files struct{ CA, Cert, Key string }

// CA is an authority for tests.
type CA struct {
	tb   testing.TB
	dir  string
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

// NewCA makes one that is valid between the times.
func NewCA(tb testing.TB, from, to time.Time) *CA {
	tb.Helper()
	ca := &CA{tb: tb, dir: tb.TempDir(), key: newKey(tb)}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "lockerd test CA"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca.cert = ca.sign("ca", t, t, &ca.key.PublicKey)
	ca.file = filepath.Join(ca.dir, "ca.pem")
	return ca
}

// Server makes a certificate for 127.0.0.1 and localhost.
func (ca *CA) Server(from, to time.Time) *Files {
	ca.tb.Helper()
	return ca.leaf("localhost", from, to, x509.ExtKeyUsageServerAuth)
}

// Client makes a certificate for the client of that name.
func (ca *CA) Client(name string) *Files {
	ca.tb.Helper()
	return ca.leaf(name, ca.cert.NotBefore, ca.cert.NotAfter, x509.ExtKeyUsageClientAuth)
}

func (ca *CA) leaf(name string, from, to time.Time, use x509.ExtKeyUsage) *Files {
	ca.tb.Helper()
	ca.n++
	key := newKey(ca.tb)
	t := &x509.Certificate{
		SerialNumber: big.NewInt(ca.n + 1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use},
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	base := name + "-" + t.SerialNumber.String()
	ca.sign(base, t, ca.cert, &key.PublicKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		ca.tb.Fatal(err)
	}
	ca.write(base+".key", "PRIVATE KEY", der)
	return &Files{CA: ca.file, Cert: filepath.Join(ca.dir, base+".pem"), Key: filepath.Join(ca.dir, base+".key")}
}

func (ca *CA) sign(base string, t, parent *x509.Certificate, pub *ecdsa.PublicKey) *x509.Certificate {
	ca.tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, ca.key)
	if err != nil {
		ca.tb.Fatal(err)
	}
	ca.write(base+".pem", "CERTIFICATE", der)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		ca.tb.Fatal(err)
	}
	return cert
}

func (ca *CA) write(name, typ string, der []byte) {
	ca.tb.Helper()
	b := pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der})
	if err := os.WriteFile(filepath.Join(ca.dir, name), b, 0o600); err != nil {
		ca.tb.Fatal(err)
	}
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}
