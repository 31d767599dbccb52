package authority_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"lockerd/sync/backend"
	"lockerd/sync/enrol"
	"lockerd/sync/enrol/authority"
	"lockerd/sync/peer"
)

// serve runs an authority's endpoint on loopback and returns its address.
func serve(t *testing.T, a *authority.Authority) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, l, []string{"127.0.0.1"}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "https://" + l.Addr().String()
}

// client is a board's HTTPS, judging by the pin.
func client(t *testing.T, pin string, cert *tls.Certificate) *http.Client {
	t.Helper()
	v := peer.Verifier{Whom: "the endpoint", Host: "127.0.0.1", Pin: pin, Clock: func() (time.Time, bool) { return time.Now(), true }}
	c := v.Config()
	if cert != nil {
		c.Certificates = []tls.Certificate{*cert}
	}
	tr := &http.Transport{TLSClientConfig: c}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func post(t *testing.T, c *http.Client, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// TestEndpoint enrols and renews over TLS, as bytes.
func TestEndpoint(t *testing.T) {
	r := newRig(t)
	r.now = time.Now() // TLS has no other
	url := serve(t, r.Authority)
	c := client(t, r.ca.Pin(), nil)
	b, tok := newBoard(t, "lon-042"), r.token("lon-042")
	body, err := json.Marshal(enrol.Request{V: 1, Token: tok.Text, CSR: b.csr(t)})
	if err != nil {
		t.Fatal(err)
	}
	status, raw := post(t, c, url+enrol.PathEnrol, string(body))
	g := &enrol.Grant{}
	if err := json.Unmarshal([]byte(raw), g); status != http.StatusOK || err != nil {
		t.Fatalf("%d %s", status, raw)
	}
	cert := &tls.Certificate{Certificate: [][]byte{leaf(t, g).Raw}, PrivateKey: b.key}
	if status, raw = post(t, client(t, r.ca.Pin(), cert), url+enrol.PathRenew, "{}"); status != http.StatusOK {
		t.Errorf("renewal: %d %s", status, raw)
	}

	for _, x := range []struct {
		path, body, code string
		status           int
	}{
		{enrol.PathEnrol, "", enrol.Malformed, http.StatusBadRequest},
		{enrol.PathEnrol, `{"v":2}`, enrol.Malformed, http.StatusBadRequest},
		{enrol.PathEnrol, `{"v":1,"token":"` + strings.Repeat("x", enrol.MaxBody) + `"}`, enrol.Malformed, http.StatusBadRequest},
		{enrol.PathEnrol, strings.Replace(string(body), tok.Text, "aaaaaaaaaaaaaaaaaaaaaaaaaa", 1), enrol.UnknownToken, http.StatusForbidden},
		{enrol.PathRenew, "{}", enrol.Unknown, http.StatusForbidden},
	} {
		status, raw := post(t, c, url+x.path, x.body)
		f := &enrol.Refusal{}
		if err := json.Unmarshal([]byte(raw), f); err != nil || status != x.status || f.Code != x.code || f.Cure == "" {
			t.Errorf("%.40s: %d %s", x.body, status, raw)
		}
		if strings.Contains(raw, tok.Text) {
			t.Errorf("the answer repeats the token: %s", raw)
		}
	}
	if _, err := client(t, newRig(t).ca.Pin(), nil).Get(url + enrol.PathRenew); err == nil {
		t.Error("the endpoint of another CA is trusted")
	}
}

// broken is a store whose disk is full.
type broken struct{ *backend.Memory }

func (b broken) Update(change func(backend.Tx) error) error {
	return errors.Join(b.Memory.Update(change), errors.New("disk full at /srv/secret/fleet.db"))
}

// TestEndpointCannot answers 503 without saying why, so that the board tries again.
func TestEndpointCannot(t *testing.T) {
	r := newRig(t)
	r.now = time.Now() // by which the client judges the endpoint
	tok := r.token("lon-042")
	a := authority.New(authority.Options{Store: broken{r.store}, CA: r.ca, Now: func() time.Time { return r.now }})
	url := serve(t, a)
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(enrol.Request{V: 1, Token: tok.Text, CSR: newBoard(t, "lon-042").csr(t)}); err != nil {
		t.Fatal(err)
	}
	status, raw := post(t, client(t, r.ca.Pin(), nil), url+enrol.PathEnrol, body.String())
	if status != http.StatusServiceUnavailable || strings.Contains(raw, "secret") {
		t.Errorf("%d %s", status, raw)
	}
}

// TestStolenCertificateOverTLS shows a revoked certificate with its key: TLS lets it in, and
// the answer is in words.
func TestStolenCertificateOverTLS(t *testing.T) {
	r := newRig(t)
	r.now = time.Now()
	url := serve(t, r.Authority)
	b := newBoard(t, "lon-042")
	x := r.must(r.enrol(b, r.token("lon-042").Text))
	if _, err := r.Revoke("lon-042", "", "stolen"); err != nil {
		t.Fatal(err)
	}
	cert := &tls.Certificate{Certificate: [][]byte{x.Raw}, PrivateKey: b.key}
	status, raw := post(t, client(t, r.ca.Pin(), cert), url+enrol.PathRenew, "{}")
	if status != http.StatusForbidden || !strings.Contains(raw, `"code":"revoked"`) {
		t.Errorf("%d %s", status, raw)
	}
	// Without the key the certificate is worth nothing: it is public.
	thief := &tls.Certificate{Certificate: [][]byte{x.Raw}, PrivateKey: newBoard(t, "x").key}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+enrol.PathRenew, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t, r.ca.Pin(), thief).Do(req)
	if err == nil {
		_ = resp.Body.Close() // unread
		t.Error("a certificate was shown without its key")
	}
}
