// Command lockerctl is the field engineer's and operator's tool. At a locker bank it
// asks and orders at the control socket of lockerd (package cli). `lockerctl fleet` is
// a program of its own: the backend of many banks, through their broker (package
// fleet); `lockerctl release` keeps the repository of updates (lockerctl-release, a program of its own:
// see there why);
// `lockerctl flash` writes a board's card (package flash); `lockerctl enrol` and
// `lockerctl replace` give banks their identity (package fleet too). `lockerctl help` and
// `lockerctl fleet help` tell how they are used.
package main

import (
	"io"
	"os"
	"slices"

	"lockerd/cmd/lockerctl/cli"
	"lockerd/cmd/lockerctl/flash"
	"lockerd/cmd/lockerctl/fleet"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// program takes the args behind its name and returns the exit code.
type program func(args []string, stdin io.Reader, stdout, stderr io.Writer) int

// programs are those that are not cli's verbs.
func programs() map[string]program {
	return map[string]program{
		"enrol":   fleet.RunEnrol,
		"flash":   flash.Run,
		"fleet":   fleet.Run,
		"release": beside("release"),
		"replace": replace,
	}
}

// replace is a verb of enrol that a person in need finds by its own name.
func replace(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "help" {
		return fleet.RunEnrol(slices.Insert(args, 1, "replace"), stdin, stdout, stderr)
	}
	return fleet.RunEnrol(slices.Insert(args, 0, "replace"), stdin, stdout, stderr)
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	all := programs()
	if len(args) > 1 && args[0] == "--json" && all[args[1]] != nil { // as before a verb of cli
		args = append([]string{args[1], args[0]}, args[2:]...)
	}
	if len(args) > 0 && all[args[0]] != nil {
		return all[args[0]](args[1:], stdin, stdout, stderr)
	}
	if len(args) > 1 && args[0] == "help" && all[args[1]] != nil {
		return all[args[1]](append([]string{"help"}, args[2:]...), stdin, stdout, stderr)
	}
	return cli.Run(args, stdin, stdout, stderr)
}
