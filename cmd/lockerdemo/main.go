// Command lockerdemo is a locker bank to play with: two lockers, a scanner you
// type into, stock and codes. It needs no root, no services and no network.
//
// Only iron and glass are simulated (hal/sim, on real ptys): the daemon is the
// one that runs in the field, with a configuration file, a journal and a
// control socket of its own in a temporary directory, which is gone afterwards.
//
//	lockerdemo          live, full screen; "help" tells what to type
//	lockerdemo --once   unattended: a tour with checks, for CI; exit 0 or 1
//
// Exit codes: 0 done, 1 a step of the tour or the daemon failed, 2 called
// wrongly or, live, without a terminal.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
