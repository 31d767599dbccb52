package uplink

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"

	"lockerd/sync/peer"
)

// Clock gives bank time and whether the kernel has it synchronised.
type Clock = peer.Clock

// tlsConfig reads the TLS files as they are now. The broker is judged at bank time
// (contract 8).
func (c *Config) tlsConfig(host string, clock Clock) (*tls.Config, error) {
	var own *tls.Certificate
	if c.Certificate != nil { // a bank without one has no ca_file either yet
		var err error
		if own, err = c.Certificate(); err != nil {
			return nil, err
		}
	}
	v := peer.Verifier{Whom: "the broker", Host: host, Clock: clock}
	if c.CAFile != "" {
		b, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("cannot read ca_file %q: %w", c.CAFile, err)
		}
		if v.Roots = peer.Certificates(b); len(v.Roots) == 0 {
			return nil, fmt.Errorf("cannot use ca_file %q: it holds no certificate in PEM; put the CA's there", c.CAFile)
		}
	}
	t := v.Config()
	switch {
	case own != nil:
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	case c.CertFile != "":
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("cannot use cert_file %q with key_file %q: %w", c.CertFile, c.KeyFile, err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	return t, nil
}

var errReconnect = errors.New("to be connected again")
