// Package suite holds the tests of the link as a whole: outbox and uplink of a
// bank with a journal in memory, a broker, and a backend that verifies the hash
// chain, dedupes and signs its acknowledgements. It has no code of its own.
//
// Whatever the link does, at the end every event must have been applied exactly
// once, in the order of seq, with its bytes unchanged.
package suite
