package fleet

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/synctest"
)

// TestInterruptEndsReading: whoever types a document at a terminal can leave by Ctrl-C.
func TestInterruptEndsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // who doesn't leave blocks for ever, which is told
		stdin, typed := io.Pipe()
		ctx, interrupt := context.WithCancel(t.Context())
		var errs bytes.Buffer
		e := &env{program: program(), flags: (*globals).register, stdin: stdin, stderr: &errs, getenv: func(string) string { return "" }}
		interrupt()
		if code := e.run(ctx, []string{"desired", "apply", "lon-042", "-"}, io.Discard); code != exitFailed {
			t.Errorf("exits %d", code)
		}
		if got, want := errs.String(), "lockerctl: interrupted; what was ordered by then may still happen\n"; got != want {
			t.Errorf("says %q, want %q", got, want)
		}
		_ = typed.Close() // so that nobody reads any more
	})
}
