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
//     what led to the pause and orders silent banks again; a forgiven bank that fails at
//     another try counts anew.
//   - More failures than Stop in all of it, pauses or not, end it for good.
//   - Orders go to banks that are there, and what is tried keeps its place of the Parallel
//     ones until it has ended, also at a bank that is away: neither an update that takes
//     banks off the line nor a broker's death has more than Parallel try it together.
//   - A bank that has staged the update already when the rollout pauses tries it all the
//     same; the bound of what can go wrong is a step, and Parallel within it if the plan has
//     no window.
//   - No failure is a bank that refuses because it runs the version or tries it, by
//     another's order or from its image, or because it is busy. A board that is replaced
//     while the rollout runs gets its order anew.
//
// # Time
//
// Deadlines and Soak count time in which somebody watched: Advance adds what went by since
// the last call, a few seconds at most, and after a longer absence nobody is taken for silent
// for some minutes. So a backend that was down over night does not take banks for silent
// whose word it has not yet let in.
package rollout
