package store

import (
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"

	"lockerd/store/journal"
)

// Backup gives the files of a backup to emit while the store is in use: a
// checkpoint of all that a restore takes over (doors, marks, values; never the
// codes of loaded sets, which come from the backend), and the journal. They are of one
// moment: what is committed meanwhile is in it or not. Commits do not wait; the
// journal is not pruned until the files are open, which takes milliseconds.
func (s *Store) Backup(emit func(name string, size int64, r io.Reader) error) error {
	if err := s.failure(); err != nil {
		return fmt.Errorf("cannot back up, the store has failed before: %w", err)
	}
	state, index, files, err := s.freeze()
	defer func() {
		if state != nil {
			_ = state.Close() // has no name any more
		}
		for _, f := range files {
			_ = f.Close() // was only read
		}
	}()
	if err != nil {
		return err
	}
	info, err := state.Stat()
	if err != nil {
		return fmt.Errorf("cannot read the checkpoint: %w", err)
	}
	if err := emit(journalName+"/"+journal.CheckpointName(index), info.Size(), io.NewSectionReader(state, 0, info.Size())); err != nil {
		return err
	}
	for _, f := range files {
		if err := emit(journalName+"/"+f.Name, f.Size, f); err != nil {
			return err
		}
	}
	return nil
}

// freeze opens what a backup holds, of one moment.
func (s *Store) freeze() (state *os.File, index uint64, files []*journal.File, err error) {
	s.pruning.Lock() // else what lies between checkpoint and journal may go
	defer s.pruning.Unlock()
	if state, err = os.CreateTemp(s.dir, "backup-*.tmp"); err != nil {
		return nil, 0, nil, fmt.Errorf("cannot make a checkpoint for the backup: %w", err)
	}
	_ = os.Remove(state.Name()) // lives as long as it is open
	err = guard("state.db for a backup", func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			if _, index, err = boltHead(tx); err != nil {
				return err
			}
			return journal.WriteObjects(state, func(emit func([]byte) error) error { return emitState(tx, s.j.ID(), index, emit) })
		})
	})
	if err != nil {
		return state, 0, nil, fmt.Errorf("cannot make a checkpoint for the backup: %w", s.suspect(err))
	}
	files, err = s.j.Files()
	return state, index, files, err
}
