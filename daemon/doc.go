// Package daemon puts a bank together from its parts and runs it: store, clock,
// buses, scanners, the bank itself and its control socket. Only cmd imports it.
//
// Run opens the store (which recovers what a power cut has left), starts the
// bank, then buses and scanners, and writes the ready line once every board has
// answered or been found silent. A missing port or an absent broker never keeps
// that back. When its context ends it stops in the reverse order: no new scans,
// a few seconds for openings under way, relays to rest, store closed. See
// DESIGN.md beside this file for the walk of one scan.
package daemon
