// Package release makes and keeps a repository of updates as TUF wants it
// (theupdateframework.io, specification 1.0), for lockerctl release and for
// tests of the client (daemon/update).
//
//	REPO/metadata/   N.root.json, N.targets.json, N.snapshot.json, timestamp.json
//	REPO/targets/    CHANNEL/SHA256.lockerd-linux-ARCH
//	REPO/staged/     what waits for signatures; not for banks
//	KEYS/            ROLE-N.key: Ed25519, PKCS 8, 0600; never in REPO
//
// REPO is served as it is by any web server, or copied onto a stick. A release is one
// file a channel and board: stable/lockerd-linux-arm64, whose "custom" says the
// version. Files are named by their digest, and timestamp.json is replaced last, so that
// who reads while something is published reads the old or the new release, whole.
//
// Roles: root (says who may sign; keys of it belong onto a stick in a safe), targets
// (says what is in a release), snapshot and timestamp (say what is newest, and are
// renewed by a timer: lockerctl release refresh). root and targets may need
// several signatures; each signer brings own keys, and what has too few is staged
// until the last has signed.
//
// How long a bank can be kept on an old release by somebody between it and
// the repository is Fresh, the life of snapshot and timestamp.
package release
