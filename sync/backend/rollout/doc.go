// Package rollout decides how an update goes through a fleet, step by step, and when
// it must not go on. It is pure: what banks say and how time goes by are arguments,
// orders go through a Fleet; package backend keeps it in its store.
//
// # What it promises
//
//   - The banks of each step are known at the start: named canaries first, then in the order
//     of SHA-256(version, bank). The same fleet and version give the same steps.
//   - A step begins when each bank of the one before has ended, and Soak has passed without
//     trouble. What has ended is told by the bank's journal, not by what was ordered:
//     confirmed, rolled back, abandoned; or by its refusal.
//   - More failures than Failures, or more silent banks than Silent, pause the rollout: no
//     order goes out, and those that no bank has answered are taken back. Resume forgives
//     what led to the pause and orders silent banks again.
//   - More failures than Stop in all of it, pauses or not, end it for good.
//   - A bank that has staged the update already when the rollout pauses tries it all the
//     same; the bound of what can go wrong is a step, and Parallel within it.
//
// # Time
//
// Deadlines and Soak count time in which somebody watched: Advance adds what went by since
// the last call, a few seconds at most. So a backend that was down over night does not take
// banks for silent whose word it has not yet let in.
package rollout
