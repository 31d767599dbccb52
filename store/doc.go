// Package store keeps everything a bank must not forget: doors, items, codes,
// use marks, counters and the journal of events.
//
// One Commit is one fdatasync: after it has returned, all of it survives a
// power cut, before that none of it can be seen. The journal is written first
// and is the truth; bbolt is what the journal has made, brought up in the
// background, and reads look through a small overlay of what it lacks yet. A
// state file that is older than it should be, damaged or of another journal is
// caught at Open and rebuilt. Every stored record carries a checksum over its
// key and value, and one that fails it is ErrDamaged and never served.
//
// All methods may be called from any goroutine. Any error of Commit is final:
// every later Commit fails with it, and the daemon exits to be started anew.
// Layout, bounds and recovery stand in FORMAT.md.
package store
