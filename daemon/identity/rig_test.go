package identity

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/seed"
	"lockerd/sync/backend"
	"lockerd/sync/enrol"
	"lockerd/sync/enrol/authority"
)

const (
	bank    = "lon-042"
	host    = "enrol.example.com"
	address = "https://" + host
	keySet  = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ops-1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","lb_may":["ack","codes","desired","command","ticket","trust"],"lb_tenant":"*"}]}`
)

// operator is the authority and its endpoint, reached through pipes: it runs in a test's
// bubble too.
type operator struct {
	*authority.Authority
	t  *testing.T
	ca *authority.CA
	l  *pipes

	mu     sync.Mutex
	away   bool // the network
	deaf   bool // it answers, and no answer comes back
	asked  int
	failed error // of its store
}

// pipes is a listener whose connections are in memory.
type pipes struct {
	c    chan net.Conn
	done chan struct{}
	once sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.c:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }

// start runs an operator until the test's end, with certificates of a life.
func start(t *testing.T, life time.Duration) *operator {
	t.Helper()
	ca, err := authority.NewCA("Example lockers", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{t: t, ca: ca, l: &pipes{c: make(chan net.Conn), done: make(chan struct{})}}
	o.Authority = authority.New(authority.Options{
		Store: backend.NewMemory(), CA: ca, URL: address, Life: life,
		Trust: func() (json.RawMessage, error) { return json.RawMessage(keySet), o.trouble() },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Serve(ctx, o.l, []string{host}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *operator) set(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f()
}

func (o *operator) trouble() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

func (o *operator) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked
}

// dial is the network.
func (o *operator) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	o.mu.Lock()
	o.asked++
	away, deaf := o.away, o.deaf
	o.mu.Unlock()
	if away {
		return nil, errors.New("network is unreachable")
	}
	here, there := hoses()
	select {
	case o.l.c <- there:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if deaf {
		return &deafened{Conn: here}, nil
	}
	return here, nil
}

// hose carries bytes one way. Its writer waits for nobody, as TCP's: net.Pipe's would.
type hose struct {
	mu    sync.Mutex
	more  *sync.Cond
	buf   bytes.Buffer
	ended error // what a reader finds behind the last byte
	late  bool  // the reader's deadline is over
	timer *time.Timer
}

// end is one of two ends of two hoses.
type end struct{ in, out *hose }

func hoses() (here, there *end) {
	a, b := &hose{}, &hose{}
	a.more, b.more = sync.NewCond(&a.mu), sync.NewCond(&b.mu)
	return &end{a, b}, &end{b, a}
}

func (h *hose) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	h.more.Broadcast()
}

func (e *end) Read(b []byte) (int, error) {
	h := e.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.buf.Len() == 0 && h.ended == nil && !h.late {
		h.more.Wait()
	}
	switch {
	case h.late:
		return 0, os.ErrDeadlineExceeded
	case h.buf.Len() == 0:
		return 0, h.ended
	}
	return h.buf.Read(b)
}

func (e *end) Write(b []byte) (n int, err error) {
	e.out.change(func() {
		if err = e.out.ended; err == nil {
			n, err = e.out.buf.Write(b)
		}
	})
	return n, err
}

func (e *end) Close() error {
	e.out.change(func() { e.out.ended = io.EOF })
	e.in.change(func() { e.in.ended = net.ErrClosed })
	return e.SetReadDeadline(time.Time{})
}

func (e *end) SetReadDeadline(t time.Time) error {
	h := e.in
	h.change(func() {
		if h.timer != nil {
			h.timer.Stop()
		}
		if h.late = !t.IsZero() && !time.Now().Before(t); !t.IsZero() && !h.late {
			h.timer = time.AfterFunc(time.Until(t), func() { h.change(func() { h.late = true }) })
		}
	})
	return nil
}

func (e *end) SetWriteDeadline(time.Time) error { return nil } // nothing is waited for
func (e *end) SetDeadline(t time.Time) error    { return e.SetReadDeadline(t) }
func (e *end) LocalAddr() net.Addr              { return (*pipes)(nil).Addr() }
func (e *end) RemoteAddr() net.Addr             { return (*pipes)(nil).Addr() }

// deafened loses what comes back after the request has gone out: a request is more than a
// handshake.
type deafened struct {
	net.Conn
	mu   sync.Mutex
	sent int
}

func (d *deafened) Write(b []byte) (int, error) {
	n, err := d.Conn.Write(b)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent += n
	return n, err
}

func (d *deafened) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sent > 1800 && n > 0 && n < len(b) && err == nil && d.sent > 0 {
		return 0, errors.New("connection reset by peer")
	}
	return n, err
}

func (o *operator) token() string {
	o.t.Helper()
	tok, err := o.Token(bank, 24*time.Hour)
	if err != nil {
		o.t.Fatal(err)
	}
	return tok.Text
}

// sow writes a seed with a token.
func (o *operator) sow(file, forBank, token string) {
	o.t.Helper()
	b, err := seed.Encode(&seed.Seed{
		Bank: forBank, Site: "lobby", Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
		Enrol: seed.Enrol{URL: address, Token: seed.Secret(token), CA: o.ca.Pin()},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// good counts the bank's certificates.
func (o *operator) good() (n int) {
	o.t.Helper()
	lines, err := o.List(bank)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, l := range lines {
		if l.State == "good" && l.Serial != "" {
			n++
		}
	}
	return n
}

// board is a directory with a place for a seed.
type board struct {
	t    *testing.T
	o    *operator
	dir  string
	seed string

	mu     sync.Mutex
	now    func() time.Time
	status locker.Clock
}

func newBoard(t *testing.T, o *operator) *board {
	t.Helper()
	dir := t.TempDir()
	return &board{t: t, o: o, dir: filepath.Join(dir, "identity"), seed: filepath.Join(dir, seed.Name), now: time.Now, status: locker.ClockSynced}
}

func (b *board) clock(now func() time.Time, status locker.Clock) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now, b.status = now, status
}

func (b *board) read() (time.Time, locker.Clock) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now(), b.status
}

func (b *board) open(d disk) *Identity {
	return open(Options{Bank: bank, Dir: b.dir, Seed: b.seed, Clock: b.read, Dial: b.o.dial}, d)
}

// enrol goes through everything a seed leads to, as the manager does.
func (b *board) enrol(i *Identity) error {
	s, err := i.seed.read()
	if err != nil || s == nil {
		return err
	}
	if rec, _ := i.present(); rec == nil || rec.Token != enrol.TokenHash(string(s.Enrol.Token)) {
		if err := i.Enrol(b.t.Context(), s); err != nil {
			return err
		}
	}
	return i.used()
}

// enrolled makes one that is.
func enrolled(t *testing.T, o *operator) (*board, *Identity) {
	t.Helper()
	b := newBoard(t, o)
	o.sow(b.seed, bank, o.token())
	i := b.open(disk{})
	if err := b.enrol(i); err != nil {
		t.Fatal(err)
	}
	return b, i
}

// files names everything below the directory.
func (b *board) files() (list []string) {
	b.t.Helper()
	err := filepath.WalkDir(b.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			name, _ := filepath.Rel(b.dir, path)
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func cert(t *testing.T, i *Identity) *tls.Certificate {
	t.Helper()
	c, err := i.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func refused(t *testing.T, err error, code string) {
	t.Helper()
	r, ok := errors.AsType[*enrol.Refusal](err)
	if !ok || r.Code != code || r.Cure == "" {
		t.Fatalf("%v, want the refusal %s with a cure", err, code)
	}
}

// manage runs a manager until stopped, and counts its changes.
func (b *board) manage(i *Identity, look time.Duration) (changed func() int, stop func()) {
	var mu sync.Mutex
	n := 0
	p := DefaultPace()
	p.Look = look
	m := &Manager{ID: i, Pace: p, Log: quiet(b.t), Changed: func() { mu.Lock(); n++; mu.Unlock() }}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	return func() int { mu.Lock(); defer mu.Unlock(); return n }, func() { cancel(); <-done }
}

// quiet logs for people who read a test that failed.
func quiet(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(&lines{t: t}, nil))
}

// lines takes a log.
type lines struct{ t *testing.T }

func (l *lines) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}
