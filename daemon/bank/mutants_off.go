//go:build !mutants

package bank

// mutation is empty: a release has no mutants.
type mutation struct{}

func (mutation) early(*tx) {}
