// Package wire is the language between a bank and its backend (contract 6): the
// messages as types, strict decoding, signatures and key sets. It is pure: no
// connection, no clock, no state.
//
// What comes down is opened by Keys.Open, which is the only way from bytes to a
// Down message: signature, purpose, tenant, bank and journal are checked before
// any member is believed, and whatever fails is a *Refusal with the reason of
// contract 6.1. What goes up is marshalled by encoding/json and read by a backend
// with the Decode functions. Duplicate members, trailing data and nesting beyond
// a bound are refused in both directions, unknown members are ignored.
package wire
