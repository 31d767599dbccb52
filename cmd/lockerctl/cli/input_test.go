package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// TestInterruptEndsReading: whoever is asked for a code at a terminal can leave by Ctrl-C.
func TestInterruptEndsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // who doesn't leave blocks for ever, which is told
		stdin, typed := io.Pipe()
		ctx, interrupt := context.WithCancel(t.Context())
		var errs bytes.Buffer
		e := &env{stdin: stdin, stderr: &errs, getenv: func(string) string { return "" }}
		interrupt()
		if code := e.run(ctx, []string{"tag", "-", "--bank", "lon-042"}, io.Discard); code != exitFailed {
			t.Errorf("exits %d", code)
		}
		if got, want := errs.String(), "lockerctl: interrupted: no code was read\n  next: lockerctl tag -, and type it\n"; got != want {
			t.Errorf("says %q, want %q", got, want)
		}
		_ = typed.Close() // so that nobody reads any more
	})
}

// TestTypedAheadIsNoAnswer: what was typed before a door is asked for, as an Enter too many
// at the door before, confirms nothing that nobody has looked at.
func TestTypedAheadIsNoAnswer(t *testing.T) {
	b, path := serve(t)
	b.Shut()
	keyboard, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = keyboard.Close(), tty.Close() })
	if _, err := fmt.Fprint(keyboard, "\n\n\n"); err != nil {
		t.Fatal(err)
	}
	for limit := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		n, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCINQ)
		if err != nil || time.Now().After(limit) {
			t.Fatalf("%d bytes are typed (%v)", n, err)
		}
		if n == 3 {
			break
		}
	}
	shown, stdout := io.Pipe()
	e := &env{stdin: tty, stderr: io.Discard, getenv: func(string) string { return "" }}
	go func() {
		e.run(t.Context(), []string{"--socket", path, "stock", "audit", "1-01", "1-02"}, stdout)
		_ = stdout.Close()
	}()
	var all []string
	for lines := bufio.NewScanner(shown); lines.Scan(); {
		all = append(all, lines.Text())
		if strings.HasSuffix(lines.Text(), " ?") {
			if _, err := fmt.Fprintln(keyboard, "skip"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if page := strings.Join(all, "\n"); !strings.Contains(page, ": 0 doors agree, 0 differ, 2 left out") {
		t.Errorf("answers come from nobody:\n%s", page)
	}
}
