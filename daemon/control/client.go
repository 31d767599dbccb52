package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

const (
	dialTimeout = 5 * time.Second
	patience    = 15 * time.Second // of the client, past the server's own deadline
	maxAnswer   = 16 << 20         // bytes: a bank has 204 doors, its set local some thousand codes
)

// Client asks at a control socket. Its errors are *bank.Error, with a cure also
// where the socket itself was the trouble.
type Client struct {
	socket string
	by     string
	http   *http.Client
}

// NewClient returns a client of the socket; by is the name of who asks, or "".
func NewClient(socket, by string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: dialTimeout}
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket: socket, by: by, http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks for the bank in one page.
func (c *Client) Status(ctx context.Context) (bank.Status, error) {
	return read[bank.Status](ctx, c, "/v1/status", quick)
}

// Doors asks for all doors.
func (c *Client) Doors(ctx context.Context) ([]bank.DoorStatus, error) {
	return read[[]bank.DoorStatus](ctx, c, "/v1/doors", quick)
}

// Open orders an opening and waits for its outcome.
func (c *Client) Open(ctx context.Context, door locker.DoorID, reason string) (bank.OpenResult, error) {
	return act[bank.OpenResult](ctx, c, "/v1/open", openTime, OpenRequest{Door: door, Reason: reason})
}

// SetService puts a door in service or out of it.
func (c *Client) SetService(ctx context.Context, door locker.DoorID, in bool) error {
	_, err := act[none](ctx, c, "/v1/service", quick, ServiceRequest{Door: door, In: &in})
	return err
}

// Stock asks for the counts.
func (c *Client) Stock(ctx context.Context) ([]bank.StockLine, error) {
	return read[[]bank.StockLine](ctx, c, "/v1/stock", quick)
}

// SetStock says what lies behind a door; nil clears it.
func (c *Client) SetStock(ctx context.Context, door locker.DoorID, item *locker.Item) error {
	_, err := act[none](ctx, c, "/v1/stock", quick, StockRequest{Door: door, Item: item})
	return err
}

// Audit says what was found behind one door.
func (c *Client) Audit(ctx context.Context, a bank.Audited) error {
	_, err := act[none](ctx, c, "/v1/stock/audit", quick, a)
	return err
}

// EndAudit says that an audit is over.
func (c *Client) EndAudit(ctx context.Context, a bank.AuditEnd) error {
	_, err := act[none](ctx, c, "/v1/stock/audit/end", quick, a)
	return err
}

// Verify has the journal checked from its first event to its last.
func (c *Client) Verify(ctx context.Context) (bank.VerifyResult, error) {
	return read[bank.VerifyResult](ctx, c, "/v1/journal/verify", scanTime)
}

// Clock asks for bank time and its ground.
func (c *Client) Clock(ctx context.Context) (bank.ClockStatus, error) {
	return read[bank.ClockStatus](ctx, c, "/v1/clock", quick)
}

// ResetClock lowers the floor of bank time to the system clock.
func (c *Client) ResetClock(ctx context.Context) (bank.ClockStatus, error) {
	return act[bank.ClockStatus](ctx, c, "/v1/clock/reset", quick, none{})
}

// NewCode issues a code into the set local.
func (c *Client) NewCode(ctx context.Context, n bank.NewCode) (bank.IssuedCode, error) {
	return act[bank.IssuedCode](ctx, c, "/v1/codes", quick, n)
}

// Codes asks for the codes of the set local.
func (c *Client) Codes(ctx context.Context) ([]bank.CodeStatus, error) {
	return read[[]bank.CodeStatus](ctx, c, "/v1/codes", quick)
}

// RevokeCode revokes a code of the set local.
func (c *Client) RevokeCode(ctx context.Context, id string) error {
	_, err := act[none](ctx, c, "/v1/codes/revoke", quick, RevokeRequest{ID: id})
	return err
}

// SelfTest has the bank look at itself; nothing moves.
func (c *Client) SelfTest(ctx context.Context) ([]bank.SelfTestLine, error) {
	return read[[]bank.SelfTestLine](ctx, c, "/v1/self-test", testTime)
}

// Update orders a new version and waits until it is verified on the bank's disk.
func (c *Client) Update(ctx context.Context, o bank.UpdateOrder) (bank.UpdateStatus, error) {
	return act[bank.UpdateStatus](ctx, c, "/v1/update", updateTime, o)
}

// UpdateStatus asks how versions and updates stand.
func (c *Client) UpdateStatus(ctx context.Context) (bank.UpdateStatus, error) {
	return read[bank.UpdateStatus](ctx, c, "/v1/update", quick)
}

func read[T any](ctx context.Context, c *Client, path string, limit time.Duration) (T, error) {
	return ask[T](ctx, c, http.MethodGet, path, limit, nil)
}

func act[T any](ctx context.Context, c *Client, path string, limit time.Duration, body any) (T, error) {
	if c.by != "" {
		path += "?by=" + url.QueryEscape(c.by)
	}
	return ask[T](ctx, c, http.MethodPost, path, limit, body)
}

// ask makes one request and reads its answer.
func ask[T any](ctx context.Context, c *Client, method, path string, limit time.Duration, body any) (T, error) {
	var v T
	ctx, cancel := context.WithTimeout(ctx, limit+patience)
	defer cancel()
	resp, err := c.do(ctx, method, path, body)
	if err != nil {
		return v, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return v, c.unreachable(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, c.foreign(fmt.Sprintf("its answer to %s cannot be read: %v", path, err))
	}
	return v, nil
}

// do sends a request and returns its answer, or the error in the answer.
func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var r io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("cannot write the request: %w", err)
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://lockerd"+path, r)
	if err != nil {
		return nil, fmt.Errorf("cannot write the request: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	return nil, c.refusal(resp)
}

// refusal reads the bank.Error of an answer.
func (c *Client) refusal(resp *http.Response) error {
	var e bank.Error
	err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&e)
	if err != nil || e.Text == "" {
		return c.foreign("it answers " + resp.Status)
	}
	return &e
}
