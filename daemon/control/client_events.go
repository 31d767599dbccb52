package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	path := fmt.Sprintf("/v1/events?from=%d", from)
	if follow {
		path += "&follow=1"
	}
	resp, err := c.do(ctx, http.MethodGet, path, nil)
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
