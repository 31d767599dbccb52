//go:build !mutants

package store

// mutation is empty: a release has no mutants.
type mutation struct{}

func (s *Store) beforeAppend(*state, int) error { return nil }

func (s *Store) absorbNew(index uint64, st *state, size int) error { return s.absorb(index, st, size) }

func (mutation) seams(o Options) Options { return o }

func (s *Store) joins() bool { return true }

func (mutation) unmarked() bool { return false }
