package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/control"
	"lockerd/daemon/control/controltest"
)

// serve serves a fake bank and returns it with its socket.
func serve(t *testing.T) (*controltest.Bank, string) {
	t.Helper()
	b, path := controltest.New(), filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(t.Context())
	l, err := control.Listen(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- control.New(b, slog.New(slog.DiscardHandler)).Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b, path
}

// invoke runs lockerctl and returns what it printed.
func invoke(t *testing.T, e *env, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if e.getenv == nil {
		e.getenv = func(string) string { return "" }
	}
	e.stdin, e.stderr = strings.NewReader(""), &errs
	code = e.run(t.Context(), args, &out)
	return code, out.String(), errs.String()
}

func TestExitCodes(t *testing.T) {
	b, path := serve(t)
	b.Outcomes["1-02"] = "jammed"
	for _, test := range []struct {
		args string
		code int
	}{
		{"status", exitDone},
		{"--json doors", exitDone},
		{"open 1-01 --reason r", exitDone},
		{"open 1-02 --reason r", exitFailed},
		{"open 1-09 --reason r", exitFailed},
		{"open 1-01", exitUsage},
		{"open 7-01 --reason r", exitUsage},
		{"--json open 7-01 --reason r", exitUsage},
		{"service in 1-09", exitFailed},
		{"service on 1-09", exitUsage},
		{"stock set 1-02 cable X1", exitFailed},
		{"stock set 1-02", exitUsage},
		{"stock put", exitUsage},
		{"events --from 3", exitDone},
		{"events --from -3", exitUsage},
		{"code revoke nope", exitFailed},
		{"code new --kind gift", exitUsage},
		{"tag 31415926535897932384626434", exitDone},
		{"tag 31415926535897932384626435", exitUsage},
		{"self-test", exitDone},
		{"help", exitDone},
		{"help nonsense", exitUsage},
		{"version", exitDone},
		{"-h", exitDone},
		{"doors -h", exitDone},
		{"", exitUsage},
		{"nonsense", exitUsage},
		{"--nonsense", exitUsage},
		{"status --socket /nowhere/s", exitFailed},
	} {
		code, stdout, stderr := invoke(t, &env{}, append([]string{"--socket", path}, strings.Fields(test.args)...)...)
		if code != test.code {
			t.Errorf("%q exits %d, want %d; %s%s", test.args, code, test.code, stdout, stderr)
		}
		if failed := code != exitDone; failed == (stderr == "") {
			t.Errorf("%q exits %d with stderr %q", test.args, code, stderr)
		}
		if code == exitFailed && !strings.Contains(stderr, "\n  next: ") {
			t.Errorf("%q says not what to do next: %s", test.args, stderr)
		}
	}
}

// TestJSONIsOneDocument asks every verb for JSON, in success and in failure.
func TestJSONIsOneDocument(t *testing.T) {
	_, path := serve(t)
	for _, socket := range []string{path, "/nowhere/s"} {
		for _, args := range []string{
			"status", "doors", "open 1-01 --reason r", "open 1-09 --reason r", "service out 1-02", "stock", "stock set 1-02 phone X1", "stock clear 1-02",
			"journal verify", "clock show", "clock reset", "tag abcd", "code new --kind clear", "code list", "code revoke l-0001", "self-test", "version",
		} {
			_, stdout, _ := invoke(t, &env{}, append([]string{"--json", "--socket", socket}, strings.Fields(args)...)...)
			d := json.NewDecoder(strings.NewReader(stdout))
			var v any
			if err := d.Decode(&v); err != nil || d.More() || strings.Count(stdout, "\n") != 1 {
				t.Errorf("%s: %q is not one document on one line (%v)", args, stdout, err)
			}
		}
	}
}

// TestEveryVerbHasHelp holds the catalogue together: contract 3's verbs are
// there, each with a line of help and flags that can be declared.
func TestEveryVerbHasHelp(t *testing.T) {
	for _, v := range catalogue() {
		code, stdout, stderr := invoke(t, &env{}, append([]string{"help"}, ui.Words(v.Name)...)...)
		if code != exitDone || stderr != "" || !strings.Contains(stdout, "usage: lockerctl "+v.Name) || v.Short == "" {
			t.Errorf("help %s = %d %q %q", v.Name, code, stdout, stderr)
		}
	}
	for _, name := range []string{
		"status", "doors", "open", "service in", "service out", "stock", "stock set", "stock clear", "events", "journal verify",
		"clock show", "clock reset", "tag", "code new", "self-test",
	} {
		if v, rest, err := program().Find(ui.Words(name)); err != nil || v.Name != name || len(rest) > 0 {
			t.Errorf("verb %q is not there: %v", name, err)
		}
	}
}

func TestColourOnlyWhereWanted(t *testing.T) {
	_, path := serve(t)
	for _, test := range []struct {
		tty         bool
		noColor     string
		term        string
		wantColours bool
	}{
		{true, "", "xterm", true},
		{true, "1", "xterm", false},
		{true, "", "dumb", false},
		{false, "", "xterm", false},
	} {
		e := &env{tty: test.tty, getenv: func(name string) string {
			return map[string]string{"NO_COLOR": test.noColor, "TERM": test.term, "LOCKERD_SOCKET": path}[name]
		}}
		for _, verb := range []string{"status", "doors", "events", "stock", "self-test", "clock show", "code new --kind clear"} {
			_, stdout, _ := invoke(t, e, strings.Fields(verb)...)
			always := verb == "clock show" // its fake is held, which has no colour
			if got := strings.Contains(stdout, "\x1b"); got != (test.wantColours && !always) {
				t.Errorf("%+v: %s has colours: %t", test, verb, got)
			}
		}
		if _, stdout, _ := invoke(t, e, "--json", "doors"); strings.Contains(stdout, "\x1b") {
			t.Errorf("%+v: JSON has colours", test)
		}
	}
}

// brokenPipe fails every write.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestStdoutThatFails(t *testing.T) {
	_, path := serve(t)
	for _, args := range [][]string{{"doors"}, {"--json", "doors"}, {"events", "--follow"}, {"--json", "events"}} {
		var errs bytes.Buffer
		e := &env{stderr: &errs, getenv: func(string) string { return path }}
		if code := e.run(t.Context(), args, brokenPipe{}); code != exitFailed || !strings.Contains(errs.String(), "cannot write to stdout: no space left") {
			t.Errorf("%q exits %d with %q", args, code, errs.String())
		}
	}
}

func TestSocketChoice(t *testing.T) {
	for _, test := range []struct{ flag, environ, want string }{
		{"f", "e", "f"},
		{"", "e", "e"},
		{"", "", firstThere(sockets())},
	} {
		c := &call{env: &env{getenv: func(string) string { return test.environ }}, globals: globals{socket: test.flag}}
		if got := c.path(); got != test.want {
			t.Errorf("path = %q, want %q", got, test.want)
		}
	}
	there := t.TempDir()
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{[]string{there, there + "/a"}, there},
		{[]string{there + "/a", there}, there},
		{[]string{there + "/a", there + "/b"}, there + "/a"},
	} {
		if got := firstThere(test.paths); got != test.want {
			t.Errorf("of %q it takes %s", test.paths, got)
		}
	}
}

// TestTerminalIsSafe: what others wrote cannot steer the terminal.
func TestTerminalIsSafe(t *testing.T) {
	b, path := serve(t)
	b.Page.Scanners[0].Error = "\x1b]0;owned\x07"
	_, stdout, _ := invoke(t, &env{}, "status", "--socket", path)
	if strings.ContainsAny(stdout, "\x1b\x07") || !strings.Contains(stdout, "?]0;owned?") {
		t.Errorf("status prints %q", stdout)
	}
}
