package fleet

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"lockerd/cmd/lockerctl/ui"
)

// TestNowhereForTheState: a service without $HOME leaves no private key in the directory that
// it happens to be in.
func TestNowhereForTheState(t *testing.T) {
	t.Chdir(t.TempDir())
	for args, program := range map[string]*ui.Program[*call]{
		"keys new": program(), "keys show": program(), "watch --once": program(), "bundle lon-042": program(),
		"serve --broker mqtt://127.0.0.1:1": program(), "init --url https://127.0.0.1:1": enrolProgram(),
	} {
		var errs bytes.Buffer
		e := &env{program: program, flags: (*globals).register, stderr: &errs, getenv: func(string) string { return "" }}
		if code := e.run(t.Context(), strings.Fields(args), io.Discard); code != exitUsage || !strings.Contains(errs.String(), "--state is missing") {
			t.Errorf("%s: exit %d, %s", args, code, errs.String())
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
