package control

import (
	"context"
	"errors"
	"strings"
	"testing"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

func collect(list *[]string) func([]byte) error {
	return func(line []byte) error {
		*list = append(*list, string(line))
		return nil
	}
}

func TestEventsAreWholeAndByteForByte(t *testing.T) {
	s := serve(t, nil)
	for range 3 * batch {
		s.bank.Append(locker.Event{Type: locker.EvDoorForced, Door: door101})
	}
	for _, from := range []uint64{0, 1, 5, 3 * batch, 5 + 3*batch, 6 + 3*batch} {
		var got []string
		if err := s.client("").Events(t.Context(), from, false, collect(&got)); err != nil {
			t.Fatal(err)
		}
		want, err := s.bank.Events(t.Context(), from, 4*batch)
		if err != nil || len(got) != len(want) {
			t.Fatalf("from %d: %d lines, want %d (%v)", from, len(got), len(want), err)
		}
		for i := range got {
			if got[i] != string(want[i]) {
				t.Fatalf("from %d, line %d is %s, want %s", from, i, got[i], want[i])
			}
		}
	}
}

func TestFollowUntilTheDaemonGoes(t *testing.T) {
	waits := make(chan struct{}, 1)
	s := serve(t, func(s *served) { s.bank.OnWait, waits = signalled() })
	lines := make(chan string, 10)
	done := make(chan error, 1)
	go func() {
		done <- s.client("").Events(t.Context(), 5, true, func(b []byte) error { lines <- string(b); return nil })
	}()
	if l := await(t, lines); !strings.HasPrefix(l, `{"seq":5,`) {
		t.Errorf("first line %s", l)
	}
	await(t, waits)
	s.bank.Append(locker.Event{Type: locker.EvDoorAjar, Door: door101})
	if l := await(t, lines); !strings.HasPrefix(l, `{"seq":6,`) {
		t.Errorf("followed line %s", l)
	}
	s.end(t)
	if err := await(t, done); !errors.Is(err, ErrEnded) {
		t.Errorf("a followed stream ended with %v, want ErrEnded", err)
	}
}

func TestFollowUntilTheClientGoes(t *testing.T) {
	waits := make(chan struct{}, 1)
	s := serve(t, func(s *served) { s.bank.OnWait, waits = signalled() })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.client("").Events(ctx, 0, true, func([]byte) error { return nil }) }()
	await(t, waits)
	cancel()
	if err := await(t, done); err != nil {
		t.Errorf("a stream its reader ended is an error: %v", err)
	}
	s.end(t) // returns only when the stream's handler has
}

// TestAwait: an event that comes, one that is stored, and one that does not come until
// ctx ends.
func TestAwait(t *testing.T) {
	s := serve(t, nil)
	onWait, waiting := signalled()
	s.bank.OnWait = onWait
	of := func(kind string) func(*locker.Event) bool {
		return func(e *locker.Event) bool { return e.Type == kind }
	}
	came := make(chan error, 1)
	go func() {
		_, err := s.client("").Await(t.Context(), 0, of(locker.EvDoorAjar))
		came <- err
	}()
	await(t, waiting)
	s.bank.Append(locker.Event{Type: locker.EvDoorAjar, Door: door101})
	if err := await(t, came); err != nil {
		t.Errorf("what comes: %v", err)
	}
	if e, err := s.client("").Await(t.Context(), 0, of(locker.EvDoorAjar)); err != nil || e.Door != door101 {
		t.Errorf("what is stored: %+v, %v", e, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.client("").Await(ctx, 0, of(locker.EvDoorJammed)); !errors.Is(err, context.Canceled) {
		t.Errorf("what does not come: %v", err)
	}
}

func TestEventsStopWhenTheReaderFails(t *testing.T) {
	s := serve(t, nil)
	full := errors.New("disk full")
	if err := s.client("").Events(t.Context(), 0, true, func([]byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("Events = %v", err)
	}
}

// TestStreamBreaksOff looks for the reason in the trailer.
func TestStreamBreaksOff(t *testing.T) {
	s := serve(t, func(s *served) {
		s.bank.Fail["Wait"] = &bank.Error{Code: CodeFailed, Text: "cannot read the journal: \"Öl\"", Cure: "dry it"}
	})
	onWait, waiting := signalled()
	s.bank.OnWait = onWait
	done := make(chan error, 1)
	go func() { done <- s.client("").Events(t.Context(), 0, true, func([]byte) error { return nil }) }()
	await(t, waiting)
	s.bank.Append(locker.Event{Type: locker.EvDoorAjar, Door: door101})
	err := await(t, done)
	e, ok := errors.AsType[*bank.Error](err)
	if !ok || e.Text != "cannot read the journal: \"Öl\"" || e.Cure != "dry it" {
		t.Errorf("Events = %#v", err)
	}
	s.bank.Fail["Events"] = errors.New("no disk")
	if err := s.client("").Events(t.Context(), 0, true, nil); err == nil || err.Error() != "no disk" {
		t.Errorf("Events = %v", err)
	}
}

// badBank returns lines that are no journal.
type badBank struct {
	Bank
	line string
}

func (b badBank) Events(context.Context, uint64, int) ([][]byte, error) {
	return [][]byte{[]byte(b.line)}, nil
}

func TestStreamRefusesWhatIsNoJournal(t *testing.T) {
	for _, line := range []string{`{`, `{"seq":"a"}`, `{"seq":2}`} {
		s := serve(t, nil)
		s.Server.bank = badBank{s.bank, line}
		err := s.client("").Events(t.Context(), 3, false, func([]byte) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "cannot go on after event 2") {
			t.Errorf("line %s: %v", line, err)
		}
	}
}

func TestTrailerRoundTrip(t *testing.T) {
	if errorOf("") != nil {
		t.Error("no trailer is an error")
	}
	if err := errorOf("garbage"); err == nil {
		t.Error("garbage in the trailer is no error")
	}
	e, ok := errors.AsType[*bank.Error](errorOf(trailer(errors.New("ä\n\x00"))))
	if !ok || e.Text != "ä\n\x00" || e.Code != CodeFailed {
		t.Errorf("round trip gives %#v", e)
	}
}
