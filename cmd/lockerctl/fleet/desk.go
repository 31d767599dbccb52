package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/backend/boltstore"
)

// desk is where a verb has its work done: the serve that runs, or a backend of its own
// for the time being.
type desk interface {
	ask(ctx context.Context, op string, in, out any) error
	close() error
}

func socketPath(state string) string { return state + ".sock" }

// socketMax is how long the name of a socket may be on Linux.
const socketMax = 107

// at opens a desk; one of its own listens to the named bank only, "" to all.
func (c *call) at(ctx context.Context, bank string) (desk, error) {
	if err := maybeBank(bank); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	remote := newClient(socketPath(c.state))
	if remote.there(ctx) {
		return remote, nil
	}
	s, err := openStation(ctx, &c.globals, bank, nil)
	if errors.Is(err, boltstore.ErrBusy) {
		return nil, fail("cannot use %s: another process has it, and does not answer at %s", "see who: fuser -v "+c.state+"; wait for its end, or run lockerctl fleet serve for good and let it answer", c.state, socketPath(c.state))
	}
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx, c.wait); err != nil && ctx.Err() != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func checkBank(bank string) error {
	if !locker.ValidBank(bank) {
		return ui.Usagef("cannot read bank %q: a-z, 0-9 and -, at most 32, as lon-042", bank)
	}
	return nil
}

// maybeBank takes "" for no bank in particular.
func maybeBank(bank string) error {
	if bank == "" {
		return nil
	}
	return checkBank(bank)
}

// client asks a serve at its socket.
type client struct {
	path string
	http *http.Client
}

func newClient(path string) *client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &client{path: path, http: &http.Client{Transport: &http.Transport{DialContext: dial}}}
}

func (c *client) there(ctx context.Context) bool {
	if len(c.path) > socketMax {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return c.ask(ctx, "ping", struct{}{}, nil) == nil
}

func (c *client) close() error {
	c.http.CloseIdleConnections()
	return nil
}

func serveEnded() error {
	return fail("lockerctl fleet serve has ended meanwhile; what was ordered by then may still happen", "start it again; lockerctl fleet events --follow shows what does")
}

// answerMax bounds an answer: 1,000 banks with all their stock, or a page of events.
const answerMax = 64 << 20

func (c *client) ask(ctx context.Context, op string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://fleet/v1/"+op, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without an address that is nobody's
		}
		if o, ok := errors.AsType[*net.OpError](err); !ok || o.Op != "dial" { // what was asked may have been heard
			return serveEnded()
		}
		return fail("cannot reach lockerctl fleet serve at %s: %s", "is it running? lockerctl fleet serve", c.path, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	b, err := io.ReadAll(io.LimitReader(resp.Body, answerMax))
	if err != nil {
		return fmt.Errorf("cannot read the answer of lockerctl fleet serve: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		f := &failure{}
		if json.Unmarshal(b, f) != nil || f.Text == "" {
			f = &failure{Text: fmt.Sprintf("lockerctl fleet serve answers %s", resp.Status), Cure: "use one version of lockerctl for both"}
		}
		return f
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}
