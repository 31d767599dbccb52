//go:build mutants

package bank

// mutation adds Config.PulseFirst, to prove that the power-cut test would
// notice a bank that pulses before it has committed.
type mutation struct{ PulseFirst bool }

// early does what a step has put off until after its commit.
func (m mutation) early(t *tx) {
	if m.PulseFirst {
		t.follow()
		t.after = nil
	}
}
