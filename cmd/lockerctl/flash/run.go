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
	"encoding/json"
	"errors"
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

// trouble is an error for scripts.
type trouble struct {
	Code string `json:"code"` // refused: no card was touched; failed
	Text string `json:"text"`
	Cure string `json:"cure,omitempty"`
	Card string `json:"card,omitempty"` // as it was, blank, unknown
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
	t := trouble{Code: "refused", Text: err.Error(), Cure: "lockerctl help flash"}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		t.Text, t.Cure = f.Text, f.Cure
	}
	state := ""
	if f, ok := errors.AsType[*card.FailedError](err); ok {
		t.Card = f.State.String()
		if f.State != card.StateAsWas {
			t.Code = "failed"
		}
		state = c.left(f.State)
	}
	if c.json {
		_ = json.NewEncoder(c.out).Encode(t) // flushed by the caller
	}
	ui.Emit(c.stderr, "lockerctl: %s\n", ui.Clean(t.Text))
	if state != "" {
		ui.Emit(c.stderr, "  %s\n", state)
	}
	ui.Emit(c.stderr, "  next: %s\n", ui.Clean(t.Cure))
	return exitFailed
}

// left says what a card is now.
func (c *call) left(s card.State) string {
	switch s {
	case card.StateAsWas:
		return "nothing was written"
	case card.StateBlank:
		return "the card is not finished and doesn't boot"
	case card.StateUnknown:
	}
	return "nobody knows what the card holds now: don't put it into a board"
}

const long = `IMAGE is a card's image, .img or .img.gz; what stands in IMAGE.sha256 is compared with it.
CARD is the whole card, as --list shows it, or a file for a virtual machine. A card that is mounted,
belongs to this system, is read-only, too small, or larger than a card can be, is refused.
--seed FILE puts on it which bank the board will be, its network and its one-time token (see below);
--no-seed leaves the place empty.

Everything is read back from the card and compared. Its beginning is written last: a card that
is not finished doesn't boot. Run it again then.

A seed:

` + SeedExample

// SeedExample is a seed to start from.
const SeedExample = `version = 1
bank    = "lon-042"
site    = "100 Bishopsgate, lobby"
expires = "2026-11-27T13:00:00Z"       # of the token, as the operator gives it; UTC

[network]
mode    = "static"                     # or "dhcp", then nothing else
address = "192.0.2.17/24"
gateway = "192.0.2.1"                  # if the site has a way out
dns     = ["192.0.2.53"]

[network.wifi]                         # only without a cable
ssid    = "lockers"
psk     = "correct horse"
country = "GB"

[enrol]
url   = "https://fleet.example.com:8443/enrol"
token = "TOKEN-OF-THE-OPERATOR"
ca    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"   # or certificates in PEM`

// program is the catalogue of one verb.
func program() *ui.Program[*call] {
	return &ui.Program[*call]{
		Name: "lockerctl",
		Head: "flash ...",
		Verbs: []*ui.Verb[*call]{{
			Name: "flash", Args: "IMAGE CARD --seed FILE|--no-seed [--yes]  |  --list", Short: "write an image to a card, with the seed of a bank, and prove it",
			Long: long, Most: 2, Setup: setup,
		}},
	}
}

// Manual is the program's help, for its man page.
func Manual() []ui.Chapter { return program().Manual()[1:] }

func setup(fs *flag.FlagSet) action {
	var o options
	fs.BoolVar(&o.list, "list", false, "show the disks of this machine, and which can be flashed")
	fs.StringVar(&o.seed, "seed", "", "`file` with the seed; - is stdin")
	fs.BoolVar(&o.noSeed, "no-seed", false, "flash without a seed")
	fs.BoolVar(&o.yes, "yes", false, "don't ask")
	fs.Int64Var(&o.largest, "largest", disk.Largest, "`bytes` above which a disk is no card")
	return func(ctx context.Context, c *call) error {
		c.options = o
		switch {
		case o.list && (len(c.args) > 0 || o.seed != "" || o.noSeed || o.yes):
			return ui.Usagef("--list stands alone")
		case o.list:
			return c.listDisks()
		case len(c.args) == 1:
			return c.noCard()
		case len(c.args) == 0:
			return ui.Usagef("operands are missing")
		case (o.seed == "") == !o.noSeed:
			return ui.Usagef("say --seed FILE, or --no-seed")
		case o.seed == "-" && !o.yes:
			return ui.Usagef("with the seed on stdin nobody can be asked: add --yes")
		}
		return c.flash(ctx, c.args[0], c.args[1])
	}
}
