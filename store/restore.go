package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"lockerd/store/durable"
	"lockerd/store/journal"
)

// Names of a restore in a data directory.
const (
	stagingName = "restore.new"     // what is put in place when it is whole
	asidePrefix = "before-restore-" // what was there before, by number
	keepAside   = 2                 // of those, once their use marks were taken over
)

// ErrRunning is returned by Restore and CopyFiles while a store is open in the
// directory.
var ErrRunning = errors.New("lockerd runs on this data directory")

// RestoreOptions are the settings of Restore.
type RestoreOptions struct {
	Why string // for the journal that begins then

	mutation
}

// Restore puts the files that stage writes in the place of a data directory's.
// stage gets an empty directory beside them, and returns nil only when all of it is
// there and sound: until then nothing else has changed. Then, in this order, each
// step durable before the next:
//
//  1. the directory is marked (MarkRestored): whatever a later Open finds, it begins
//     a new journal, and nothing that might have been used opens anything;
//  2. what was there is moved aside, into before-restore-N, and kept: Open takes
//     the use marks out of it, the stricter of both wins;
//  3. what was staged takes its place.
//
// A power cut leaves what was there before, or a marked directory; Restore can be
// called again. What it makes belongs to the owner of dir.
func Restore(dir string, o RestoreOptions, stage func(to string) error) (aside string, err error) {
	lock, err := lockExisting(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }() // ends the lock
	r := &restoring{dir: dir, o: o, staging: filepath.Join(dir, stagingName)}
	if err := r.stage(stage); err != nil {
		return "", errors.Join(err, os.RemoveAll(r.staging))
	}
	return r.swap()
}

// lockExisting keeps lockerd out of a data directory, and makes no file that it
// could not open.
func lockExisting(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open lock file %q: %w", path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot lock data directory %q: %w", dir, ErrRunning)
	}
	if err := durable.GiveLike(path, dir); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

type restoring struct {
	dir     string
	o       RestoreOptions
	staging string
	again   bool // nothing has opened the directory since an earlier restore marked it
}

// stage has the files written and makes them durable.
func (r *restoring) stage(write func(to string) error) error {
	if err := os.RemoveAll(r.staging); err != nil {
		return fmt.Errorf("cannot remove what an earlier restore has left: %w", err)
	}
	if err := os.Mkdir(r.staging, 0o700); err != nil {
		return fmt.Errorf("cannot make %q: %w", r.staging, err)
	}
	if err := write(r.staging); err != nil {
		return err
	}
	if err := durable.GiveLike(r.staging, r.dir); err != nil {
		return fmt.Errorf("cannot give the files to the owner of %q: %w", r.dir, err)
	}
	return filepath.WalkDir(r.staging, func(p string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return durable.SyncDir(p)
		}
		return syncFile(p)
	})
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// swap puts what is staged in place. From its first step on the directory is
// marked.
func (r *restoring) swap() (aside string, err error) {
	if err := durable.SyncDir(r.dir); err != nil {
		return "", err
	}
	_, err = os.Stat(filepath.Join(r.dir, restoredName))
	if r.again = err == nil; !r.again { // all that lies aside was taken over
		if err := r.forget(); err != nil {
			return "", err
		}
	}
	if err := r.mark(); err != nil {
		return "", err
	}
	if aside, err = r.setAside(); err != nil {
		return "", err
	}
	if err := r.place(); err != nil {
		return aside, err
	}
	if err := os.RemoveAll(r.staging); err != nil {
		return aside, fmt.Errorf("cannot remove %q: %w", r.staging, err)
	}
	return aside, durable.SyncDir(r.dir)
}

func (r *restoring) mark() error {
	if r.o.unmarked() {
		return nil
	}
	if err := MarkRestored(r.dir, r.o.Why); err != nil {
		return err
	}
	return durable.GiveLike(filepath.Join(r.dir, restoredName), r.dir)
}

// movable are the files of a store. journal goes first: what is left without it
// opens nothing by itself.
func movable() []string {
	return []string{journalName, journalName + ".new", "state.db", "state.db" + badSuffix, "state.db.new"}
}

func (r *restoring) setAside() (string, error) {
	n := 1
	for _, have := range asides(r.dir) {
		n = max(n, asideNumber(have)+1)
	}
	aside := filepath.Join(r.dir, asidePrefix+strconv.Itoa(n))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", fmt.Errorf("cannot make %q: %w", aside, err)
	}
	if r.again { // it may be what the earlier restore has put there: see lived
		if err := MarkRestored(aside, r.o.Why); err != nil {
			return "", err
		}
	}
	if err := durable.GiveLike(aside, r.dir); err != nil {
		return "", err
	}
	if err := durable.SyncDir(r.dir); err != nil {
		return "", err
	}
	for _, name := range movable() {
		err := os.Rename(filepath.Join(r.dir, name), filepath.Join(aside, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("cannot set %q aside: %w", name, err)
		}
	}
	return aside, errors.Join(durable.SyncDir(aside), durable.SyncDir(r.dir))
}

func (r *restoring) place() error {
	for _, name := range movable() {
		err := os.Rename(filepath.Join(r.staging, name), filepath.Join(r.dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot put %q in place: %w", name, err)
		}
	}
	return durable.SyncDir(r.dir)
}

// forget removes the oldest of what lies aside.
func (r *restoring) forget() error {
	all := asides(r.dir)
	for len(all) >= keepAside {
		if err := os.RemoveAll(all[0]); err != nil {
			return fmt.Errorf("cannot remove %q: %w", all[0], err)
		}
		all = all[1:]
	}
	return nil
}

// asides are what restores have moved aside, the oldest first.
func asides(dir string) []string {
	all, err := filepath.Glob(filepath.Join(dir, asidePrefix+"*"))
	if err != nil { // the pattern is good
		return nil
	}
	slices.SortFunc(all, func(a, b string) int { return asideNumber(a) - asideNumber(b) })
	return all
}

func asideNumber(path string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(path), asidePrefix))
	if err != nil {
		return 0
	}
	return n
}

// CopyFiles gives the files of a store that does not run to emit, for a backup: its
// journal, and state.db. They are not opened, and nothing is mended.
func CopyFiles(ctx context.Context, dir string, emit func(name string, size int64, r io.Reader) error) error {
	if _, err := os.Stat(filepath.Join(dir, journalName)); err != nil {
		return fmt.Errorf("cannot find a store in %q: %w", dir, err)
	}
	lock, err := lockExisting(dir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // ends the lock
	entries, err := os.ReadDir(filepath.Join(dir, journalName))
	if err != nil {
		return fmt.Errorf("cannot read the journal's directory: %w", err)
	}
	names := []string{"state.db"}
	for _, e := range entries {
		if journal.IsFile(e.Name()) {
			names = append(names, journalName+"/"+e.Name())
		}
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := copyFile(dir, name, emit); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func copyFile(dir, name string, emit func(name string, size int64, r io.Reader) error) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("cannot open %q: %w", name, err)
	}
	defer func() { _ = f.Close() }() // was only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot read %q: %w", name, err)
	}
	return emit(name, info.Size(), f)
}
