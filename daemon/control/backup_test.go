package control

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"lockerd/daemon/bank"
)

func TestBackupAndBundle(t *testing.T) {
	s := serve(t, func(s *served) {
		s.Bundle(func(context.Context) ([]byte, error) { return []byte("bundle"), nil })
		s.Backup(func(_ context.Context, w io.Writer) error {
			_, err := io.WriteString(w, strings.Repeat("backup", 100_000))
			return err
		})
	})
	if b, err := s.client("").Bundle(t.Context()); err != nil || string(b) != "bundle" {
		t.Errorf("%q: %v", b, err)
	}
	body, err := s.client("").Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(body)
	if err != nil || len(b) != 600_000 || body.Err() != nil {
		t.Errorf("%d bytes: %v, %v", len(b), err, body.Err())
	}
	_ = body.Close()
}

// TestBackupBreaksOff tells why: plainly before the first byte, else at the end.
func TestBackupBreaksOff(t *testing.T) {
	full := &bank.Error{Code: CodeFailed, Text: "no space", Cure: "make some"}
	begun := false
	s := serve(t, func(s *served) {
		s.Bundle(func(context.Context) ([]byte, error) { return nil, full })
		s.Backup(func(_ context.Context, w io.Writer) error {
			if begun {
				_, _ = io.WriteString(w, "half of it")
			}
			return full
		})
	})
	refused := func(err error) bool {
		e, ok := errors.AsType[*bank.Error](err)
		return ok && e.Text == full.Text && e.Cure == full.Cure
	}
	if _, err := s.client("").Bundle(t.Context()); !refused(err) {
		t.Errorf("bundle: %v", err)
	}
	if _, err := s.client("").Backup(t.Context()); !refused(err) {
		t.Errorf("backup: %v", err)
	}
	begun = true
	body, err := s.client("").Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(body)
	if err != nil || string(b) != "half of it" || !refused(body.Err()) {
		t.Errorf("%q, %v, %v", b, err, body.Err())
	}
	_ = body.Close()
}

// TestBackupEndsWithTheDaemon: one that is under way is cut off, and says so.
func TestBackupEndsWithTheDaemon(t *testing.T) {
	under := make(chan struct{})
	s := serve(t, func(s *served) {
		s.Backup(func(ctx context.Context, w io.Writer) error {
			_, _ = io.WriteString(w, strings.Repeat("begun", 10_000)) // past what is held back
			close(under)
			<-ctx.Done()
			return ctx.Err()
		})
	})
	body, err := s.client("").Backup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-under
	s.end(t)
	if _, err := io.ReadAll(body); err != nil || body.Err() == nil || !strings.Contains(body.Err().Error(), "lockerd is stopping") {
		t.Errorf("%v, %v", err, body.Err())
	}
	_ = body.Close()
}

func TestNeitherIsBuiltIn(t *testing.T) {
	s := serve(t, nil)
	for _, err := range []error{
		func() error { _, err := s.client("").Bundle(t.Context()); return err }(),
		func() error { _, err := s.client("").Backup(t.Context()); return err }(),
	} {
		if e, ok := errors.AsType[*bank.Error](err); !ok || e.Code != CodeUnavailable || e.Cure == "" {
			t.Errorf("%v", err)
		}
	}
}
