package cli

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
	"syscall"

	"golang.org/x/term"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
)

// Exit codes, contract 3.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Run is the program: args without its name, the exit code back.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	e := &env{stdin: stdin, stderr: stderr, getenv: os.Getenv, tty: isTerminal(stdout)}
	return e.run(ctx, args, stdout)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// env is what the program has around it.
type env struct {
	stdin  io.Reader
	stderr io.Writer
	getenv func(string) string
	tty    bool // stdout is a terminal
}

// call is one verb under way.
type call struct {
	*env
	globals
	out   *bufio.Writer
	args  []string // operands
	wrote bool     // the JSON document stands on stdout
}

// globals are the flags of every verb.
type globals struct {
	socket string
	json   bool
	by     string
}

func (g *globals) register(fs *flag.FlagSet) {
	fs.StringVar(&g.socket, "socket", g.socket, "control socket of lockerd")
	fs.BoolVar(&g.json, "json", g.json, "print JSON")
	fs.StringVar(&g.by, "by", g.by, "your name, for the journal")
}

// action carries out a verb.
type action = ui.Action[*call]

// run finds the verb, reads its flags and carries it out.
func (e *env) run(ctx context.Context, args []string, stdout io.Writer) int {
	c := &call{env: e, out: bufio.NewWriter(stdout)}
	err := c.dispatch(ctx, args)
	if ferr := c.out.Flush(); err == nil && ferr != nil {
		err = fmt.Errorf("cannot write to stdout: %w", ferr)
	}
	code := c.report(err)
	_ = c.out.Flush() // of the error's document: there is nobody left to tell
	return code
}

func (c *call) dispatch(ctx context.Context, args []string) error {
	return program().Dispatch(c.out, args, c.register, func(do action, rest []string) error {
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
	e, ok := errors.AsType[*bank.Error](err)
	if !ok {
		e = &bank.Error{Code: control.CodeFailed, Text: err.Error()}
	}
	if c.json && !c.wrote {
		_ = json.NewEncoder(c.out).Encode(e) // flushed by the caller
	}
	ui.Fail(c.stderr, e.Text, "", e.Cure)
	return exitFailed
}

// colour tells whether stdout takes colours.
func (c *call) colour() bool { return ui.Coloured(c.tty, c.getenv) }

// print writes the result: v as the one JSON document, or by human.
func (c *call) print(v any, human func(p *ui.Page)) error {
	if c.json {
		c.wrote = true
		return json.NewEncoder(c.out).Encode(v)
	}
	human(&ui.Page{W: c.out, Colour: c.colour()})
	return nil
}
