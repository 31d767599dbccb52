package box

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"lockerd/daemon/backup"
	"lockerd/daemon/bank"
	"lockerd/daemon/bundle"
	"lockerd/daemon/config"
	"lockerd/daemon/control"
	"lockerd/daemon/support"
	"lockerd/store"
)

// RestoreOptions say what is restored, and where to.
type RestoreOptions struct {
	File string // the backup
	Key  string // file with the secret, of an encrypted one

	Config      string // the bank's TOML file; it need not be there
	Data        string // data directory; "": the configuration's, else the package's
	WriteConfig bool   // write the backup's configuration, with what is there moved aside, and keys where none are
	OtherBank   bool   // take the backup of a bank of another name

	By string // who restores, for the journal that begins then
}

// Restored is what Restore has done.
type Restored struct {
	Head   backup.Head
	Data   string
	Aside  string // where what was there lies
	Config string // the file that was written; "": none

	ConfigAside string // where the configuration that was there lies; "": none was, or the same
}

// Bounds of what is kept in memory of a backup.
const (
	configMax = 1 << 20
	keyMax    = 256 << 10
	keysMost  = 16
)

// Restore brings a backup back: see store.Restore. lockerd must not run.
func Restore(ctx context.Context, o RestoreOptions) (Restored, error) {
	r := &restore{o: o, keys: map[string][]byte{}}
	in, err := r.open()
	if err != nil {
		return Restored{}, err
	}
	defer func() { _ = r.file.Close() }() // was only read
	if err := r.place(); err != nil {
		return Restored{}, err
	}
	r.done.Aside, err = store.Restore(r.done.Data, store.RestoreOptions{Why: o.By}, func(to string) error { return r.unpack(ctx, in, to) })
	if err != nil {
		return r.done, explain(err)
	}
	if o.WriteConfig {
		err = r.writeConfig()
	}
	return r.done, err
}

type restore struct {
	o    RestoreOptions
	file *os.File
	name string // of the bank that is configured here; "": none is
	conf []byte // of the backup
	keys map[string][]byte
	done Restored
}

// open opens the backup, decrypting.
func (r *restore) open() (io.Reader, error) {
	f, err := os.Open(r.o.File)
	if err != nil {
		return nil, &bank.Error{Code: control.CodeNotFound, Text: fmt.Sprintf("cannot open the backup: %v", err), Cure: "name a file that lockerctl backup has made"}
	}
	r.file = f
	in := bufio.NewReaderSize(f, 64<<10)
	head, err := in.Peek(bundle.StreamHead)
	if err != nil || !bundle.IsSealedStream(head) {
		return in, nil //nolint:nilerr // a file that is too short is told when it is read
	}
	secret, err := ReadKey(r.o.Key)
	if err != nil {
		return nil, err
	}
	plain, err := bundle.UnsealStream(secret, in)
	if err != nil {
		return nil, explain(err)
	}
	return plain, nil
}

// place finds the data directory, or makes it.
func (r *restore) place() error {
	cfg, err := config.Load(r.o.Config)
	if err == nil {
		r.name = cfg.Bank
		r.done.Data = cmp.Or(r.o.Data, cfg.DataDir)
	} else {
		r.done.Data = cmp.Or(r.o.Data, support.DataDir)
	}
	if _, err := os.Stat(r.done.Data); !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(r.done.Data, 0o700); err != nil {
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot make the data directory: %v", err), Cure: "run it as root, or name another: --data DIR"}
	}
	return giveToLockerd(r.done.Data)
}

// giveToLockerd gives a new file or directory to the user whom the package's service runs as,
// if there is one.
func giveToLockerd(path string) error {
	u, err := user.Lookup("lockerd")
	if err != nil || os.Geteuid() != 0 {
		return nil //nolint:nilerr // not from the package: it is ours
	}
	uid, _ := strconv.Atoi(u.Uid) // numbers on Linux
	gid, _ := strconv.Atoi(u.Gid)
	return os.Chown(path, uid, gid)
}

// unpack writes the store's files; it returns nil only if the backup is whole.
func (r *restore) unpack(ctx context.Context, in io.Reader, to string) error {
	head, files, err := backup.Read(in, r.fits, func(name string, size int64, body io.Reader) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch key, isKey := strings.CutPrefix(name, backup.KeysDir); {
		case name == "state.db", strings.HasPrefix(name, "journal/"):
			return write(filepath.Join(to, name), body)
		case name == backup.ConfigName:
			var err error
			r.conf, err = io.ReadAll(io.LimitReader(body, configMax))
			return err
		case isKey && len(r.keys) < keysMost && size <= keyMax:
			text, err := io.ReadAll(body)
			r.keys[key] = text
			return err
		}
		return nil // of a later version
	})
	if err != nil {
		return err
	}
	r.done.Head = head
	if _, err := os.Stat(filepath.Join(to, "journal")); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: there is no journal in it", backup.ErrDamaged)
	}
	if err := r.configFits(); err != nil {
		return err
	}
	return readBack(to, files)
}

// readBack compares what the disk has of the files with their digests, before they
// take anything's place.
func readBack(dir string, files []backup.File) error {
	for _, f := range files {
		sum, err := fileSum(filepath.Join(dir, f.Name))
		if errors.Is(err, os.ErrNotExist) {
			continue // not the store's
		}
		if err == nil && sum != f.SHA256 {
			err = errors.New("what is read is not what was written")
		}
		if err != nil {
			return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot trust the disk with %s: %v", f.Name, err), Cure: "put in another card; nothing has changed"}
		}
	}
	return nil
}

// fileSum is the SHA-256 of a file as its disk has it, as far as the kernel can be made
// to forget what it remembers.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // was only read
	if err := f.Sync(); err != nil {
		return "", err
	}
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // a wish
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func write(path string, body io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Close())
}

// fits refuses another bank's backup: the codes of a bank are bound to its name, and
// so is what its backend knows of it.
func (r *restore) fits(h backup.Head) error {
	if r.name == "" || h.Bank == r.name || h.Bank == backup.NoBank || r.o.OtherBank {
		return nil
	}
	return &bank.Error{Code: control.CodeRefused, Text: fmt.Sprintf("cannot restore: the backup is of bank %s, and this one is %s", h.Bank, r.name), Cure: "name the right file; --other-bank takes it all the same"}
}

// explain gives an error its cure.
func explain(err error) error {
	var known *bank.Error
	e := &bank.Error{Code: control.CodeFailed, Text: "cannot restore: " + err.Error()}
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, store.ErrRunning):
		e.Code, e.Cure = control.CodeRefused, "systemctl stop lockerd, then again; nothing has changed"
	case errors.Is(err, bundle.ErrKey):
		e.Code, e.Cure = control.CodeRefused, "name the secret of the recipient it was made for: --key FILE; nothing has changed"
	case errors.Is(err, backup.ErrDamaged), errors.Is(err, bundle.ErrDamaged):
		e.Code, e.Cure = control.CodeRefused, "take another copy of the backup, or an older one; nothing has changed"
	default:
		e.Cure = "run it as root and look at free space and at the disk; then again: what was begun goes on"
	}
	return e
}

// putBack writes a file where the bank had it, and its directory.
func putBack(name, path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // what lies in it has modes of its own
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot make a directory: %v", err), Cure: "run it as root"}
	}
	if err := WriteNew(path, b); err != nil {
		return err
	}
	return readable(name, path)
}

// readable lets lockerd, which runs as another user than who restores, read a file: of keys
// and passwords it alone, of the rest everybody.
func readable(name, path string) error {
	if strings.HasSuffix(name, ".key") || strings.HasSuffix(name, ".password") {
		return giveToLockerd(path)
	}
	return os.Chmod(path, 0o644) //nolint:gosec // no secret, as in the package
}

// configFits refuses, before anything has changed, a configuration that would not lead
// lockerd to the data.
func (r *restore) configFits() error {
	if !r.o.WriteConfig {
		return nil
	}
	if r.conf == nil {
		return &bank.Error{Code: control.CodeNotFound, Text: "cannot restore the configuration: there is none in the backup", Cure: "without --write-config, and write one: lockerctl commission, or /usr/share/doc/lockerd/examples; nothing has changed"}
	}
	cfg, err := config.Parse(r.conf, r.o.Config)
	if err != nil {
		return nil //nolint:nilerr // it is written all the same, for somebody to mend
	}
	if here, err := filepath.Abs(r.done.Data); err == nil && filepath.Clean(cfg.DataDir) != here && cfg.DataDir != r.done.Data {
		return &bank.Error{Code: control.CodeRefused, Text: fmt.Sprintf("cannot restore: the data would go to %s, and the backup's configuration has data_dir %s", r.done.Data, cfg.DataDir), Cure: "--data " + cfg.DataDir + ", or without --write-config; nothing has changed"}
	}
	return nil
}

// writeConfig writes the configuration, and keys where none are. Nothing is lost by it:
// what was there is moved aside. On a new board that is the package's, of no bank.
func (r *restore) writeConfig() error {
	if have, err := os.ReadFile(r.o.Config); err != nil || !bytes.Equal(have, r.conf) { // else a cut has come between it and the keys
		if err := r.configAside(); err != nil {
			return err
		}
		if err := putBack(backup.ConfigName, r.o.Config, r.conf); err != nil {
			return err
		}
	}
	r.done.Config = r.o.Config
	cfg, err := config.Parse(r.conf, r.o.Config)
	if err != nil {
		return &bank.Error{Code: control.CodeFailed, Text: "the data is restored, and lockerd will not take the configuration: " + err.Error(), Cure: "mend it: lockerd check --config " + r.o.Config}
	}
	for name, path := range backup.Secrets(cfg) {
		text, ok := r.keys[name]
		if _, err := os.Lstat(path); !ok || err == nil {
			continue
		}
		if err := putBack(name, path, text); err != nil {
			return err
		}
	}
	return nil
}

// configAside makes room for the configuration.
func (r *restore) configAside() error {
	if _, err := os.Lstat(r.o.Config); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for n := 1; ; n++ {
		to := fmt.Sprintf("%s.before-restore-%d", r.o.Config, n)
		err := unix.Renameat2(unix.AT_FDCWD, r.o.Config, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("the data is restored, and the configuration there cannot be moved to %s: %v", to, err), Cure: "run it as root; then again: what was begun goes on"}
		}
		r.done.ConfigAside = to
		return nil
	}
}
