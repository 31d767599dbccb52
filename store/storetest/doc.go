// Package storetest cuts the power under a store, thousands of times.
//
// Mount serves a fresh directory from a recorder. A test runs the real store in
// it, unmodified, and sets a Mark at every moment that matters (an answer given,
// a relay pulsed). The recorder writes down, in one total order, every create,
// write, truncate, fallocate, fsync, fdatasync, directory fsync, rename, unlink,
// mkdir, rmdir, chmod and mark. From that Log come Images: what a disk may hold when
// the power goes after the first At operations were issued. Each is written to
// an empty directory in which the test opens the store again and looks whether
// its promises hold.
//
//	func TestMain(m *testing.M) { storetest.Serve(); os.Exit(m.Run()) }
//
//	rec := storetest.Mount(t)
//	s := open(rec.Dir())
//	s.commit("x")
//	x := rec.Mark("x is acknowledged")
//	s.close()
//	storetest.Each(t, rec.Log().Images(rng, 20_000), func(dir string, im storetest.Image) error {
//		if got := reopen(dir); im.At > x && !got.has("x") { return errors.New("x is lost") }
//		...
//
// The files are served by a second process, the test binary started again: a
// process that touches files it serves itself can stop for ever at a page fault
// in a mapped file or while it forks. That process must meet Serve first thing
// in TestMain. It ends with the test, also when the test is killed.
//
// # What may survive
//
// An fsync or fdatasync of a file makes all its earlier writes, truncates and
// fallocates durable, its size included, and nothing else: not its name. An
// fsync of a directory makes the earlier operations on its names durable. A
// write through O_SYNC or O_DSYNC counts as write and fsync. The reply to a
// sync is given after it was recorded, so a mark made after a sync stands
// behind it in the log. Of all that is not durable an image holds any part:
//
//   - of data, any set of 512-byte sectors, each in any of the versions written
//     since the last sync, in any order between files and within one;
//   - of the last write, any number of bytes from its beginning;
//   - of the sizes of one file, the changes up to some point in their order;
//     new space whose data was lost reads as zeros, or as garbage;
//   - of the names in one directory, the changes up to some point in their
//     order. A rename is whole or not at all, also between directories;
//   - names, sizes and data independently of each other: a file may be renamed
//     before its data arrives, or have data and not yet a name.
//
// # What is not covered
//
// Disks that lie about a flush, lose what was durable, or tear sectors smaller
// than 512 bytes in any write but the last. File systems that promise less than
// ordered names, or neighbours damaged by a torn write. Hard links, symbolic
// links, O_TMPFILE and exchanging renames are refused. Times are not kept;
// chmod is durable at once; sync(2), syncfs and sync_file_range make nothing
// durable. What a program writes through a shared mapping is recorded when the
// kernel writes it back. A write above 1 MiB is recorded as several.
//
// A Recorder, a Log and an Image may be used from several goroutines.
package storetest
