// Package cli is lockerd's command line: flags in, an exit code out. It is
// apart from main so that tests run the same program in their own process.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"lockerd/daemon"
	"lockerd/daemon/config"
	"lockerd/daemon/slots"
	"lockerd/store"
)

// Exit codes, contract 3.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// checkStore is the verb of the child process that judges the state file: a
// damaged file can take the process that maps it with it.
const checkStore = "_check-store"

// Version is set by the linker.
var Version = "dev" //nolint:gochecknoglobals,nolintlint // the linker sets it

const usage = `lockerd runs a locker bank.

  lockerd run   --config FILE   run the bank; logs to stderr, "ready ..." to stdout
  lockerd check --config FILE   check the configuration; touches no hardware
  lockerd version               version, commit, Go, target

The tool at the bank is lockerctl.
`

// Run runs one command line.
func Run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		_, _ = io.WriteString(stderr, usage)
		return exitUsage
	}
	if args[0] == "help" || slices.ContainsFunc(args, asksHelp) {
		_, _ = io.WriteString(stdout, usage)
		return exitOK
	}
	switch verb, rest := args[0], args[1:]; verb {
	case "run":
		return run(rest, stdout, stderr)
	case "check":
		return check(rest, stdout, stderr)
	case "version", "--version", "-version":
		_, _ = fmt.Fprintln(stdout, versionLine())
		return exitOK
	case checkStore:
		return checkFile(rest, stderr)
	default:
		_, _ = fmt.Fprintf(stderr, "lockerd: there is no command %q\n\n%s", verb, usage)
		return exitUsage
	}
}

func asksHelp(arg string) bool { return arg == "--help" || arg == "-help" || arg == "-h" }

// load reads --config of a verb. It has told what is wrong when ok is false.
func load(verb string, args []string, stderr io.Writer) (c *config.Config, file string, ok bool) {
	fs := flag.NewFlagSet("lockerd "+verb, flag.ContinueOnError)
	fs.SetOutput(stderr)
	path := fs.String("config", "", "the bank's TOML `file`")
	if err := fs.Parse(args); err != nil {
		return nil, "", false
	}
	if fs.NArg() > 0 || *path == "" {
		_, _ = fmt.Fprintf(stderr, "lockerd %s: give the configuration and nothing else: lockerd %s --config /etc/lockerd/lockerd.toml\n", verb, verb)
		return nil, "", false
	}
	c, err := config.Load(*path)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, printable(err.Error()))
		return nil, "", false
	}
	for _, w := range c.Warnings() {
		_, _ = fmt.Fprintf(stderr, "warning: %s\n", w)
	}
	return c, *path, true
}

// printable keeps what stands in a file from steering the terminal.
func printable(lines string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, lines)
}

func check(args []string, stdout, stderr io.Writer) int {
	c, _, ok := load("check", args, stderr)
	if !ok {
		return exitUsage
	}
	_, _ = fmt.Fprintf(stdout, "ok bank=%s doors=%d buses=%d scanners=%d\n", c.Bank, len(c.Doors), len(c.Buses), len(c.Scanners))
	return exitOK
}

func run(args []string, stdout, stderr io.Writer) int {
	c, file, ok := load("run", args, stderr)
	if !ok {
		return exitUsage
	}
	shareProcessor()
	log := slog.New(slog.NewTextHandler(stderr, nil)).With(slog.String("bank", c.Bank))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { // a second signal cuts the orderly stop short
		<-ctx.Done()
		stop()
	}()
	opt := daemon.Options{
		Config: c, ConfigFile: file, Version: Version, Log: log, Ready: stdout, CheckStore: child(), Watchdog: watchdog(log),
		Slots: chosen(os.Getenv, c.Update),
		Notify: func(state string) {
			if _, err := sd.SdNotify(false, state); err != nil {
				log.Warn("cannot tell the supervisor", slog.Any("error", err))
			}
		},
	}
	if err := daemon.Run(ctx, opt); err != nil {
		_, _ = fmt.Fprintln(stderr, "lockerd:", err)
		return exitFailed
	}
	return exitOK
}

// chosen is the slot that the launcher has started this program from, or nil.
func chosen(getenv func(string) string, u config.Update) *daemon.Slots {
	dir, slot := getenv("LOCKERD_SLOTS"), getenv("LOCKERD_SLOT")
	if dir == "" || slot == "" {
		return nil
	}
	guard, _ := strconv.Atoi(getenv("LOCKERD_GUARD")) // absent: there is none
	return &daemon.Slots{Dir: &slots.Dir{Path: dir}, Slot: slots.Slot(slot), Guard: guard, Hold: u.Hold, Deadline: u.Deadline}
}

func watchdog(log *slog.Logger) time.Duration {
	d, err := sd.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("cannot read the watchdog's period", slog.Any("error", err))
	}
	return d
}

// child returns a check of the state file in a process of its own, or nil if
// this program does not know where it lies.
func child() func(context.Context, string) error {
	exe, err := os.Executable()
	if err != nil {
		return nil
	}
	return store.InChild(exe, checkStore)
}

func checkFile(args []string, stderr io.Writer) int {
	err := errors.New("give one path")
	if len(args) == 1 {
		if err = store.BoundChild(); err == nil {
			err = store.CheckFile(args[0])
		}
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitOK
}

func versionLine() string {
	commit := "unknown"
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, s := range bi.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	return fmt.Sprintf("lockerd %s commit=%s %s %s/%s", Version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
