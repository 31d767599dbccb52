package authority

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"lockerd/sync/enrol"
)

// Bounds of the endpoint.
const (
	requestTime = 15 * time.Second
	stopTime    = 3 * time.Second
	headerMax   = 16 << 10
	// CRLEvery is how often the revocation list is written anew while serving.
	CRLEvery = 24 * time.Hour
)

// Serve answers boards on a listener until ctx ends. The endpoint's certificate is the
// CA's, for the named hosts, with a key that is kept in memory only.
func (a *Authority) Serve(ctx context.Context, l net.Listener, hosts []string) error {
	own := &endpoint{a: a, hosts: hosts}
	if _, err := own.certificate(nil); err != nil {
		return errors.Join(err, l.Close())
	}
	h := &http.Server{
		Handler: a.Handler(), BaseContext: func(net.Listener) context.Context { return ctx },
		ReadTimeout: requestTime, WriteTimeout: requestTime, MaxHeaderBytes: headerMax,
		ErrorLog: slog.NewLogLogger(a.o.Log.Handler(), slog.LevelDebug),
	}
	// A certificate that has run out, or was revoked, gets an answer in words: the
	// handler judges, and TLS only proves that its owner has the key.
	t := &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert, GetCertificate: own.certificate}
	done := make(chan error, 1)
	go func() { done <- h.Serve(tls.NewListener(l, t)) }()
	daily := time.NewTicker(CRLEvery)
	defer daily.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-daily.C:
			if err := a.WriteCRL(); err != nil {
				a.o.Log.Error("cannot write the revocation list", slog.Any("error", err))
			}
		case <-ctx.Done():
			sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
			defer cancel()
			if h.Shutdown(sctx) == nil {
				return nil
			}
			return h.Close() // who is still asking asks again
		}
	}
}

// endpoint is the server's own certificate, made anew in time.
type endpoint struct {
	a     *Authority
	hosts []string

	mu   sync.Mutex
	cert *tls.Certificate
}

func (e *endpoint) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.a.o.Now()
	if e.cert != nil && now.Before(enrol.RenewAt(e.cert.Leaf)) {
		return e.cert, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := e.a.o.CA
	leaf, err := ca.leaf("lockerd enrolment", &key.PublicKey, now, BankLife, e.hosts, x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, err
	}
	// The CA goes along: a new board knows its fingerprint only.
	e.cert = &tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.Cert.Raw}, PrivateKey: key, Leaf: leaf}
	return e.cert, nil
}

// Handler answers the endpoint's two paths.
func (a *Authority) Handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST "+enrol.PathEnrol, func(w http.ResponseWriter, r *http.Request) {
		var q enrol.Request
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, enrol.MaxBody))
		if err == nil {
			err = json.Unmarshal(raw, &q)
		}
		if err != nil || q.V != enrol.Version {
			a.answer(w, r, nil, enrol.Refuse(enrol.Malformed, "use one version of lockerd and lockerctl", "cannot read the request of a board"))
			return
		}
		g, err := a.Enrol(&q)
		a.answer(w, r, g, err)
	})
	m.HandleFunc("POST "+enrol.PathRenew, func(w http.ResponseWriter, r *http.Request) {
		var shown []*x509.Certificate
		if r.TLS != nil {
			shown = r.TLS.PeerCertificates
		}
		g, err := a.Renew(shown)
		a.answer(w, r, g, err)
	})
	return m
}

func (a *Authority) answer(w http.ResponseWriter, r *http.Request, g *enrol.Grant, err error) {
	status, v := http.StatusOK, any(g)
	log := a.o.Log.With(slog.String("from", r.RemoteAddr), slog.String("path", r.URL.Path))
	if err != nil {
		refused, final := errors.AsType[*enrol.Refusal](err)
		status, v = http.StatusForbidden, refused
		switch {
		case !final: // the store, the disk: not the board's to know
			status, v = http.StatusServiceUnavailable, &enrol.Refusal{Code: "unavailable", Text: "the operator cannot answer now"}
			log.Error("cannot answer a board", slog.Any("error", err))
		case refused.Code == enrol.Malformed:
			status = http.StatusBadRequest
		}
		if final {
			log.Warn("refused a board", slog.String("code", refused.Code), slog.String("why", refused.Text))
		}
	} else {
		log.Info("gave a certificate", slog.String("bank", g.Bank))
	}
	raw, err := json.Marshal(v)
	if err != nil {
		status, raw = http.StatusServiceUnavailable, []byte(`{"code":"unavailable","error":"the operator cannot answer now"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // whoever asked may be gone
}
