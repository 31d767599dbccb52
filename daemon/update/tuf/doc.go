// Package tuf decides which metadata of an update repository is believed: the checks of
// The Update Framework's client (specification 1.0, section 5), no network and no
// files.
//
// It stands in the place of go-tuf's own (package trustedmetadata), which would add 4.7 MB
// to lockerd, above its bound, by what it links for keys that are not used here. go-tuf makes the
// repositories (daemon/update/release), and is the judge in the tests: whatever of ten
// thousand damaged and forged files this package believes, go-tuf
// believes too, and the other way round what go-tuf makes is believed. (go-tuf v2.4.2 panics
// at a root with a key of a wrong length; that must not end a bank.)
//
// Only what lockerctl release makes is understood: Ed25519 keys, SHA-256, no
// delegations. What is checked against a signature is what is then read: the canonical
// form of what was signed, so that doubled or oddly spelt members have no second meaning.
package tuf
