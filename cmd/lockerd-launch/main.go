// Command lockerd-launch chooses which program of a bank runs, and becomes it.
//
//	lockerd-launch [--dir DIR] [--base FILE] [--deadline D] -- ARGS...
//
// systemd starts it in the place of lockerd; package daemon/slots says how it
// chooses. It counts the start on disk, then executes the chosen lockerd with ARGS
// under its own pid: sd_notify and the watchdog reach that one, and its exit
// code is the launcher's. A program on trial gets a guard, a second small process that
// ends it at the deadline if nobody has decided by then.
//
// Exit code: lockerd's; 2 called wrongly; 1 nothing could be run.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"lockerd/daemon/slots"
)

// What the chosen program is told.
const (
	envDir   = "LOCKERD_SLOTS"
	envSlot  = "LOCKERD_SLOT"
	envGuard = "LOCKERD_GUARD"
)

func main() { os.Exit(run(os.Args[1:])) }

type options struct {
	dir      string
	base     string
	deadline time.Duration
	guard    int
	args     []string
}

func parse(args []string) (o options, err error) {
	fs := flag.NewFlagSet("lockerd-launch", flag.ContinueOnError)
	fs.StringVar(&o.dir, "dir", "/var/lib/lockerd/update", "directory of the slots")
	fs.StringVar(&o.base, "base", "/usr/lib/lockerd/lockerd", "the package's `program`")
	fs.DurationVar(&o.deadline, "deadline", 15*time.Minute, "a program on trial that nobody has decided on by then is ended")
	fs.IntVar(&o.guard, "guard", 0, "internal: watch the process of this `pid`")
	err = fs.Parse(args)
	o.args = fs.Args()
	return o, err
}

func run(args []string) int {
	o, err := parse(args)
	if err != nil {
		return 2
	}
	if o.guard != 0 {
		return guard(&slots.Dir{Path: o.dir}, o.guard, o.deadline)
	}
	if len(o.args) == 0 {
		say("give the arguments of lockerd: lockerd-launch -- run --config /etc/lockerd/lockerd.toml")
		return 2
	}
	return launch(&o)
}

func say(text string) { _, _ = fmt.Fprintln(os.Stderr, "lockerd-launch:", text) }

// launch comes back only if no program could be run.
func launch(o *options) int {
	runtime.LockOSThread() // the guard's parent is the thread that execs
	l := &slots.Launch{Dir: &slots.Dir{Path: o.dir}, Base: o.base, Log: say, Now: time.Now}
	for {
		c := l.Choose()
		err := become(o, c)
		say(err.Error())
		if c.Slot == slots.Base {
			return 1
		}
		if berr := l.Broken(c, err); berr != nil {
			say(berr.Error())
			c = slots.Choice{Slot: slots.Base, Path: o.base}
			say(become(o, c).Error())
			return 1
		}
	}
}

// become executes a program in the place of this process.
func become(o *options, c slots.Choice) error {
	env := setenv(os.Environ(), envDir, o.dir)
	env = setenv(env, envSlot, string(c.Slot))
	if c.Trial {
		pid, err := startGuard(o)
		if err != nil {
			return fmt.Errorf("cannot try an update without its guard: %w", err)
		}
		env = setenv(env, envGuard, strconv.Itoa(pid))
	}
	signal.Reset()
	err := syscall.Exec(c.Path, append([]string{"lockerd"}, o.args...), env) //nolint:gosec,nolintlint // the chosen program is the point
	return fmt.Errorf("cannot execute %q: %w", c.Path, err)
}

// setenv puts a variable in the place of all of its name.
func setenv(env []string, name, value string) []string {
	out := make([]string, 0, len(env)+1)
	for _, e := range env {
		if len(e) <= len(name) || e[:len(name)+1] != name+"=" {
			out = append(out, e)
		}
	}
	return append(out, name+"="+value)
}
