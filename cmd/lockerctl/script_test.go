package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/control/controltest"
	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
	"lockerd/hal"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

const patience = time.Minute // for anything a script awaits, on a machine whose disk is busy, too

// evenly has a script see the same on every machine.
func evenly(e *testscript.Env) {
	e.Setenv("TZ", "UTC")
	e.Setenv("TERM", "xterm")
	e.Setenv("GORACE", "atexit_sleep_ms=0") // else each lockerctl under -race lingers for a second
}

// TestScripts runs lockerctl against a fake bank at a real socket. The
// commands beside testscript's own:
//
//	bank [fail=METHOD:CODE:TEXT[:CURE]] [outcome=DOOR:OUTCOME] [hold] [lines=BUS,...] [not-ready] [broken] [differs] [sick]
//	                     serves a fake at $LOCKERD_SOCKET until the script ends
//	bank-stop            ends it in order
//	bank-event TYPE DOOR appends an event
//	bank-awaited         returns when somebody waits for an event, or holds
//	on-terminal COMMAND  runs a command whose stdout is a terminal
//	cabinet              plugs a miswired bank of boards in; $PORT
//	cabinet-mend         mends what only hands can
//	cabinet-inert        fails while a coil is on
//	cabinet-open DOOR    fails unless that door, and no other, stands open; shuts it
//	await-served PATH    returns when a bank is ready there
//	await-shut PATH      returns when the bank there has read all doors shut
//	engineer COMMAND     runs a command on a terminal, where an engineer answers
//	card-image FILE      makes an image of a card
//	card-used FILE MIB   makes a card that was used before, a plain file
//	card-seed FILE       prints the seed on a card; negated: fails if there is anything to boot
//	typing WORD COMMAND  runs a command on a terminal and types the word when asked
//	bank-actions         prints what was ordered; the user is USER
//	exits CODE COMMAND   runs a command that must end with that exit code
//	ask-code JSON        asks for a code as another program at the socket would; prints the refusal
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			evenly(e)
			e.Setenv("LOCKERD_SOCKET", filepath.Join(e.WorkDir, "s"))
			e.Values[cabinetKey{}] = &cabinet{}
			e.Values[fakeKey{}] = &fake{waiting: make(chan struct{}, 1)}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"bank":         serve,
			"bank-stop":    func(ts *testscript.TestScript, _ bool, _ []string) { fakeOf(ts).end(ts) },
			"bank-event":   appendEvent,
			"bank-awaited": awaited,
			"bank-actions": actions,
			"on-terminal":  onTerminal,

			"cabinet":       buildCabinet,
			"cabinet-mend":  mendCabinet,
			"cabinet-inert": coilsOff,
			"cabinet-open":  doorOpen,
			"await-served":  awaitServed,
			"await-shut":    awaitShut,
			"engineer":      engineer,

			"card-image": cardImage,
			"card-used":  cardUsed,
			"card-seed":  cardSeed,
			"typing":     typing,
			"exits":      exits,
			"ask-code":   askCode,
		},
	})
}

type fakeKey struct{}

// fake is the served bank of one script.
type fake struct {
	bank    *controltest.Bank
	lines   map[string]hal.Tracer
	waiting chan struct{}
	cancel  context.CancelFunc
	served  chan error
}

func fakeOf(ts *testscript.TestScript) *fake { return ts.Value(fakeKey{}).(*fake) }

func serve(ts *testscript.TestScript, _ bool, args []string) {
	f := fakeOf(ts)
	f.bank, f.lines = controltest.New(), nil
	f.bank.OnWait = func() { // keeps the first call nobody has taken
		select {
		case f.waiting <- struct{}{}:
		default:
		}
	}
	for _, a := range args {
		ts.Check(f.set(a))
	}
	ctx, cancel := context.WithCancel(context.Background())
	l, err := control.Listen(ctx, ts.Getenv("LOCKERD_SOCKET"))
	if err != nil {
		cancel()
		ts.Fatalf("%v", err)
	}
	f.cancel, f.served = cancel, make(chan error, 1)
	server := control.New(f.bank, slog.New(slog.DiscardHandler))
	server.Watch(f.lines)
	go func() { f.served <- server.Serve(ctx, l) }()
	ts.Defer(func() { f.end(ts) })
}

// set takes one argument of the command bank.
func (f *fake) set(arg string) error {
	name, value, _ := strings.Cut(arg, "=")
	part := append(strings.SplitN(value, ":", 4), "", "", "", "")
	switch name {
	case "fail":
		f.bank.Fail[part[0]] = &bank.Error{Code: part[1], Text: part[2], Cure: part[3]}
	case "outcome":
		f.bank.Outcomes[part[0]] = part[1]
	case "lines":
		f.lines = map[string]hal.Tracer{}
		for name := range strings.SplitSeq(value, ",") {
			f.lines[name] = controltest.NewLine(f.bank.OnWait)
		}
	case "hold":
		f.bank.Hold = make(chan struct{})
	case "not-ready":
		f.bank.Page.Ready, f.bank.Page.Clock = false, locker.ClockUnset
	case "broken":
		f.bank.Checked.OK, f.bank.Checked.Text, f.bank.Checked.Replay = false, "event 3 has another hash", nil
	case "differs":
		d := &ledger.Difference{Seq: 3, What: ledger.WhatItem, Door: locker.DoorID{Locker: 1, Door: 2}, Journal: "empty", Bank: "acme/laptop-14 SN-1 ready"}
		f.bank.Checked.OK = false
		f.bank.Checked.Replay = &ledger.Verdict{Text: "replaying the events does not give what the bank holds: " + d.String(), First: d}
	case "sick":
		f.bank.Findings[0] = bank.SelfTestLine{What: "bus a", Text: "board 2 is silent", Cure: "look at its power and at A and B"}
	default:
		return fmt.Errorf("bank takes no %q", arg)
	}
	return nil
}

func (f *fake) end(ts *testscript.TestScript) {
	if f.cancel == nil {
		return
	}
	f.cancel()
	f.cancel = nil
	if err := <-f.served; err != nil {
		ts.Fatalf("%v", err)
	}
}

func appendEvent(ts *testscript.TestScript, _ bool, args []string) {
	door, err := locker.ParseDoorID(args[1])
	ts.Check(err)
	fakeOf(ts).bank.Append(locker.Event{Type: args[0], Door: door})
}

func awaited(ts *testscript.TestScript, _ bool, _ []string) {
	select {
	case <-fakeOf(ts).waiting:
	case <-time.After(patience):
		ts.Fatalf("nobody waits")
	}
}

// exits tells a failure from a wrong call: exec takes any code but 0 for both.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		e, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("cannot run %s: %v", args[1], err)
		}
		code = e.ExitCode()
	}
	if want := args[0]; strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// askCode goes round what lockerctl itself refuses.
func askCode(ts *testscript.TestScript, _ bool, args []string) {
	n := bank.NewCode{TTL: time.Hour}
	ts.Check(json.Unmarshal([]byte(args[0]), &n))
	_, err := control.NewClient(ts.Getenv("LOCKERD_SOCKET"), "").NewCode(context.Background(), n)
	e, ok := errors.AsType[*bank.Error](err)
	if !ok {
		ts.Fatalf("%s: %v", args[0], err)
	}
	_, err = fmt.Fprintf(ts.Stdout(), "%s: %s; next: %s\n", e.Code, e.Text, e.Cure)
	ts.Check(err)
}

func actions(ts *testscript.TestScript, _ bool, _ []string) {
	u, err := user.Current()
	ts.Check(err)
	for _, a := range fakeOf(ts).bank.Actions() {
		a = strings.Replace(a, `by "`+u.Username, `by "USER`, 1)
		_, err := fmt.Fprintln(ts.Stdout(), a)
		ts.Check(err)
	}
}

func onTerminal(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(args[0], args[1:]...)
	for _, name := range []string{"TZ", "TERM", "NO_COLOR", "GORACE", "LOCKERD_SOCKET", "PATH"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	tty, err := pty.Start(cmd)
	ts.Check(err)
	_, err = io.Copy(ts.Stdout(), tty)
	if !errors.Is(err, syscall.EIO) { // how Linux says that the other end is closed
		ts.Check(err)
	}
	ts.Check(tty.Close())
	if err := cmd.Wait(); (err != nil) != neg {
		ts.Fatalf("%v", err)
	}
}
