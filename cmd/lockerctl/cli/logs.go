package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"lockerd/daemon/support"
)

// logs are what this machine has logged: the kernel's own memory, or else what
// journald has kept of it, and what lockerd has said.
func logs() map[string]support.Question {
	return map[string]support.Question{
		"kernel.log": func(ctx context.Context) ([]byte, error) {
			b, err := support.KernelLog(ctx)
			if err == nil {
				return b, nil
			}
			b, jerr := journald(ctx, "_TRANSPORT=kernel")
			if jerr != nil {
				return nil, errors.Join(err, jerr)
			}
			return b, nil
		},
		"lockerd.log": func(ctx context.Context) ([]byte, error) { return journald(ctx, "_SYSTEMD_UNIT=lockerd.service") },
	}
}

const journaldLines = "2000"

// journald asks journalctl, which reads the files of journald if this user may.
func journald(ctx context.Context, match string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "journalctl", "--quiet", "--no-pager", "--output=short-iso", "--lines="+journaldLines, match)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot ask journalctl for %s: %w %s", match, err, strings.TrimSpace(complaint.String()))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("journalctl has nothing of %s for this user", match)
	}
	return out, nil
}
