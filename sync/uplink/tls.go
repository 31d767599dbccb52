package uplink

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// Clock gives bank time and whether the kernel has it synchronised.
type Clock func() (now time.Time, synced bool)

// maxMoments bounds the moments a chain is tried at.
const maxMoments = 32

// tlsConfig reads the TLS files as they are now.
func (c *Config) tlsConfig(host string, clock Clock) (*tls.Config, error) {
	v := verifier{host: host, clock: clock}
	if c.CAFile != "" {
		b, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read ca_file %q: %w", c.CAFile, err)
		}
		if v.own = certificates(b); len(v.own) == 0 {
			return nil, fmt.Errorf("cannot use ca_file %q: it holds no certificate in PEM; put the CA's there", c.CAFile)
		}
		v.roots = x509.NewCertPool()
		for _, cert := range v.own {
			v.roots.AddCert(cert)
		}
	}
	t := &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: host,
		// The library judges at one moment only; verifier does all it would do, at
		// bank time (contract 8).
		InsecureSkipVerify: true,
		VerifyConnection:   v.verify,
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot use cert_file %q with key_file %q: %w", c.CertFile, c.KeyFile, err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}

func certificates(b []byte) (out []*x509.Certificate) {
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return out
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			out = append(out, cert)
		}
	}
}

// verifier judges the broker's certificate at bank time.
type verifier struct {
	host  string
	roots *x509.CertPool // nil: the system's
	own   []*x509.Certificate
	clock Clock
}

func (v *verifier) verify(cs tls.ConnectionState) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("cannot trust the broker: it showed no certificate")
	}
	o := x509.VerifyOptions{DNSName: v.host, Roots: v.roots, Intermediates: x509.NewCertPool()}
	for _, cert := range cs.PeerCertificates[1:] {
		o.Intermediates.AddCert(cert)
	}
	now, synced := v.clock()
	var first error
	for _, o.CurrentTime = range v.moments(now, synced, cs.PeerCertificates) {
		_, err := cs.PeerCertificates[0].Verify(o)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return fmt.Errorf("cannot trust the broker's certificate at bank time %s: %w", now.UTC().Format(time.RFC3339), first)
}

// moments returns bank time and, unless it is synchronised, every later moment
// at which one of the certificates begins. A chain that is valid at one of them
// would be valid now but for a "not yet": none of it has expired at that moment,
// so none has at bank time.
func (v *verifier) moments(now time.Time, synced bool, shown []*x509.Certificate) []time.Time {
	at := []time.Time{now}
	if synced {
		return at
	}
	for _, cert := range slices.Concat(shown, v.own) {
		if cert.NotBefore.After(now) && len(at) < maxMoments {
			at = append(at, cert.NotBefore)
		}
	}
	return at
}
