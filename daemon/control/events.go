package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"lockerd/daemon/bank"
)

const (
	batch        = 256 // events read from the bank at one time
	errorTrailer = "Lockerd-Error"
)

// source is what can be streamed: numbered lines, those that are there and those
// to come.
type source interface {
	// Events returns at most that many lines with seq >= from; none are returned
	// only where there are none.
	Events(ctx context.Context, from uint64, most int) ([][]byte, error)
	// Wait blocks until a line with seq >= next exists.
	Wait(ctx context.Context, next uint64) error
}

// events streams the stored lines.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	q, err := query(r, "from", "follow")
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	from, follow, err := beginning(q)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	s.send(w, r, s.bank, from, follow)
}

// send streams lines. A stream that breaks off says why in the trailer; one
// that ends without is whole.
func (s *Server) send(w http.ResponseWriter, r *http.Request, src source, from uint64, follow bool) {
	ctx, cancel := s.untilStop(r.Context())
	defer cancel()
	lines, err := src.Events(ctx, from, batch)
	if err != nil { // before the first byte it can still be told plainly
		s.refuse(w, r, s.late(ctx, err, 0))
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Trailer", errorTrailer)
	out := &stream{w: w, rc: http.NewResponseController(w), next: max(from, 1)}
	if err := out.run(ctx, src, lines, follow); err != nil && ctx.Err() == nil {
		w.Header().Set(errorTrailer, trailer(err))
	}
}

// stream is the client's end of a stream of events.
type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	next uint64 // seq of the event to come
}

// run writes lines and what follows them.
func (o *stream) run(ctx context.Context, src source, lines [][]byte, follow bool) error {
	for ctx.Err() == nil {
		if err := o.put(lines); err != nil {
			return err
		}
		if len(lines) == 0 {
			if !follow {
				return nil
			}
			if err := src.Wait(ctx, o.next); err != nil {
				return err
			}
		}
		var err error
		if lines, err = src.Events(ctx, o.next, batch); err != nil {
			return err
		}
	}
	return nil
}

// put writes one batch and flushes it; an empty one tells the client that the
// stream has begun.
func (o *stream) put(lines [][]byte) error {
	_ = o.rc.SetWriteDeadline(time.Now().Add(streamStall)) // unsupported only in tests
	for _, line := range lines {
		var ev struct {
			Seq uint64 `json:"seq"`
		}
		if err := json.Unmarshal(line, &ev); err != nil || ev.Seq < o.next {
			return fmt.Errorf("cannot go on after event %d: the journal's next line is none (lockerctl journal verify)", o.next-1)
		}
		o.next = ev.Seq + 1
		if _, err := o.w.Write(append(slices.Clip(line), '\n')); err != nil {
			return err
		}
	}
	return o.rc.Flush()
}

// beginning reads where a stream begins and whether it goes on.
func beginning(q url.Values) (from uint64, follow bool, err error) {
	if v := q.Get("from"); v != "" {
		if from, err = strconv.ParseUint(v, 10, 63); err != nil {
			return 0, false, invalid(fmt.Sprintf("cannot begin with event %.40q", v), "give the seq of an event, a whole number")
		}
	}
	switch q.Get("follow") {
	case "", "0":
	case "1":
		follow = true
	default:
		return 0, false, invalid("cannot take this value of follow", "follow is 0 or 1")
	}
	return from, follow, nil
}

// trailer is the error as ASCII: JSON, quoted as in Go.
func trailer(err error) string {
	var e *bank.Error
	if !errors.As(err, &e) {
		e = &bank.Error{Code: CodeFailed, Text: err.Error(), Cure: "journalctl -u lockerd says more"}
	}
	b, err := json.Marshal(e)
	if err != nil { // a struct of texts cannot fail
		return strconv.QuoteToASCII(`{"code":"failed"}`)
	}
	return strconv.QuoteToASCII(string(b))
}

// errorOf reads a trailer; "" is no error.
func errorOf(s string) error {
	if s == "" {
		return nil
	}
	e := &bank.Error{Code: CodeFailed, Text: "the stream of events broke off"}
	if js, err := strconv.Unquote(s); err == nil {
		_ = json.Unmarshal([]byte(js), e) // what cannot be read leaves the default
	}
	return e
}
