// Package device opens what a card image is written to: a card as Linux shows it, or, for
// virtual machines and tests, a plain file.
//
// A card is claimed (O_EXCL): the kernel denies it while the card or a partition of it is
// mounted, swapped to or part of something larger, in whatever mount namespace, and denies
// all of these while it is open. It is read and written past the page cache (O_DIRECT), so
// what is read back came from the card; Sync sends the flush that makes the card empty its
// write cache. What a card's or reader's own memory does is out of reach: a reading may still
// be answered by that. A plain file's card is its file system: it is read and written
// as files are.
//
// A Device is used by one goroutine.
package device
