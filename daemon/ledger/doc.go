// Package ledger replays the journal of a bank: from its events alone it makes
// again what lies behind each door, since when and by whose hand, why a door is
// out of service, and the counts of stock (contract 5.2). It is pure: an event
// goes in, state comes out; no clock, no I/O.
//
// What an event must agree with is checked as it passes: an item leaves a door
// only if it lay there, arrives only where nothing lies, a door comes into
// service only if it was out, a count moves by what stock.changed says. The
// first thing that does not agree is kept as a Difference with its seq. Compare
// holds the result against the bank's own state.
//
// A journal that has been pruned does not tell what came before. The ledger then
// takes each door and count as unknown until an event settles it, and counts
// what it could not judge instead of calling it a difference. Memory is bounded
// by doors and skus, never by events. A Ledger has one owner.
package ledger
