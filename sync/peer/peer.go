// Package peer judges the certificate of a TLS server at bank time (contract 8):
// unless the clock is synchronised "not yet valid" passes, "expired" never does. A
// board without a battery begins at 1970 and has to reach its broker and its
// enrolment all the same; a certificate that has run out is refused by either clock.
//
// The standard library judges at one moment only. A Verifier therefore stands in its
// place (Config), and does all that it would do: chain, name, use and time.
package peer

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Clock gives bank time and whether the kernel has it synchronised.
type Clock func() (now time.Time, synced bool)

// maxMoments bounds the moments a chain is tried at.
const maxMoments = 32

// Verifier judges the certificates that others show.
type Verifier struct {
	Whom  string              // as errors name it: "the broker"
	Host  string              // "": not looked at
	Roots []*x509.Certificate // nil: the system's
	// Pin is the fingerprint of the one root that is trusted, in place of Roots. The
	// server has to show that root in its chain.
	Pin   string
	Clock Clock
}

// Config returns a client's configuration that the verifier judges for.
func (v *Verifier) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         v.Host,
		InsecureSkipVerify: true, // VerifyConnection does it, at bank time
		VerifyConnection:   v.Verify,
	}
}

// Verify judges a server's handshake.
func (v *Verifier) Verify(cs tls.ConnectionState) error {
	return v.Chain(cs.PeerCertificates, x509.ExtKeyUsageServerAuth)
}

// Chain judges a certificate, the first of the list, with those that came with it.
func (v *Verifier) Chain(shown []*x509.Certificate, use x509.ExtKeyUsage) error {
	if len(shown) == 0 {
		return fmt.Errorf("cannot trust %s: it showed no certificate", v.Whom)
	}
	roots, err := v.roots(shown)
	if err != nil {
		return err
	}
	o := x509.VerifyOptions{DNSName: v.Host, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{use}}
	if roots != nil {
		o.Roots = x509.NewCertPool()
		for _, cert := range roots {
			o.Roots.AddCert(cert)
		}
	}
	for _, cert := range shown[1:] {
		o.Intermediates.AddCert(cert)
	}
	now, synced := v.Clock()
	var first error
	for _, o.CurrentTime = range moments(now, synced, slices.Concat(shown, roots)) {
		_, err := shown[0].Verify(o)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return fmt.Errorf("cannot trust the certificate of %s at bank time %s: %w", v.Whom, now.UTC().Format(time.RFC3339), first)
}

func (v *Verifier) roots(shown []*x509.Certificate) ([]*x509.Certificate, error) {
	if v.Pin == "" {
		return v.Roots, nil
	}
	for _, cert := range shown {
		if Fingerprint(cert) == v.Pin {
			return []*x509.Certificate{cert}, nil
		}
	}
	return nil, fmt.Errorf("cannot trust %s: none of the certificates it shows is the CA %s", v.Whom, v.Pin)
}

// moments returns bank time and, unless it is synchronised, every later moment
// at which one of the certificates begins. A chain that is valid at one of them
// would be valid now but for a "not yet": none of it has expired at that moment,
// so none has at bank time.
func moments(now time.Time, synced bool, certs []*x509.Certificate) []time.Time {
	at := []time.Time{now}
	if synced {
		return at
	}
	for _, cert := range certs {
		if cert.NotBefore.After(now) && len(at) < maxMoments {
			at = append(at, cert.NotBefore)
		}
	}
	return at
}

// Certificates returns the certificates of a PEM text; what is none is passed over.
func Certificates(b []byte) (out []*x509.Certificate) {
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

// PEM writes certificates as a PEM text.
func PEM(certs ...*x509.Certificate) string {
	var b bytes.Buffer
	for _, cert := range certs {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}) // to memory, without headers
	}
	return b.String()
}

const pinPrefix = "sha256:"

// Fingerprint names a certificate: sha256: and the digest of its DER bytes in hex.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return pinPrefix + hex.EncodeToString(sum[:])
}

// ErrPin is returned when a text is no fingerprint.
var ErrPin = errors.New("a fingerprint is sha256: and 64 hexadecimal digits")

// ParsePin reads a fingerprint as people write it: in capitals and with colons too.
func ParsePin(s string) (string, error) {
	digits, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(s)), pinPrefix)
	digits = strings.ReplaceAll(digits, ":", "")
	if b, err := hex.DecodeString(digits); !ok || err != nil || len(b) != sha256.Size {
		return "", ErrPin
	}
	return pinPrefix + digits, nil
}
