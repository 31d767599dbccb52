package control

import (
	"bytes"
	"context"
	"log/slog"
	"os/user"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lockerd/daemon/control/controltest"
	"lockerd/hal"
)

const waitMax = 20 * time.Second // for anything a test awaits

// served is a server under test at a real socket.
type served struct {
	*Server
	bank *controltest.Bank
	path string
	log  *logBuffer
	stop context.CancelFunc
	done chan error
}

// serve starts a server of a fake bank; it has ended when the test has.
func serve(t *testing.T, with func(*served)) *served {
	t.Helper()
	s := &served{bank: controltest.New(), path: filepath.Join(t.TempDir(), "s"), log: &logBuffer{}, done: make(chan error, 1)}
	s.Server = New(s.bank, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	s.Watch(map[string]hal.Tracer{"a": controltest.NewLine(nil), "b": controltest.NewLine(nil)})
	if with != nil {
		with(s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.stop = cancel
	l, err := Listen(ctx, s.path)
	if err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.Serve(ctx, l) }()
	t.Cleanup(func() { s.end(t) })
	return s
}

// end stops the server and awaits its end; a second call does nothing.
func (s *served) end(t *testing.T) {
	t.Helper()
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	if err := await(t, s.done); err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func (s *served) client(by string) *Client { return NewClient(s.path, by) }

// logBuffer is a log that several goroutines write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func await[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(waitMax):
		t.Fatal("nothing came")
	}
	panic("not reached")
}

func me(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// signalled returns a callback and a channel that gets its first call.
func signalled() (func(), chan struct{}) {
	c := make(chan struct{}, 1)
	return func() {
		select {
		case c <- struct{}{}:
		default:
		}
	}, c
}
