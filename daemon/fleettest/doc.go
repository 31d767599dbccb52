// Package fleettest runs a fleet of whole banks in one process: each is the
// daemon as the program runs it, with store, control socket and simulated lock
// boards on a pty, against a real broker and the backend library. There is
// nothing in it but tests.
//
// LOCKERD_BANKS says how many (default 24; 1000 is what sync/README.md reports).
// Every bank is born, gets codes by deltas, opens a door by command and sends its
// events; meanwhile a broker is killed and comes back. All must converge: every
// event stored once, every chain unbroken, every set applied. A few banks live
// through a backend that is put back to an older state, and through messages that
// come again late, truncated and to another bank, on mosquitto, mochi and three
// nodes of NATS.
//
// TestStories plays random stories (LOCKERD_STORIES, LOCKERD_SEED): people, tenants and
// operator go on while all of it fails at once, banks and their own processes too. Each
// story's own model says what each scan must come to, and at the end what must be on disk,
// at the backend and at the boards.
package fleettest
