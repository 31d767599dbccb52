package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"lockerd/daemon/bank"
)

func invalid(text, cure string) error {
	return &bank.Error{Code: CodeInvalid, Text: text, Cure: cure}
}

func tooMany() error {
	return &bank.Error{
		Code: CodeUnavailable,
		Text: fmt.Sprintf("cannot serve this client: %d others are connected", maxServed),
		Cure: "end some of them (lockerctl events --follow?), then try again",
	}
}

// noRoute says why no pattern took the request.
func (s *Server) noRoute(r *http.Request) error {
	return &bank.Error{
		Code: CodeNotFound,
		Text: fmt.Sprintf("cannot %s %.80q: this lockerd knows no such request", r.Method, r.URL.Path),
		Cure: "use the lockerctl of the version of lockerd",
	}
}

// late names the deadline where it was what ended the bank's answer.
func (s *Server) late(ctx context.Context, err error, limit time.Duration) error {
	var known *bank.Error
	if err == nil || errors.As(err, &known) || ctx.Err() == nil {
		return err
	}
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return &bank.Error{
			Code: CodeUnavailable,
			Text: fmt.Sprintf("cannot answer: the bank was not done within %s", limit),
			Cure: "look at the doors and at lockerctl status before trying again; journalctl -u lockerd says more",
		}
	}
	return &bank.Error{
		Code: CodeUnavailable,
		Text: "cannot answer: lockerd is stopping",
		Cure: "systemctl status lockerd, then try again",
	}
}

// reply writes a result, or the error that stands in its place.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, v any, err error) {
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	body, err := json.Marshal(v)
	if err != nil {
		s.refuse(w, r, fmt.Errorf("cannot write the answer: %w", err))
		return
	}
	s.write(w, http.StatusOK, body)
}

// refuse answers with the error as JSON.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var e *bank.Error
	if !errors.As(err, &e) {
		e = &bank.Error{Code: CodeFailed, Text: err.Error(), Cure: "journalctl -u lockerd says more"}
	}
	s.log.LogAttrs(r.Context(), slog.LevelDebug, "control: request refused",
		slog.String("path", r.URL.Path), slog.String("code", e.Code), slog.String("error", e.Text))
	body, merr := json.Marshal(e)
	if merr != nil { // a struct of texts cannot fail
		body = []byte(`{"code":"failed","error":"cannot write the error"}`)
	}
	s.write(w, statusOf(e.Code), body)
}

func (s *Server) write(w http.ResponseWriter, status int, body []byte) {
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(writeTimeout)) // unsupported only in tests
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // a client that has gone needs no answer
}

func statusOf(code string) int {
	switch code {
	case CodeNotFound:
		return http.StatusNotFound
	case CodeRefused:
		return http.StatusConflict
	case CodeInvalid:
		return http.StatusBadRequest
	case CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
