// Package seed is the small file that tells a fresh board who it is: which bank, which
// network, and where to fetch its identity with a one-time token. `lockerctl flash` puts it on the
// card, the daemon reads it once, enrols, and erases it.
//
//	version = 1
//	bank    = "lon-042"
//	site    = "100 Bishopsgate, lobby"
//	expires = "2026-11-27T13:00:00Z"       # of the token; UTC
//
//	[network]
//	mode    = "static"                     # or "dhcp", then nothing else
//	address = "192.0.2.17/24"
//	gateway = "192.0.2.1"                  # optional: a site without a way out
//	dns     = ["192.0.2.53"]               # optional, at most 4
//
//	[network.wifi]                         # optional: else the cable
//	ssid    = "lockers"
//	psk     = "correct horse"              # 8 to 63 characters or 64 hex digits; absent: an open network
//	country = "GB"                         # optional; some radios stay off without
//
//	[enrol]
//	url   = "https://fleet.example.com:8443/enrol"
//	token = "..."                          # 16 to 512 of A-Z a-z 0-9 . _ ~ + / = -
//	ca    = "sha256:..."                   # of the CA certificate's DER, 64 hex digits; or certificates in PEM
//
// # Where it lies
//
// An image carries the file [Name] in the root directory of its FAT boot partition, filled with
// [Placeholder]: [Size] bytes that say nothing. Whoever seeds or erases writes [Size] bytes over
// these and leaves the file system as it is, so no one needs to be able to change a FAT. A
// file that a person has edited may be shorter; [Parse] takes up to [Size] bytes.
//
// [Parse] is strict: an unknown key, a wrong type, something missing or doubtful is an [*Error]
// that names every problem with its cure. It never repeats the token or the
// passphrase. What says nothing (the placeholder, zeros, comments only) is [ErrEmpty]. [Encode] of
// what Parse returned is Parse's inverse; both are pure.
//
// Erasing by overwriting does not reach the old copies that a card's own controller may keep: the
// token must be worthless by then, because it is used and has expired.
package seed
