//go:build mutants

package store

import (
	"os"
)

// Mutants: stores that break one promise each, to prove that the power-cut test
// would notice.
const (
	MutantNoSync     = "commit-without-sync"
	MutantBoltAhead  = "bbolt-ahead"
	MutantNoUseMarks = "drop-use-mark"
	MutantNoJoin     = "restore-without-join" // of Open
	MutantUnmarked   = "restore-unmarked"     // of Restore
)

// mutation adds Options.Mutant.
type mutation struct{ Mutant string }

func (m mutation) seams(o Options) Options {
	if m.Mutant == MutantNoSync {
		o.Datasync = func(*os.File) error { return nil }
	}
	return o
}

func (s *Store) beforeAppend(st *state, size int) error {
	if s.o.Mutant == MutantNoUseMarks {
		st.Marks = nil
	}
	if s.o.Mutant != MutantBoltAhead {
		return nil
	}
	s.mu.Lock()
	err := s.absorb(s.j.LastIndex()+1, st, size)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.flush()
}

func (s *Store) absorbNew(index uint64, st *state, size int) error {
	if s.o.Mutant == MutantBoltAhead {
		return nil
	}
	return s.absorb(index, st, size)
}

func (s *Store) joins() bool { return s.o.Mutant != MutantNoJoin }

func (m mutation) unmarked() bool { return m.Mutant == MutantUnmarked }
