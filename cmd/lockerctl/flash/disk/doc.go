// Package disk tells which disks this machine has and what each is used for, from /sys and
// /proc, and which of them may be overwritten.
//
// A disk is in use when it, a partition of it, or whatever is made of these (LVM, RAID, dm-crypt,
// at any depth) is mounted, swapped to or held. What it can't find out it takes for a
// use: a disk is free only if every question had an answer. Mounts of other mount namespaces, and
// file systems over many disks, don't show here; whoever opens the disk must therefore claim it
// (O_EXCL), which the kernel denies for all of these.
package disk
