// Package crash holds the proofs of the core promise: a power cut at any byte,
// a SIGKILL at any moment and a flipped bit anywhere neither burn a code nor
// open a door twice. There is nothing in it but tests.
//
// TestPowerCuts records everything that the store writes during 300 openings of
// the real bank, deliveries, returns, swaps and clearings among them, cuts the power after every prefix, with torn last writes and
// any part of what was not synced, starts the real bank on what is left, scans
// the codes there and watches the locks. LOCKERD_IMAGES says how many images.
// TestPowerCutsInRecovery does the same to starts that such a cut made necessary.
//
// TestPowerCutsInRestore cuts the power at every operation of a restore.
//
// TestMutantsAreCaught (build tag mutants) has the same judge look at banks and
// stores that each break one promise, and fails if it does not object. Without
// the tag there is nothing of a mutant in any program.
//
// TestKill kills the real program with SIGKILL while simulated boards and
// scanners are held by the test (LOCKERD_KILLS). TestBitRot flips bits of the
// data directory, each judged in a process of its own (LOCKERD_FLIPS).
//
// Every test prints its seed; LOCKERD_SEED gives it again. The file system that
// records needs root and /dev/fuse; without them the power cuts are skipped,
// saying so.
package crash
