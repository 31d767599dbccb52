package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"lockerd/store/durable"
)

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// disk makes the changes on disk. cut, if set, is asked before each of them: tests end
// the power there.
type disk struct {
	cut func(step string) error
}

func (d disk) before(step string) error {
	if d.cut == nil {
		return nil
	}
	return d.cut(step)
}

// mkdir makes a directory for this user only, and its owner that of the one above.
func (d disk) mkdir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := d.before("mkdir"); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("cannot make %s: %w", dir, err)
	}
	return errors.Join(durable.GiveLike(dir, filepath.Dir(dir)), d.sync(filepath.Dir(dir)))
}

// write replaces a file as a whole.
func (d disk) write(path string, b []byte) error {
	err := d.replace(path, b)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

func (d disk) replace(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := d.before("create"); err != nil {
		return err
	}
	tmp := path + ".new" // one process writes here; what a cut has left is written over
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, werr := f.Write(b)
	if err := errors.Join(werr, f.Chmod(fileMode), f.Sync(), f.Close(), durable.GiveLike(tmp, dir)); err != nil {
		return err
	}
	if err := d.before("rename"); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return d.sync(dir)
}

func (d disk) remove(path string) error {
	if err := d.before("remove"); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", path, err)
	}
	return d.sync(filepath.Dir(path))
}

func (d disk) sync(dir string) error {
	if err := d.before("sync"); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

// overwrite writes over a file's bytes, in its place, so that none of the old ones stays in
// the file. On flash the old cells may stay for a while: what made the file a secret is
// worthless before this is called.
func (d disk) overwrite(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil {
		err = d.before("overwrite")
	}
	if err == nil {
		rest := max(int(st.Size())-len(b), 0)
		_, err = f.WriteAt(append(slices.Clone(b), make([]byte, rest)...), 0)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// erase overwrites a file and removes it.
func (d disk) erase(path string) error {
	if err := d.overwrite(path, nil); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return d.remove(path)
}
