package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/term"

	"lockerd/cmd/lockerctl/ui"
)

// Exit codes, contract 3.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Run is the program: args behind `lockerctl fleet`, the exit code back.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(program(), (*globals).register, args, stdin, stdout, stderr)
}

// RunEnrol is the program `lockerctl enrol`, and `lockerctl replace`, which is a verb of it.
func RunEnrol(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(enrolProgram(), (*globals).registerEnrol, args, stdin, stdout, stderr)
}

func run(p *ui.Program[*call], flags func(*globals, *flag.FlagSet), args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{program: p, flags: flags, stdin: stdin, stderr: stderr, getenv: os.Getenv, width: 100}
	if f, ok := stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		e.tty = true
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			e.width = w
		}
		e.size = func() (int, int) {
			w, h, err := term.GetSize(int(f.Fd()))
			if err != nil || w <= 0 || h <= 0 {
				return e.width, 24
			}
			return w, h
		}
	}
	return e.run(ctx, args, stdout)
}

// env is what the program has around it.
type env struct {
	program *ui.Program[*call]
	flags   func(*globals, *flag.FlagSet)
	stdin   io.Reader
	stderr  io.Writer
	getenv  func(string) string
	tty     bool                       // stdout is a terminal
	width   int                        // of it, or of a guess
	size    func() (width, height int) // of it, now
}

// call is one verb under way.
type call struct {
	*env
	globals
	out   *bufio.Writer
	args  []string
	wrote bool // JSON stands on stdout
}

type action = ui.Action[*call]

// globals are the flags of every verb.
type globals struct {
	state, broker, user, passwordFile string
	ca, cert, key, prefix             string
	wait                              time.Duration
	json, qos0                        bool
}

// waitDefault is how long a verb waits for the word of a bank.
const waitDefault = 10 * time.Second

func (g *globals) defaults(getenv func(string) string) {
	g.state = getenv("LOCKERCTL_FLEET_STATE")
	if g.state == "" {
		dir, home := getenv("XDG_STATE_HOME"), getenv("HOME")
		if dir == "" && home != "" {
			dir = filepath.Join(home, ".local", "state")
		}
		if dir != "" {
			g.state = filepath.Join(dir, "lockerctl", "fleet.db")
		}
	}
	g.broker, g.user, g.passwordFile = getenv("LOCKERCTL_BROKER"), getenv("LOCKERCTL_USER"), getenv("LOCKERCTL_PASSWORD_FILE")
	g.ca, g.cert, g.key = getenv("LOCKERCTL_CA"), getenv("LOCKERCTL_CERT"), getenv("LOCKERCTL_KEY")
	if g.prefix = getenv("LOCKERCTL_PREFIX"); g.prefix == "" {
		g.prefix = "lockers/v1"
	}
	g.wait = waitDefault
}

func (g *globals) register(fs *flag.FlagSet) {
	fs.StringVar(&g.state, "state", g.state, "file of the fleet's state")
	fs.StringVar(&g.broker, "broker", g.broker, "URL of the broker")
	fs.StringVar(&g.user, "user", g.user, "user at the broker")
	fs.StringVar(&g.passwordFile, "password-file", g.passwordFile, "file with the password")
	fs.StringVar(&g.ca, "ca", g.ca, "CA of the broker")
	fs.StringVar(&g.cert, "cert", g.cert, "our certificate")
	fs.StringVar(&g.key, "key", g.key, "its key")
	fs.StringVar(&g.prefix, "prefix", g.prefix, "of topics")
	fs.DurationVar(&g.wait, "wait", g.wait, "for the word of a bank")
	fs.BoolVar(&g.json, "json", g.json, "print JSON")
	fs.BoolVar(&g.qos0, "qos0", g.qos0, "subscribe with QoS 0")
}

var prefixForm = regexp.MustCompile(`^[^+#/$\x00][^+#/\x00]*(/[^+#/\x00]+)*$`)

// check refuses what no broker takes and nobody can wait for.
func (g *globals) check() error {
	switch {
	case g.state == "": // a relative one would leave keys wherever a service runs
		return ui.Usagef("--state is missing (or $LOCKERCTL_FLEET_STATE): there is no $HOME to keep it in")
	case g.wait < 0:
		return ui.Usagef("--wait is not below 0")
	case !prefixForm.MatchString(g.prefix):
		return ui.Usagef("cannot read prefix %q: levels of a topic, as lockers/v1", g.prefix)
	}
	return nil
}

// failure is an error with its cure, and what --json prints of it.
type failure struct {
	Text string `json:"error"`
	Cure string `json:"cure,omitempty"`
}

// Error implements error.
func (f *failure) Error() string { return f.Text }

func fail(text, cure string, args ...any) error {
	return &failure{Text: fmt.Sprintf(text, args...), Cure: cure}
}

// run finds the verb, reads its flags and carries it out.
func (e *env) run(ctx context.Context, args []string, stdout io.Writer) int {
	c := &call{env: e, out: bufio.NewWriter(stdout)}
	c.defaults(e.getenv)
	err := c.dispatch(ctx, args)
	if ferr := c.out.Flush(); err == nil && ferr != nil {
		err = fmt.Errorf("cannot write to stdout: %w", ferr)
	}
	code := c.report(err)
	_ = c.out.Flush() // of the error's document: there is nobody left to tell
	return code
}

func (c *call) dispatch(ctx context.Context, args []string) error {
	return c.program.Dispatch(c.out, args, func(fs *flag.FlagSet) { c.flags(&c.globals, fs) }, func(do action, rest []string) error {
		c.args = rest
		return do(ctx, c)
	})
}

// report tells what went wrong and returns the exit code.
func (c *call) report(err error) int {
	if err == nil {
		return exitDone
	}
	if usage, ok := errors.AsType[*ui.UsageError](err); ok {
		usage.Print(c.stderr)
		return exitUsage
	}
	f := failureOf(err)
	if errors.Is(err, context.Canceled) {
		f = &failure{Text: "interrupted; what was ordered by then may still happen"}
	}
	if c.json && !c.wrote {
		_ = json.NewEncoder(c.out).Encode(f) // flushed by the caller
	}
	ui.Fail(c.stderr, f.Text, "", f.Cure)
	return exitFailed
}

// print writes the result: v as the one JSON document, or by human.
func (c *call) print(v any, human func(p *ui.Page)) error {
	if c.json {
		c.wrote = true
		return json.NewEncoder(c.out).Encode(v)
	}
	human(&ui.Page{W: c.out, Colour: c.colour()})
	return nil
}

func (c *call) colour() bool { return ui.Coloured(c.tty, c.getenv) }
