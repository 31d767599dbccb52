// Package roguetest is a broker taken over by somebody hostile, and a tenant who
// reaches for what is another's. It is support for tests: of package wire, and of a
// whole bank behind a broker.
//
//	c := roguetest.Default("lon-042", journal) // keys of testdata/vectors
//	r := roguetest.New(seed, c)
//	for range 100_000 {
//		a := r.Next()
//		publish(a.Topic, a.Payload, a.Retained) // and none is honoured
//	}
//
// The same seed gives the same attempts. An attempt says why it must be refused and
// with which reason of wire; no reason means any. What would land if a bank
// honoured one attempt shows: each code in it has one of Texts, so that scanning
// them afterwards must be unknown at each; each command is open_all; each desired
// document takes doors out of service; each key set trusts the rogue.
//
// A broker also repeats what it has heard. Give it real traffic with Hear: replays
// carry Later, because their signatures hold, and only the bank's state can refuse
// or ignore them. Mutations then start from real messages too.
//
// Tenants and Tickets are the table of attempts of one tenant at another's.
package roguetest
