// Package update brings new versions of lockerd to a bank, and believes none
// that is not signed. It is a client of TUF repositories (specification 1.0; package tuf decides what
// is believed); what it fetches goes into the free slot (daemon/slots), never elsewhere.
//
// What it promises, and the sentence in which each is refused (an Error, whose cure says
// what to do):
//
//   - Signed: as many keys of each role as the root in force wants. The first root comes with
//     the bank ([update] root_file); later ones are believed when signed by the one
//     before and by themselves, one after another.
//   - No downgrade: neither of the metadata (versions that were seen are kept on disk, synced) nor
//     of the program: only a version above the one that runs, and not one that was
//     rolled back here before, unless ordered again.
//   - No freeze: snapshot and timestamp end when the repository says, at most 30 days by its
//     tool, judged at bank time. Bank time never falls, so a board without a clock still
//     does not go back behind what it has seen.
//   - Whole: size and SHA-256 of the file are compared while it is written and again when read
//     back from the disk.
//
// A Source is a directory (a stick) or a web server; neither needs to be trusted. Files of
// metadata are bounded, and so is the time of a fetch.
//
// go-tuf's own updater is not used: it writes what it has seen without fsync, takes a
// torn file as an error for ever or silently forgets it, and holds a whole program in memory.
package update
