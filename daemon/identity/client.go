package identity

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lockerd/sync/enrol"
	"lockerd/sync/peer"
)

// askTime bounds one question to the endpoint.
const askTime = 30 * time.Second

// endpoint reads the address of one.
func endpoint(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is no address of an enrolment endpoint; write it as https://enrol.example.com:8443", address)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// ask posts a message and reads the grant. v is what the endpoint is known by; cert, if
// there is one, is shown.
func (i *Identity) ask(ctx context.Context, address, path string, v peer.Verifier, cert *tls.Certificate, in any) (*enrol.Grant, error) {
	u, err := endpoint(address)
	if err != nil {
		return nil, err
	}
	v.Whom, v.Host, v.Clock = "the enrolment endpoint", u.Hostname(), i.judge
	t := v.Config()
	t.MinVersion = tls.VersionTLS13
	if cert != nil {
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	c := http.Client{
		Transport:     &http.Transport{TLSClientConfig: t, DialContext: i.o.Dial, DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the enrolment endpoint: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	raw, err := io.ReadAll(io.LimitReader(resp.Body, enrol.MaxBody))
	if err != nil {
		return nil, fmt.Errorf("cannot read the answer of the enrolment endpoint: %w", err)
	}
	return answer(resp, raw)
}

func answer(resp *http.Response, raw []byte) (*enrol.Grant, error) {
	switch resp.StatusCode {
	case http.StatusOK:
		g := &enrol.Grant{}
		if err := json.Unmarshal(raw, g); err != nil || g.V != enrol.Version {
			return nil, errors.New("cannot read the answer of the enrolment endpoint; is it of another version of lockerctl?")
		}
		return g, nil
	case http.StatusBadRequest, http.StatusForbidden:
		r := &enrol.Refusal{}
		if json.Unmarshal(raw, r) == nil && r.Code != "" && r.Text != "" {
			return nil, r
		}
	}
	return nil, fmt.Errorf("cannot be served by the enrolment endpoint now: it answers %s", resp.Status)
}
