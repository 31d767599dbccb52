// Package flash is the program lockerctl flash: it writes an image to a card, believes
// nothing that it has not read back, and puts the seed of one bank on it. What it
// promises about a card stands in package card, about which cards it takes in package
// disk, and for people in README.md.
//
// Results go to stdout; how it goes, and what is asked, to stderr. Exit codes: 0 done; 1 failed
// or refused; 2 called wrongly. The first SIGINT or SIGTERM ends it in order: the card
// doesn't boot then, and is said so.
package flash

import (
	"bufio"
	"context"
	"flag"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/device"
	"lockerd/cmd/lockerctl/flash/disk"
	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/ui"
)

// Exit codes, contract 3.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// target is an open card.
type target interface {
	card.Device
	Number() (disk.Number, error)
	Reread() error
	Close() error
}

// env is what the program has around it.
type env struct {
	stdin  io.Reader
	stderr io.Writer
	asks   bool // stdin is a terminal
	shows  bool // stderr is a terminal
	system *disk.System
	look   func(path string) (n disk.Number, block bool, err error)
	open   func(path string) (target, error)
	tty    func() (io.ReadCloser, error) // where a person types while stdin is something else
	now    func() time.Time
}

// options are the flags.
type options struct {
	list    bool
	seed    string
	noSeed  bool
	yes     bool
	largest int64
}

// call is the program under way.
type call struct {
	*env
	options
	json bool
	out  *bufio.Writer
	args []string
}

type action = ui.Action[*call]

// Run is the program: args behind `lockerctl flash`, the exit code back.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 1 && args[0] == "help" { // as of the programs with verbs; a file is ./help
		args = []string{"--help"}
	}
	return runWith(here(stdin, stderr), args, stdout)
}

func runWith(e *env, args []string, stdout io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second one ends it at once
	return e.run(ctx, args, stdout)
}

// here is this machine.
func here(stdin io.Reader, stderr io.Writer) *env {
	return &env{
		stdin: stdin, stderr: stderr, asks: isTerminal(stdin), shows: isTerminal(stderr),
		system: disk.Here(), look: look, open: openDevice, now: time.Now,
		tty: func() (io.ReadCloser, error) { return os.Open("/dev/tty") },
	}
}

func openDevice(path string) (target, error) {
	d, err := device.Open(path)
	if err != nil {
		return nil, err // no nil *Device in an interface
	}
	return d, nil
}

func isTerminal(s any) bool {
	f, ok := s.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// run does what args say.
func (e *env) run(ctx context.Context, args []string, stdout io.Writer) int {
	c := &call{env: e, out: bufio.NewWriter(stdout)}
	register := func(fs *flag.FlagSet) { fs.BoolVar(&c.json, "json", c.json, "print JSON") }
	err := program().Dispatch(c.out, append([]string{"flash"}, args...), register, func(do action, rest []string) error {
		c.args = rest
		return do(ctx, c)
	})
	if ferr := c.out.Flush(); err == nil && ferr != nil {
		err = fault.New("the card is whole; look at where the output goes", "cannot write to stdout: %v", ferr)
	}
	code := c.report(err)
	_ = c.out.Flush() // of the error's document: there is nobody left to tell
	return code
}
