// Package haltest is the conformance suite of the buses of lock boards: what
// hal.Bus promises, asked of a driver on a real pty against hal/sim.
//
// A driver's test is three lines:
//
//	for _, v := range haltest.Variants() {
//		t.Run(v.Name, func(t *testing.T) { haltest.Run(t, v, open) })
//	}
//
// Each case builds a bank of its own and takes it away again. Besides what a
// case looks for, every case is held at its end against the simulator's log:
// no status read may have said what was not so while it was under way, no lock
// may have been pulsed that was not asked for or more often than asked, nor a
// coil held until it burns, nor more coils at once than the bus may.
//
// The boards answer in real time, so on a busy machine a sound driver may rightly
// find no reply. Each Run watches how late this process wakes: a case that fails
// is made again, with a note of why, if that was late enough to matter, three
// times at most. On a machine that is in time nothing is made again.
//
// Noise lasts for 3 s, or for LOCKERD_NOISE (a duration) if that is set. A
// failed case names what the simulator and the driver saw last.
package haltest
