package control

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"lockerd/daemon/locker"
)

// maxLine bounds one stored event, in bytes; real ones stay below two KiB.
const maxLine = 256 << 10

// ErrEnded is returned by Events when a followed stream ended in order: the
// daemon stops or restarts.
var ErrEnded = errors.New("lockerd has ended the stream of events")

// Events calls line with each stored event from seq from on (0: the oldest
// kept), without its newline. Without follow it returns nil after the newest;
// with it, it goes on until ctx ends (nil), the daemon goes (ErrEnded) or line
// fails. The bytes are valid only during the call.
func (c *Client) Events(ctx context.Context, from uint64, follow bool, line func([]byte) error) error {
	return c.stream(ctx, url.Values{"from": {strconv.FormatUint(from, 10)}}, "/v1/events", follow, line)
}

// Await returns the first event from seq from on that is wanted, stored already or still to
// come. It fails when ctx ends or the daemon goes.
func (c *Client) Await(ctx context.Context, from uint64, wanted func(*locker.Event) bool) (locker.Event, error) {
	var found *locker.Event
	err := c.Events(ctx, from, true, func(line []byte) error {
		var e locker.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		if wanted(&e) {
			found = &e
			return ErrEnded // of no more interest
		}
		return nil
	})
	if found != nil {
		return *found, nil
	}
	return locker.Event{}, cmp.Or(err, ctx.Err())
}

// Trace calls line with each frame that is kept of a bus's line, as JSON of a
// TraceLine: from the given number of frames before the end, or all of them
// with 0. An empty name stands for the only bus. It ends as Events does.
func (c *Client) Trace(ctx context.Context, bus string, last uint64, follow bool, line func([]byte) error) error {
	q := url.Values{}
	if bus != "" {
		q.Set("bus", bus)
	}
	if last > 0 {
		q.Set("last", strconv.FormatUint(last, 10))
	}
	return c.stream(ctx, q, "/v1/trace", follow, line)
}

func (c *Client) stream(ctx context.Context, q url.Values, path string, follow bool, line func([]byte) error) error {
	if follow {
		q.Set("follow", "1")
	}
	resp, err := c.do(ctx, http.MethodGet, path+"?"+q.Encode(), nil)
	if err != nil {
		return ended(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := c.lines(resp.Body, line); err != nil {
		return ended(ctx, err)
	}
	if err := errorOf(resp.Trailer.Get(errorTrailer)); err != nil {
		return err
	}
	if follow {
		return ended(ctx, ErrEnded)
	}
	return nil
}

// ended turns the error of a stream that its reader has ended into none.
func ended(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return nil
	}
	return err
}

func (c *Client) lines(r io.Reader, line func([]byte) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, maxLine)
	for sc.Scan() {
		if err := line(sc.Bytes()); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return c.unreachable(err)
	}
	return nil
}
