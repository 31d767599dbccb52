// Package wire is the language between a bank and its backend (contract 6): the
// messages as types, strict decoding, signatures and key sets. It is pure: no
// connection, no clock, no state.
//
// What comes down is opened by Keys.Open, which is the only way from bytes to a
// Down message. It checks in this order, and the first fault is the reason:
//
//	retained       the broker had kept the message
//	too_large      above MaxDown; nothing has been parsed so far
//	malformed      no compact JWS, or a header that isn't exactly alg and kid
//	unknown_key    no key of this kid
//	bad_signature  the key has not signed it; nothing of it is believed so far
//	malformed      the payload is no strict JSON object with v 1 and a typ
//	wrong_purpose  typ is not the topic's last word, or lb_may lacks it
//	wrong_tenant   codes: the set is not the key's, or is local
//	wrong_bank     bank is absent or another's
//	wrong_journal  journal is absent or another (not asked of trust)
//	malformed      the members: shape, bounds, records in their order
//	wrong_tenant   a record of a tenant's set that is service or another tenant's
//
// stale, replayed and quota need the bank's state and are the bank's to find, and
// so are an upto at or above next, and a wrong digest. A command that can be
// answered and a desired document with a version are returned although something
// in them is wrong, with Bad set: the contract wants a reply, and config.rejected.
//
// What goes up is marshalled by encoding/json and read by a backend with the
// Decode functions. Duplicate members, trailing data, nesting and numbers beyond
// bounds are refused in both directions, unknown members are ignored. No error and
// no Why quotes a value that has come in.
package wire
