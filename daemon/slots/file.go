package slots

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"lockerd/store/durable"
)

const (
	stateFile = "state"
	oldSuffix = ".old"
	tmpSuffix = ".tmp"
	lockFile  = "lock"
	magic     = "lockerd-slots 1 "
	maxState  = 64 << 10 // bytes; a state has some hundred
	dirMode   = 0o750
)

// errDamaged is returned for a state file whose checksum is wrong.
var errDamaged = errors.New("its checksum is wrong")

// Dir is the directory of the slots. Its methods may be called by several
// processes at a time.
type Dir struct {
	Path string
	// Step is called before each operation on a file; tests end the process there.
	Step func(op string)
	// Free tells how many bytes are left; nil: what the file system says.
	Free func() (int64, error)
}

func (d *Dir) step(op string) {
	if d.Step != nil {
		d.Step(op)
	}
}

// Program returns where the program of a slot lies.
func (d *Dir) Program(s Slot) string { return filepath.Join(d.Path, string(s), "lockerd") }

func (d *Dir) name(n string) string { return filepath.Join(d.Path, n) }

// Load reads the state. doubt tells that it is the one before the last, because the last is
// missing or damaged: then no slot is believed unseen.
func (d *Dir) Load() (s State, doubt bool, err error) {
	s, err = read(d.name(stateFile))
	if err == nil {
		return s, false, nil
	}
	old, oerr := read(d.name(stateFile + oldSuffix))
	switch {
	case oerr == nil:
		return old, true, nil
	case errors.Is(err, fs.ErrNotExist) && errors.Is(oerr, fs.ErrNotExist), errors.Is(err, errDamaged), errors.Is(oerr, errDamaged):
		return State{}, true, nil // begins anew from the base program
	}
	return State{}, true, fmt.Errorf("cannot read the state of the slots: %w", err)
}

func read(path string) (State, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return State{}, err
	}
	return decode(b)
}

func decode(b []byte) (State, error) {
	head, body, ok := bytes.Cut(b, []byte("\n"))
	sum, known := strings.CutPrefix(string(head), magic)
	if !ok || !known || len(b) > maxState || sum != digest(body) {
		return State{}, errDamaged
	}
	var s State
	if err := json.Unmarshal(body, &s); err != nil {
		return State{}, errDamaged
	}
	return s, nil
}

func encode(s State) ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("cannot write the state of the slots: %w", err)
	}
	return append([]byte(magic+digest(body)+"\n"), body...), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Change takes the state through f and saves it, while no other process changes
// it. After an error the state on disk is the old one, or in the last moment the
// new one.
func (d *Dir) Change(f func(State) (State, error)) (State, error) {
	unlock, err := d.lock()
	if err != nil {
		return State{}, err
	}
	defer unlock()
	s, _, err := d.Load()
	if err != nil {
		return s, err
	}
	next, err := f(s)
	if err != nil {
		return s, err
	}
	return next, d.save(next)
}

func (d *Dir) lock() (unlock func(), err error) {
	if err := os.MkdirAll(d.Path, dirMode); err != nil {
		return nil, fmt.Errorf("cannot make the directory of the slots: %w: let the package make it, owned by lockerd's user", err)
	}
	f, err := os.OpenFile(d.name(lockFile), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the slots: %w", err)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("cannot lock the slots: %w", err)
		}
	}
}

// save puts the state in place: written and synced aside, then the last becomes
// the old one and this the last, then the directory is synced. What stands
// between two renames is the old one, which Load takes.
func (d *Dir) save(s State) error {
	b, err := encode(s)
	if err != nil {
		return err
	}
	path := d.name(stateFile)
	if err := d.writeSynced(path+tmpSuffix, b); err != nil {
		return fmt.Errorf("cannot write the state of the slots: %w", err)
	}
	if _, err := read(path); err == nil { // never a damaged one over a good old one
		d.step("rename state to state.old")
		if err := os.Rename(path, path+oldSuffix); err != nil {
			return fmt.Errorf("cannot keep the old state of the slots: %w", err)
		}
	}
	d.step("rename state.tmp to state")
	if err := os.Rename(path+tmpSuffix, path); err != nil {
		return fmt.Errorf("cannot put the state of the slots in place: %w", err)
	}
	return d.syncDir(d.Path)
}

func (d *Dir) writeSynced(path string, b []byte) error {
	d.step("create " + filepath.Base(path))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	d.step("write " + filepath.Base(path))
	_, err = f.Write(b)
	if err == nil {
		d.step("fsync " + filepath.Base(path))
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (d *Dir) syncDir(path string) error {
	d.step("fsync directory " + filepath.Base(path))
	return durable.SyncDir(path)
}
