// Package cli is the program lockerctl as a function: arguments in, exit code
// out. It exits 0 when it is done, 1 when it failed or the bank refused, and 2
// when it was called wrongly.
//
// The socket is --socket, else $LOCKERD_SOCKET, else the first that is there of
// /run/lockerd/control.sock and /var/lib/lockerd/control.sock (where lockerd
// makes it unless told otherwise).
//
// Results go to stdout: tables for people, with --json one JSON document on
// one line (events: one line each). What failed goes to stderr, with what to
// do next; with --json the error also stands on stdout as the document, unless
// a result already does. Colour appears on a terminal only, and not with
// NO_COLOR or TERM=dumb. Times for people are in the time zone of this
// machine; in JSON they are UTC.
//
// The text of a code is printed by `code new` only, to the person who asked.
package cli
