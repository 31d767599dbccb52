package flash

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
)

// TestInterruptEndsReading: whoever types a seed at a terminal can leave by Ctrl-C.
func TestInterruptEndsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // who doesn't leave blocks for ever, which is told
		stdin, typed := io.Pipe()
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		c := &call{env: &env{stdin: stdin}, options: options{seed: "-"}}
		if _, err := c.readSeed(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("reads on, to %v", err)
		}
		_ = typed.Close() // so that nobody reads any more
	})
}
