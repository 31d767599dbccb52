// Package fleet is `lockerctl fleet`: sync/backend with a terminal, for operators
// without a backend of their own.
//
// # State
//
// Everything is in one bbolt file, --state, else $LOCKERCTL_FLEET_STATE, else
// $XDG_STATE_HOME/lockerctl/fleet.db (~/.local/state/lockerctl/fleet.db): banks, tags
// of codes, events, documents. No code text and no key is in it. The private keys are
// in a file of their own beside it, fleet.keys, mode 0600; whoever can read that file
// commands the fleet. It is refused if others may read it. A copy of both files is a
// backup; see package backend for what an old one means.
//
// # One owner
//
// One process owns the file. `fleet serve` is meant to run for good: it stores events
// as they come, and answers the other verbs at a Unix socket beside the file
// (fleet.db.sock, mode 0600), HTTP and JSON as lockerd's control socket. A verb first
// asks at that socket. If nobody answers, it opens the file, connects to the broker
// itself, does its work, waits at most --wait for the banks' word on it, and ends:
// what did not arrive by then arrives with the next connection. While it is connected
// it is the backend, and stores and acknowledges what banks send. If the file has
// another owner that does not answer, that is an error with its cure.
//
// Results go to stdout, tables for people or with --json one document (events and
// watch: one line each); errors to stderr with what to do next. Exit: 0 done, 1 failed
// or refused, 2 called wrongly.
package fleet
