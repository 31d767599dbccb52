// Package journal is the truth of a bank: an append-only log of commits in
// preallocated, chained segment files.
//
// One Append is one pwrite and one fdatasync. After it has returned nil the
// commit survives a power cut; after an error nothing more is appended for
// ever, because nobody can know any longer what is on the disk. A commit
// carries events, whose lines are kept byte for byte as they are sent (the hash
// chain of contract 7.2 runs through them), and an opaque state part.
//
// Open tells a torn tail, which is an append that never returned and is cut
// off, from damage. One flipped bit in a record is repaired in place; anything
// else that is bad in front of valid records is ErrDamaged, and the caller
// decides. Layout, bounds and the recovery table stand in store/FORMAT.md.
//
// Append, the readers and Prune may be called at the same time from any
// goroutine; Prune itself has one caller at a time.
package journal
