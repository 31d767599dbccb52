// Package backend is the other end of the wire: what a backend must do for its
// banks (contract 6 and 7), for any Go program to use. `lockerctl fleet` is built
// on it and on nothing else.
//
// # What it promises
//
//   - An event is acknowledged only after it is on disk. It is stored once however
//     often it comes: (bank, journal, seq) identifies it. Events of a bank are
//     stored in the order of seq; one beyond a hole waits until the hole is filled
//     or the bank says that it is gone, however long that takes: Status has an alarm
//     meanwhile. Only the last words of a board that has been replaced do not wait.
//   - Every event's hash is checked (contract 7.2). A break, a fork (another event
//     under a seq already stored) and a hole are flagged in the event and in the
//     bank's Evidence. They never stop later events: a broken chain is a finding, not
//     a reason to lose what comes after it.
//   - A code that Issue returned is on disk, and reaches the bank however often the
//     link, the broker or either side fails in between: the next birth, the bank's own
//     question, or a retry finds what is missing. Its text is in no message, in no
//     store and in no log: Issue returns it once.
//   - A command is answered by the bank, or by Unanswered once it has expired. An
//     opening is never sent outside its 30 s, and carried out once at most, whatever the
//     broker does; of two that overtake each other one may be refused as `replayed`.
//   - A rollout (StartRollout, package rollout) and the orders it gives are one commit:
//     neither is there without the other.
//   - A support bundle (Bundle) is returned whole, its digest checked, or not at all.
//     It is encrypted to whom its caller has named: the backend can't read it.
//   - A store brought back from an old backup converges: sets get a new epoch, resent
//     events are recognised, missing ones are asked for (`resync`), documents get a
//     version above the bank's. What only the lost store knew is lost, and flagged.
//   - Banks are not trusted. A bank speaks for itself only, and whatever it sends
//     costs bounded memory, disk and time. Nothing that is said in its name keeps it
//     from being served from its next birth under a set clock on.
//
// # Use
//
// New needs a Store (sync/backend/boltstore, NewMemory, or your own database behind
// four methods) and the keys. Serve does the rest on one connection; who connects
// again after it ends is yours to say (mqttlink.Run does it with jitter). All methods
// may be called at any time, from any goroutine, with or without a connection.
//
// Events are pulled: Events after a cursor that you keep with your own data, Changed
// to wait for more. So nothing is lost between the two stores.
//
// # How it is built
//
// The core (birth.go, journal.go, sets.go, command.go, retry.go …) is a function of a
// transaction, a message and the time: it changes records and returns the messages to
// be sent, which are signed and sent after the commit. Many messages share one commit.
// In memory there is a few kilobytes for each bank; codes and events are in the store
// only.
//
// # Bounds
//
// Incoming messages wait in a queue of 4,096, of which 256 may be larger than a batch of
// events; 128 MiB in all. Beyond three quarters of it up/events
// are dropped (the bank sends them again), at its end the connection waits. What goes
// out waits in one of 16,384; beyond it a message is dropped and found missing by the
// retry. Other bounds stand beside their constants in limits.go.
package backend
