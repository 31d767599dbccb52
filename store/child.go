package store

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"
)

// CheckTimeout is how long a check of state.db may take: a loop in a damaged
// file is damage.
const CheckTimeout = 20 * time.Second

const maxChildOutput = 512 // bytes of a child's last words in an error

// InChild returns a check that runs in a process of its own: exe with args and
// the path. The child calls CheckFile and exits 0 if it returned nil. Whatever
// else becomes of the child, a panic, a fault or a hang, is damage.
func InChild(exe string, args ...string) func(ctx context.Context, path string) error {
	return func(ctx context.Context, path string) error {
		ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
		defer cancel()
		cmd := exec.CommandContext(ctx, exe, append(append([]string(nil), args...), path)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			out = bytes.TrimSpace(out[:min(len(out), maxChildOutput)])
			return fmt.Errorf("cannot vouch for %q: %w: %s: %w", path, err, out, ErrDamaged)
		}
		return nil
	}
}
