// Package probe finds out what hangs on a line: which family of lock boards, at
// which addresses, with how many channels, and where two boards share an
// address. It then lets the finder read and pulse them one by one.
//
// It is for commissioning, while no bus drives the port; Dial fails where
// lockerd does. Looking asks only what no board of any family takes for an
// order. A board that is found is brought to rest and, where its family has
// modes in which an input moves a lock, out of them. Locks move by Pulse only:
// once, timed by the board, never by a hold command, never repeated.
//
// A Bus and its Line belong to one goroutine.
package probe
