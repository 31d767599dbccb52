package control

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lockerd/daemon/bank"
)

// TestUnreachable wants a cure for each way in which a socket fails.
func TestUnreachable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead(t, path)
	c := NewClient(path, "")
	for _, test := range []struct {
		err        error
		text, cure string
	}{
		{syscall.ENOENT, "there is no such socket", "systemctl status lockerd, or --socket"},
		{syscall.ECONNREFUSED, "connection refused", "systemctl status lockerd, or --socket"},
		{syscall.EACCES, "permission denied", "sudo usermod -aG"},
		{syscall.EPERM, "permission denied", "log in again"},
		{syscall.EAGAIN, "too many clients wait", "end other lockerctl"},
		{context.DeadlineExceeded, "is silent", "journalctl -u lockerd"},
		{os.ErrDeadlineExceeded, "is silent", "systemctl restart lockerd"},
		{io.ErrUnexpectedEOF, "has gone meanwhile", "lockerctl events"},
		{syscall.ECONNRESET, "what was asked may have happened", "systemctl status lockerd"},
		{context.Canceled, "may still happen", "lockerctl events --follow"},
		{errors.New("malformed HTTP"), "cannot talk with what listens", "check --socket"},
	} {
		err := c.unreachable(&net.OpError{Op: "dial", Err: test.err})
		e, ok := errors.AsType[*bank.Error](err)
		if !ok || e.Code != CodeUnavailable || !strings.Contains(e.Text, test.text) || !strings.Contains(e.Cure, test.cure) {
			t.Errorf("%v: %#v", test.err, err)
		}
	}
	if _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("a dead socket: %v", err)
	}
	if cure := permissionCure(path + "/below"); !strings.Contains(cure, "sudo") {
		t.Errorf("cure below a file: %s", cure)
	}
}

// TestForeignServer talks with programs that are no lockerd.
func TestForeignServer(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no JSON":        func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"error, no JSON": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "teapot", http.StatusTeapot) },
		"empty error": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "{}")
		},
	} {
		path := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{Handler: answer}
		go func() { _ = srv.Serve(l) }()
		if _, err := NewClient(path, "").Status(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot talk with what listens") {
			t.Errorf("%s: %v", name, err)
		}
		_ = srv.Close()
	}
}

// TestDaemonDies cuts the connection in the middle of an answer.
func TestDaemonDies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"seq")
			_ = c.Close()
		}
	}()
	c := NewClient(path, "")
	if _, err := c.Status(t.Context()); err == nil || !strings.Contains(err.Error(), "has gone meanwhile") {
		t.Errorf("Status = %v", err)
	}
	if err := c.Events(t.Context(), 0, true, func([]byte) error { return nil }); err == nil || !strings.Contains(err.Error(), "has gone meanwhile") {
		t.Errorf("Events = %v", err)
	}
}
