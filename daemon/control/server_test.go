package control

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/control/controltest"
	"lockerd/daemon/locker"
)

var door101 = locker.DoorID{Locker: 1, Door: 1}

// TestEveryRequest asks for everything once and compares with the bank itself.
func TestEveryRequest(t *testing.T) {
	s := serve(t, nil)
	c, ctx := s.client("Zoë"), t.Context()
	tests := []struct {
		name      string
		got, want func() (any, error)
	}{
		{"status", func() (any, error) { return c.Status(ctx) }, func() (any, error) { return s.bank.Status(ctx) }},
		{"doors", func() (any, error) { return c.Doors(ctx) }, func() (any, error) { return s.bank.Doors(ctx) }},
		{"stock", func() (any, error) { return c.Stock(ctx) }, func() (any, error) { return s.bank.Stock(ctx) }},
		{"verify", func() (any, error) { return c.Verify(ctx) }, func() (any, error) { return s.bank.Verify(ctx) }},
		{"clock", func() (any, error) { return c.Clock(ctx) }, func() (any, error) { return s.bank.Clock(ctx) }},
		{"test", func() (any, error) { return c.SelfTest(ctx) }, func() (any, error) { return s.bank.SelfTest(ctx) }},
		{"open", func() (any, error) { return c.Open(ctx, door101, "why") }, constant(bank.OpenResult{Door: door101, Outcome: "opened", Tries: 1, MS: 412})},
		{"service", func() (any, error) { return nil, c.SetService(ctx, door101, false) }, constant(nil)},
		{"set", func() (any, error) {
			return nil, c.SetStock(ctx, door101, &locker.Item{SKU: "x", Condition: locker.Ready})
		}, constant(nil)},
		{"clear", func() (any, error) { return nil, c.SetStock(ctx, door101, nil) }, constant(nil)},
		{
			"new",
			func() (any, error) { return c.NewCode(ctx, bank.NewCode{Kind: locker.Clear, TTL: time.Hour}) },
			constant(bank.IssuedCode{ID: "l-0001", Text: controltest.Text, Tag: locker.TagOf("lon-042", controltest.Text), NotAfter: controltest.Now.Add(time.Hour)}),
		},
	}
	for _, test := range tests {
		got, err := test.got()
		want, _ := test.want()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %+v, %v; want %+v", test.name, got, err, want)
		}
	}
	codes, err := c.Codes(ctx)
	if err != nil || len(codes) != 1 || c.RevokeCode(ctx, codes[0].ID) != nil {
		t.Errorf("codes = %v, %v", codes, err)
	}
	if _, err := c.ResetClock(ctx); err != nil {
		t.Error(err)
	}
	by := `by "` + me(t) + ` (Zoë)"`
	for _, a := range s.bank.Actions() {
		if !strings.HasSuffix(a, by) {
			t.Errorf("action %s, want %s", a, by)
		}
	}
	if n := len(s.bank.Actions()); n != 7 {
		t.Errorf("%d actions, want 7", n)
	}
	if strings.Contains(s.log.String(), controltest.Text) {
		t.Error("the text of a code was logged")
	}
}

func constant(v any) func() (any, error) { return func() (any, error) { return v, nil } }

// raw sends what no Client would.
func raw(t *testing.T, s *served, method, target, body string) (int, string) {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", s.path)
	}}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://lockerd"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestRefusals(t *testing.T) {
	s := serve(t, nil)
	long := strings.Repeat("x", maxBody)
	for _, test := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"GET", "/", "", 404, "this lockerd knows no such request"},
		{"GET", "/v2/status", "", 404, "knows no such request"},
		{"POST", "/v1/status", "{}", 404, "cannot POST"},
		{"GET", "/v1/status?all=1", "", 400, `cannot take query member \"all\"`},
		{"GET", "/v1/status?%zz", "", 400, "cannot read the query"},
		{"POST", "/v1/open", "", 400, "cannot read the request: EOF"},
		{"POST", "/v1/open", `{"door":"1-01","reason":"r"} {}`, 400, "something follows it"},
		{"POST", "/v1/open", `{"door":"1-01","reason":"r"} x`, 400, "cannot read the request"},
		{"POST", "/v1/open", `{"door":"1-01","reason":"r","force":true}`, 400, `unknown field \"force\"`},
		{"POST", "/v1/open", `{"door":"1-99","reason":"r"}`, 400, "a door is written L-DD"},
		{"POST", "/v1/open", `{"reason":"r"}`, 400, "cannot tell which door is meant"},
		{"POST", "/v1/open", `{"door":"1-01"}`, 400, "without a reason"},
		{"POST", "/v1/open", `{"door":"1-01","reason":"a\u0007"}`, 400, "cannot take the reason"},
		{"POST", "/v1/open", `{"door":"1-01","reason":"` + strings.Repeat("x", maxReason+1) + `"}`, 400, "cannot take the reason"},
		{"POST", "/v1/open", `{"door":"1-01","reason":"` + long + `"}`, 400, "larger than 16384 bytes"},
		{"POST", "/v1/open?by=a&by=b", `{"door":"1-01","reason":"r"}`, 400, "each of [by] once"},
		{"POST", "/v1/open?by=%07", `{"door":"1-01","reason":"r"}`, 400, "cannot take the name in by"},
		{"POST", "/v1/open", `{"door":"1-09","reason":"r"}`, 404, "there is no door 1-09"},
		{"POST", "/v1/open", `{"door":"1-03","reason":"r"}`, 409, "out of service"},
		{"POST", "/v1/service", `{"in":true}`, 400, "which door"},
		{"POST", "/v1/service", `{"door":"1-01"}`, 400, "in or out of service"},
		{"POST", "/v1/stock", `{"door":"1-01"}`, 400, "cannot tell what lies behind the door"},
		{"POST", "/v1/stock", `{"item":null}`, 400, "which door"},
		{"POST", "/v1/stock/audit", `{"audit":"a-1","door":"1-01","expected":null}`, 400, "expected and found"},
		{"POST", "/v1/stock/audit", `{"audit":"a-1","expected":null,"found":null}`, 400, "which door"},
		{"POST", "/v1/stock/audit", `{"audit":"a-1","door":"9-99","expected":null,"found":null}`, 400, "cannot read door"},
		{"POST", "/v1/stock", `{"door":"1-01","item":{"colour":"red"}}`, 400, `unknown field \"colour\"`},
		{"POST", "/v1/codes/revoke", `{"id":"a b"}`, 400, "cannot revoke a code by this id"},
		{"POST", "/v1/codes/revoke", `{"id":"a"}`, 404, "no such code was issued"},
		{"POST", "/v1/clock/reset", `{"now":1}`, 400, "unknown field"},
		{"GET", "/v1/events?from=-1", "", 400, "cannot begin with event"},
		{"GET", "/v1/events?follow=yes", "", 400, "follow is 0 or 1"},
		{"GET", "/v1/events?to=4", "", 400, "query member"},
		{"GET", "/v1/trace", "", 400, "cannot tell which bus is meant"},
		{"GET", "/v1/trace?bus=z", "", 404, "there is no such bus"},
		{"GET", "/v1/trace?bus=a&last=few", "", 400, "frames before the end"},
		{"GET", "/v1/trace?bus=a&follow=yes", "", 400, "follow is 0 or 1"},
	} {
		status, body := raw(t, s, test.method, test.target, test.body)
		if status != test.status || !strings.Contains(body, test.want) || !strings.HasPrefix(body, `{"code":"`) {
			t.Errorf("%s %s %.60s = %d %s; want %d with %q", test.method, test.target, test.body, status, body, test.status, test.want)
		}
	}
	if a := s.bank.Actions(); len(a) != 0 {
		t.Errorf("the bank was ordered %q", a)
	}
}

func TestErrorsOfTheBank(t *testing.T) {
	s := serve(t, nil)
	for _, test := range []struct {
		err    error
		status int
		want   string
	}{
		{&bank.Error{Code: CodeUnavailable, Text: "t", Cure: "c"}, 503, `{"code":"unavailable","error":"t","cure":"c"}`},
		{&bank.Error{Code: CodeFailed, Text: "t"}, 500, `{"code":"failed","error":"t"}`},
		{io.ErrShortWrite, 500, `{"code":"failed","error":"short write","cure":"journalctl -u lockerd says more"}`},
	} {
		s.bank.Fail["Stock"] = test.err
		if status, body := raw(t, s, "GET", "/v1/stock", ""); status != test.status || body != test.want+"\n" {
			t.Errorf("%v = %d %s, want %d %s", test.err, status, body, test.status, test.want)
		}
	}
}

// TestDeadline lets a bank hang; in virtual time its two minutes pass at once.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := controltest.New()
		b.Hold = make(chan struct{})
		s := New(b, slog.New(slog.DiscardHandler))
		w := httptest.NewRecorder()
		begun := time.Now()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/open", strings.NewReader(`{"door":"1-01","reason":"r"}`)))
		if w.Code != 503 || !strings.Contains(w.Body.String(), "the bank was not done within 2m0s") || time.Since(begun) != openTime {
			t.Errorf("after %s: %d %s", time.Since(begun), w.Code, w.Body)
		}
	})
}

// TestLongerThanReading holds an opening past the deadline for reading its
// request, which must not count as the client's end.
func TestLongerThanReading(t *testing.T) {
	held, begun := make(chan struct{}), make(chan struct{}, 1)
	s := serve(t, func(s *served) {
		s.readTimeout = 50 * time.Millisecond
		s.bank.Hold = held
		s.bank.OnWait, begun = signalled()
	})
	result := make(chan error, 1)
	go func() {
		_, err := s.client("").Open(t.Context(), door101, "why")
		result <- err
	}()
	await(t, begun)
	select {
	case err := <-result:
		t.Fatalf("ended early: %v", err)
	case <-time.After(6 * s.readTimeout): // the claim is that nothing happens meanwhile
	}
	close(held)
	if err := await(t, result); err != nil {
		t.Error(err)
	}
}

func TestConnectionBound(t *testing.T) {
	s := serve(t, nil)
	conns := make([]net.Conn, maxServed)
	for i := range conns {
		c, err := net.Dial("unix", s.path)
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
		defer func() { _ = c.Close() }()
		if _, err := io.WriteString(c, "GET /v1/clock HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 512)); err != nil { // it is served, and stays
			t.Fatal(err)
		}
	}
	_, err := s.client("").Clock(t.Context())
	if err == nil || !strings.Contains(err.Error(), "64 others are connected") {
		t.Fatalf("one past the bound: %v", err)
	}
	_ = conns[0].Close()
	for until := time.Now().Add(waitMax); err != nil; _, err = s.client("").Clock(t.Context()) {
		if time.Now().After(until) {
			t.Fatalf("a place that is free again is not given: %v", err)
		}
	}
}

// TestStopWaitsForRequests ends the server while an opening is under way.
func TestStopWaitsForRequests(t *testing.T) {
	held, begun := make(chan struct{}), make(chan struct{}, 1)
	s := serve(t, func(s *served) {
		s.bank.Hold = held
		s.bank.OnWait, begun = signalled()
	})
	result := make(chan error, 1)
	go func() {
		_, err := s.client("").Open(t.Context(), door101, "why")
		result <- err
	}()
	await(t, begun)
	s.stop()
	await(t, s.Server.stop)
	close(held)
	if err := await(t, result); err != nil {
		t.Errorf("an opening under way was cut off: %v", err)
	}
	s.end(t)
	if _, err := s.client("").Status(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no such socket") {
		t.Errorf("after the end: %v", err)
	}
}

func TestStopEndsWhatHangs(t *testing.T) {
	begun := make(chan struct{}, 1)
	s := serve(t, func(s *served) {
		s.drainTime = 10 * time.Millisecond
		s.bank.Hold = make(chan struct{})
		s.bank.OnWait, begun = signalled()
	})
	result := make(chan error, 1)
	go func() {
		_, err := s.client("").Open(t.Context(), door101, "why")
		result <- err
	}()
	await(t, begun)
	s.end(t)
	if err := await(t, result); err == nil || !strings.Contains(err.Error(), "lockerd is stopping") {
		t.Errorf("a hanging opening ended with %v", err)
	}
}

func TestServeSaysWhenTheSocketFails(t *testing.T) {
	l, err := Listen(t.Context(), t.TempDir()+"/s")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	err = New(controltest.New(), slog.New(slog.DiscardHandler)).Serve(t.Context(), l)
	if err == nil || !strings.Contains(err.Error(), "cannot serve the control socket") {
		t.Errorf("Serve = %v", err)
	}
}
