// Package reporttest holds a month of a bank that never was, as its journal would
// tell it: every kind of code, jams, refusals, a door whose lock gets slower, in
// the events and the order of contract 7.1. It is the same at each call.
package reporttest
