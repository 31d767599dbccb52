package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lockerd/store/journal"
)

// restoredName lies beside the journal from a restore until the first start
// after it.
const restoredName = "restored"

// MarkRestored says that the files in a data directory came from a backup. What
// was used since the backup is unused in them, so the next Open begins a new
// journal, as after damage: no code, no intent, no claim is taken over. A restore
// marks the directory before the first file of the backup is in it.
func MarkRestored(dir, why string) error {
	path := filepath.Join(dir, restoredName)
	if err := journal.WriteFile(path, []byte(why+"\n")); err != nil {
		return fmt.Errorf("cannot mark %q as restored: %w", dir, err)
	}
	return nil
}

// restored returns what MarkRestored has said, or "".
func (s *Store) restored() (why string, err error) {
	b, err := os.ReadFile(filepath.Join(s.dir, restoredName))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot tell whether the data was restored from a backup: %w", err)
	}
	return "restored from a backup: " + strings.TrimSpace(string(b)), nil
}

// distrusted removes the mark once the new journal is in place. A crash before
// only begins one more.
func (s *Store) distrusted() error {
	if err := os.Remove(filepath.Join(s.dir, restoredName)); err != nil {
		return fmt.Errorf("cannot remove the mark of a restore: %w", err)
	}
	return journal.SyncDir(s.dir)
}
