package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// asProgram makes the test binary the program: the live demo starts itself.
const asProgram = "LOCKERDEMO_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+t.TempDir(), "TERM=xterm", "NO_COLOR=1")
	return cmd
}

func TestTour(t *testing.T) {
	out, err := program(t, "--once").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"code 3, for", "door 1-07 is OPEN", "door 2-03 JAMMED", "door 2-04 is OPEN", "used already", "misread", "NEW-0002 lies behind", "has come back", "for repair", "is LOW: 2, there should be 3", "60-second promise: kept for 100.0 % of 5 visits", "replaying all events gives exactly", "journal j-", "Done:"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the tour does not say %q:\n%s", want, out)
		}
	}
}

// TestTourFails: the tour is a check, so it must see what is missing.
func TestTourFails(t *testing.T) {
	s, err := openSite(t.Context(), t.TempDir(), tourPace())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	tr := &tour{site: s, out: &bytes.Buffer{}, seq: s.loaded}
	s.hw.scanner.Unplug()
	if err := tr.opening(t.Context()); err == nil {
		t.Error("a step without a scanner has passed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tr.expect(ctx, want{kind: "door.opened"}); err == nil {
		t.Error("an event was seen that never came")
	}
}

func TestCalledWrongly(t *testing.T) {
	for _, args := range [][]string{nil, {"--bad"}, {"once"}} {
		out, err := program(t, args...).CombinedOutput()
		var e *exec.ExitError
		if !errors.As(err, &e) || e.ExitCode() != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
		if !strings.Contains(string(out), "--once") {
			t.Errorf("%q does not say what to do: %s", args, out)
		}
	}
}

// TestDumb: a terminal that knows no escape sequences is sent none.
func TestDumb(t *testing.T) {
	cmd := program(t)
	cmd.Env = append(cmd.Env, "TERM=dumb")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: minWidth, Rows: minHeight})
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(tty) // to the end, which is EIO
	if err := tty.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(said), "--once") || bytes.Contains(said, []byte("\x1b")) {
		t.Errorf("%v: %q", err, said)
	}
}

// screen collects what a terminal was sent.
type screen struct {
	mu      sync.Mutex
	all     bytes.Buffer
	changed chan struct{}
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return s.all.Write(b)
}

func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		found := strings.Contains(s.all.String(), text)
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-s.changed:
		case <-limit:
			t.Fatalf("the screen never shows %q:\n%q", text, s.all.String())
		}
	}
}

// session is the program on a terminal.
type session struct {
	*screen
	cmd    *exec.Cmd
	tty    *os.File // theirs
	keys   *os.File // ours
	before *term.State
	read   chan struct{}
}

func startLive(t *testing.T) *session {
	t.Helper()
	s := &session{screen: &screen{changed: make(chan struct{}, 1)}, cmd: program(t), read: make(chan struct{})}
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s.tty = theirs
	if err := pty.Setsize(ours, &pty.Winsize{Cols: minWidth, Rows: minHeight}); err != nil {
		t.Fatal(err)
	}
	if s.before, err = term.GetState(int(theirs.Fd())); err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = theirs, theirs, theirs
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.read)
		_, _ = io.Copy(s.screen, ours) // until it is closed
	}()
	t.Cleanup(func() {
		_ = theirs.Close()
		_ = ours.Close()
		<-s.read
	})
	s.keys = ours
	return s
}

func (s *session) typed(t *testing.T, text string) {
	t.Helper()
	if _, err := s.keys.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// ended waits for the program and checks that the terminal is as it was.
func (s *session) ended(t *testing.T) error {
	t.Helper()
	err := s.cmd.Wait()
	after, serr := term.GetState(int(s.tty.Fd()))
	if serr != nil {
		t.Fatal(serr)
	}
	if !reflect.DeepEqual(s.before, after) {
		t.Error("the terminal is not as it was")
	}
	return err
}

func TestLive(t *testing.T) {
	s := startLive(t)
	s.await(t, "Enter begins")
	s.typed(t, "\r")
	s.await(t, "Nothing yet")
	s.typed(t, "1\r")
	s.await(t, "door 1-07 is OPEN")
	s.typed(t, "force 1-05\r")
	s.await(t, "door 1-05 was FORCED")
	s.typed(t, "4\r")
	s.await(t, "NEW-0002 lies behind door 2-02 now")
	s.typed(t, "report\r")
	s.await(t, "60-second promise: kept for 100.0 % of 1 visits")
	s.typed(t, "\rhelp\r")
	s.await(t, "What can be typed")
	if err := pty.Setsize(s.keys, &pty.Winsize{Cols: 40, Rows: 10}); err != nil {
		t.Fatal(err)
	}
	s.await(t, "This window is 40x10")
	s.typed(t, "\rquit\r")
	if err := s.ended(t); err != nil {
		t.Error(err)
	}
	s.await(t, "stopped in order")
}

func TestInterrupted(t *testing.T) {
	s := startLive(t)
	s.await(t, "Enter begins")
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := s.ended(t); err != nil {
		t.Error(err)
	}
}

// TestCrashed: the process that shows the bank ends as in a panic, without a
// chance to give the terminal back.
func TestCrashed(t *testing.T) {
	s := startLive(t)
	s.await(t, "Enter begins")
	if err := syscall.Kill(childOf(t, s.cmd.Process.Pid), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	var e *exec.ExitError
	if err := s.ended(t); !errors.As(err, &e) || e.ExitCode() != exitFailed {
		t.Errorf("it ended with %v", err)
	}
	s.await(t, leaveScreen)
	s.await(t, "goroutine ") // what it said is not lost
}

func childOf(t *testing.T, pid int) int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lists {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has gone
		}
		if child, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			return child
		}
	}
	t.Fatalf("process %d has no child", pid)
	return 0
}
