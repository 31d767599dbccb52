package authority

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"

	"lockerd/sync/peer"
)

// Lives of certificates.
const (
	CALife   = 20 * 365 * 24 * time.Hour
	BankLife = 90 * 24 * time.Hour // renewed when two thirds are over
	HostLife = 398 * 24 * time.Hour
	// Grace is how long after its end a certificate can still be renewed: a bank that
	// was in store, or without network, comes back by itself. Nothing else takes it then.
	Grace = 30 * 24 * time.Hour
	// skew is how far clocks of broker and authority may differ; at most a tenth of a life.
	skew = time.Hour
	// crlLife is long: a broker refuses everybody once its list has run out.
	crlLife = 365 * 24 * time.Hour
)

// CA signs for banks, for the endpoint, and for the revocation list.
type CA struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

// NewCA makes an authority with a key of its own.
func NewCA(name string, now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make the CA's key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-skew), NotAfter: now.Add(CALife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := sign(t, t, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &CA{cert, key}, nil
}

// PEM is the CA's certificate.
func (ca *CA) PEM() string { return peer.PEM(ca.Cert) }

// Pin is the CA's fingerprint, for seeds.
func (ca *CA) Pin() string { return peer.Fingerprint(ca.Cert) }

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("cannot make a serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil // RFC 5280: positive
}

func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("cannot sign a certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// leaf signs a certificate of a client or server. It never outlives the CA.
func (ca *CA) leaf(name string, pub crypto.PublicKey, now time.Time, life time.Duration, hosts []string, use ...x509.ExtKeyUsage) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-min(skew, life/10)), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: use, BasicConstraintsValid: true,
	}
	if t.NotAfter.After(ca.Cert.NotAfter) {
		t.NotAfter = ca.Cert.NotAfter
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	return sign(t, ca.Cert, pub, ca.Key)
}

// crl signs the list of revoked certificates, as PEM.
func (ca *CA) crl(list []x509.RevocationListEntry, now time.Time) ([]byte, error) {
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(now.UnixMilli()), ThisUpdate: now.Add(-skew), NextUpdate: now.Add(crlLife), RevokedCertificateEntries: list,
	}, ca.Cert, ca.Key)
	if err != nil {
		return nil, fmt.Errorf("cannot sign the revocation list: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}

// ErrNoCA is returned by LoadCA where there is none.
var ErrNoCA = errors.New("there is no CA yet")

// LoadCA reads a CA from its two files. The key's may be read by its owner only.
func LoadCA(certFile, keyFile string) (*CA, error) {
	raw, err := os.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoCA
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the CA's key: %w", err)
	}
	st, err := os.Stat(keyFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the CA's key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("cannot use the CA's key in %s: others on this machine may read it (mode %04o); chmod 600 it, and if others could have read it make a new CA and enrol the banks anew", keyFile, st.Mode().Perm())
	}
	key, err := parseKey(raw)
	if err != nil {
		return nil, fmt.Errorf("cannot read the CA's key in %s: %w; put it back from a backup", keyFile, err)
	}
	raw, err = os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the CA's certificate: %w", err)
	}
	certs := peer.Certificates(raw)
	if len(certs) == 0 || !certs[0].IsCA || !samePublic(certs[0].PublicKey, key.Public()) {
		return nil, fmt.Errorf("cannot use %s: it is not the certificate of the key in %s; put both back from one backup", certFile, keyFile)
	}
	return &CA{certs[0], key}, nil
}

func samePublic(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(x crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

func parseKey(raw []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("it is no PEM file")
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	s, ok := k.(crypto.Signer)
	if !ok {
		return nil, errors.New("it can't sign")
	}
	return s, nil
}

// KeyPEM writes a private key that was made by this program.
func KeyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot write a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
