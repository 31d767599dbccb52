// Command lockerctl is the field engineer's and operator's tool. At a locker bank it
// asks and orders at the control socket of lockerd (package cli). `lockerctl fleet` is
// a program of its own: the backend of many banks, through their broker (package
// fleet); `lockerctl release` keeps the repository of updates (package release);
// `lockerctl flash` writes a board's card (package flash); `lockerctl enrol` and `lockerctl replace` give banks their identity
// (package fleet too). `lockerctl help` and `lockerctl fleet help` tell how they are used.
package main

import (
	"io"
	"os"

	"lockerd/cmd/lockerctl/cli"
	"lockerd/cmd/lockerctl/flash"
	"lockerd/cmd/lockerctl/fleet"
	"lockerd/cmd/lockerctl/release"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	switch {
	case len(args) > 0 && args[0] == "fleet":
		return fleet.Run(args[1:], stdin, stdout, stderr)
	case len(args) > 0 && args[0] == "enrol":
		return fleet.RunEnrol(args[1:], stdin, stdout, stderr)
	case len(args) > 0 && args[0] == "replace":
		return fleet.RunEnrol(args, stdin, stdout, stderr)
	case len(args) > 1 && args[0] == "help" && args[1] == "enrol":
		return fleet.RunEnrol(append([]string{"help"}, args[2:]...), stdin, stdout, stderr)
	case len(args) > 1 && args[0] == "help" && args[1] == "replace":
		return fleet.RunEnrol(args, stdin, stdout, stderr)
	case len(args) > 0 && args[0] == "release":
		return release.Run(args[1:], stdout, stderr)
	case len(args) > 0 && args[0] == "flash":
		return flash.Run(args[1:], stdin, stdout, stderr)
	case len(args) > 1 && args[0] == "help" && args[1] == "flash":
		return flash.Run([]string{"--help"}, stdin, stdout, stderr)
	case len(args) > 1 && args[0] == "help" && args[1] == "release":
		return release.Run(append([]string{"help"}, args[2:]...), stdout, stderr)
	case len(args) > 1 && args[0] == "help" && args[1] == "fleet":
		return fleet.Run(append([]string{"help"}, args[2:]...), stdin, stdout, stderr)
	}
	return cli.Run(args, stdin, stdout, stderr)
}
