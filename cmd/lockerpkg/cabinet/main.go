// Command cabinet is what stands around lockerd in `make lifecycle`: lock boards and a
// scanner on ptys that live as long as this program, whatever becomes of lockerd, and the
// web server that updates come from. It counts every pulse that the boards get: the
// proof that no door moves over an update does not come from lockerd.
//
//	cabinet serve DIR REPOSITORY   board 1 of family xor8a, 8 doors, on DIR/bus; a scanner on DIR/front;
//	                               REPOSITORY on https://127.0.0.1:8443, its CA in DIR/ca.pem
//	cabinet pulses DIR             how many there were
package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"lockerd/hal/sim"
)

const (
	doors     = 8
	shutAfter = 3 * time.Second
	address   = "127.0.0.1:8443"
	valid     = 24 * time.Hour
	patience  = 10 * time.Second // of a client
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cabinet:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "serve":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return serve(ctx, args[1], args[2])
	case len(args) == 2 && args[0] == "pulses":
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return pulses(ctx, args[1])
	}
	return errors.New("cannot do that: call it as cabinet serve DIR REPOSITORY, or cabinet pulses DIR")
}

func serve(ctx context.Context, dir, repository string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec,nolintlint // lockerd has to get in
		return err
	}
	line, err := sim.NewLine(sim.LineConfig{
		Family: "xor8a", Link: filepath.Join(dir, "bus"), Boards: []sim.BoardConfig{{Address: 1, Channels: doors}},
	})
	if err != nil {
		return err
	}
	defer func() { _ = line.Close() }()
	line.Attend(sim.Person{Shut: shutAfter})
	scanner, err := sim.NewScanner(filepath.Join(dir, "front"), "\r")
	if err != nil {
		return err
	}
	defer func() { _ = scanner.Close() }()
	for _, p := range []string{line.Path(), scanner.Path()} {
		if err := os.Chmod(p, 0o666); err != nil { //nolint:gosec,nolintlint // as a udev rule does it
			return err
		}
	}
	var lc net.ListenConfig
	counter, err := lc.Listen(ctx, "unix", filepath.Join(dir, "pulses"))
	if err != nil {
		return err
	}
	web, err := website(dir, repository)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- web.ListenAndServeTLS("", "") }()
	go func() { failed <- tell(counter, line.Log()) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	return errors.Join(err, web.Close(), counter.Close())
}

// tell answers everybody who comes with the number of pulses.
func tell(l net.Listener, log *sim.Log) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c, len(log.Pulses()))
		if err = errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
}

func pulses(ctx context.Context, dir string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", filepath.Join(dir, "pulses"))
	if err != nil {
		return fmt.Errorf("cannot ask: %w; is cabinet serve running?", err)
	}
	defer func() { _ = c.Close() }()
	n, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	_, err = io.WriteString(os.Stdout, n)
	return err
}

// website serves the repository with a certificate that signs itself, and leaves that in
// dir for those who are to trust it.
func website(dir, repository string) (*http.Server, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	cert := x509.Certificate{
		SerialNumber: big.NewInt(now.Unix()), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(valid),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &cert, &cert, key.Public(), key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), text, 0o644); err != nil { //nolint:gosec,nolintlint // public
		return nil, err
	}
	return &http.Server{
		Addr: address, Handler: http.FileServer(http.Dir(repository)), ReadHeaderTimeout: patience,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
	}, nil
}
