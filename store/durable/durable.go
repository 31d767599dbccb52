// Package durable puts files in place so that they outlive a power cut: a name leads to
// the old content or to all of the new, and to the new once the call has returned.
//
// Who must end the power between two steps in a test (daemon/slots, daemon/identity), or
// streams into the file (a checkpoint, a backup), does the steps itself, with SyncDir.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot open directory %q: %w", dir, err)
	}
	defer func() { _ = d.Close() }() // was only synced
	if err := d.Sync(); err != nil {
		return fmt.Errorf("cannot sync directory %q: %w", dir, err)
	}
	return nil
}

// WriteFile makes a file of that content and mode, whatever the umask, appear under its
// name whole or not at all, in place of what is there. Several may write the same file: one
// of them is the last. A cut may leave .NAME.*.tmp beside it.
func WriteFile(path string, b []byte, mode fs.FileMode) error {
	t, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("cannot write %q: %w", path, err)
	}
	_, err = t.Write(b)
	err = errors.Join(err, t.Chmod(mode), t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		_ = os.Remove(t.Name()) // what could not be written is of no use
		return fmt.Errorf("cannot write %q: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// GiveLike gives what root has made, a path and all below it, to the owner of dir: lockerd
// runs as a user of its own. Nobody else can, and need not.
func GiveLike(path, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cannot tell whose %q is: %w", dir, err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || st.Uid == 0 {
		return nil
	}
	return filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, int(st.Uid), int(st.Gid))
	})
}
