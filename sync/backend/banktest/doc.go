// Package banktest is a bank as seen from the wire, for tests of backends: it keeps
// a journal, sets of codes, documents and commands by contract 6 and 7, and nothing
// of doors. It is pure: what it says goes to a function, time is an argument.
//
// It is no bank to learn from: it keeps all in memory and trusts its caller. Fields
// may be set between calls to make it lie, forget or go back in time.
package banktest
