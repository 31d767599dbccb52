package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

const usage = `usage: lockerdemo [--once]

  lockerdemo          a locker bank to play with, full screen
  lockerdemo --once   the same unattended: a tour of some seconds, then exit
`

const noTerminal = `lockerdemo: cannot show the bank: this is no terminal, or a dumb one
  next: run it in a terminal window of at least 80x24, without pipes;
        or run the tour that needs none: lockerdemo --once (make demo-once)
`

// run is the program: args without its name, the exit code back.
func run(args []string, stdin, stdout *os.File, stderr io.Writer) int {
	fs := flag.NewFlagSet("lockerdemo", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	once := fs.Bool("once", false, "")
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usage)
		return exitDone
	case err != nil || fs.NArg() > 0:
		_, _ = io.WriteString(stderr, usage)
		return exitUsage
	case *once:
		return report(stderr, inPlace(func(dir string) error { return tourIn(dir, stdout) }))
	case !term.IsTerminal(int(stdin.Fd())) || !term.IsTerminal(int(stdout.Fd())) || os.Getenv("TERM") == "dumb":
		_, _ = io.WriteString(stderr, noTerminal)
		return exitUsage
	case os.Getenv(placeEnv) != "":
		return report(stderr, liveIn(os.Getenv(placeEnv), stdout))
	}
	return report(stderr, inPlace(func(dir string) error { return guard(dir, stdin, stdout) }))
}

func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	_, _ = fmt.Fprintln(stderr, "lockerdemo:", err)
	return exitFailed
}

// inPlace runs the demo in a temporary directory and takes it away.
func inPlace(demo func(dir string) error) error {
	dir, err := os.MkdirTemp("", "lockerdemo-")
	if err != nil {
		return fmt.Errorf("cannot make a place for the demo: %w", err)
	}
	err = demo(dir)
	if rerr := os.RemoveAll(dir); rerr != nil {
		err = errors.Join(err, fmt.Errorf("cannot clean up: %w", rerr))
	}
	return err
}

// interrupted returns a context that ends at an interrupt, a termination, or when the terminal
// goes.
func interrupted() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}
