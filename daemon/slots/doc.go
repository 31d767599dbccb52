// Package slots keeps the programs of a bank on disk, so that an update that
// turns out bad undoes itself. It is shared by the launcher (cmd/lockerd-launch,
// owned by the package), which chooses what runs, and by lockerd, which stages
// updates and judges itself after one. It needs the standard library and flock
// only.
//
// # On disk
//
//	/usr/lib/lockerd/lockerd-launch   package: the program systemd starts
//	/usr/lib/lockerd/lockerd          package: the base program, where slots come from at first
//	/var/lib/lockerd/update/          0750, of lockerd's user; everything below is made here
//	    state                         who runs: one line with a checksum, one of JSON; renamed into place
//	    state.old                     the state before that
//	    lock                          flock of whoever changes the state
//	    a/lockerd, b/lockerd          the slots
//	    tuf/                          what is known of the update repository (daemon/update)
//
// systemd runs `/usr/lib/lockerd/lockerd-launch -- run --config
// /etc/lockerd/lockerd.toml`, as lockerd's user, with Type=notify,
// Restart=always, StartLimitIntervalSec=0. The launcher becomes lockerd (execve, the
// same pid), so sd_notify and the watchdog reach the program itself. It tells it
// by $LOCKERD_SLOTS (the directory) and $LOCKERD_SLOT where it runs from.
//
// A package that brings another base program is an update like any other: the launcher
// copies it into the free slot and tries it. Installed again, the same base program
// is not tried again: an update that came later stays, and so does a roll back.
//
// # An update
//
//	staging    the free slot is being written; it counts as empty
//	verified   written, fsynced, read back, digest right
//	trying     ordered: each start is counted on disk before it is made
//	failed     the new program has judged itself, or its file or exec failed
//
// It ends confirmed (the slot becomes the active one), rolled back (the active one
// goes on) or abandoned (before it was tried; if its order was cut short, by the next
// start of lockerd). Two starts that end neither
// confirmed nor orderly are a roll back: crash, watchdog, kill, power cut. So is
// a verdict of the new program on itself, and the deadline, which a guard
// process of the launcher keeps, so that it needs no help of the new
// program. An orderly stop during a trial (reboot, systemctl restart) gives its start
// back, ten times at most.
//
// # What is promised
//
//   - At every moment, also after a kill or a power cut at any of them, the next
//     start of the launcher runs a whole program: the active slot, one on trial whose
//     digest is right, the other slot, or the base program.
//   - The state on disk is the old or the new one, never a mixture.
//   - A start on trial that could not be counted is not made.
//   - A program that writes a store its predecessor can't read never runs on trial:
//     see Health.StoreReads.
package slots
