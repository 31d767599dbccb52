package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/box"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/backup"
	"lockerd/daemon/bank"
	"lockerd/daemon/bundle"
	"lockerd/daemon/config"
	"lockerd/daemon/control"
	"lockerd/store"
	"lockerd/store/durable"
)

const backupHelp = `Writes what a bank knows into one file, while it serves people, or of one whose
lockerd does not run: doors and what lies behind them, use marks, revocations, key
set, the journal, and the configuration. Not in it: codes (the backend sends them
again, those issued at the socket end), what the board has enrolled for (another enrols
for itself), private keys and passwords; with --keys these two are in it, and --to must
encrypt it. It is read back before it counts.`

const restoreHelp = `lockerd must be stopped. The backup is unpacked and verified beside the data; only
then what is there moves aside (before-restore-N, kept) and the backup takes its place.
A power cut on the way leaves what was there, or a bank that opens nothing yet; call it
again. What was used since the backup opens no door again: use marks of what moved
aside are taken over. Where it can't be read, as on a new board, tickets from
before the restore are refused. The bank begins a new journal: items count as
uncertain until an audit (lockerctl stock audit), codes come from the backend.`

// saved is the document of backup.
type saved struct {
	File    string        `json:"file"`
	Bytes   int64         `json:"bytes"`
	Sealed  bool          `json:"sealed"`
	Running bool          `json:"running"`
	Head    backup.Head   `json:"head"`
	Files   []backup.File `json:"files"`
}

func backupVerb(fs *flag.FlagSet) action {
	to := fs.String("to", "", "encrypt to this `key`, a recipient or a file with one")
	keys := fs.Bool("keys", false, "with private keys and passwords; needs --to")
	conf := fs.String("config", configPath, "the bank's TOML `file`")
	data := fs.String("data", "", "data `directory`, if lockerd does not run and the configuration can't tell")
	return func(ctx context.Context, c *call) error {
		if *keys && *to == "" {
			return ui.Usagef("--keys needs --to: whoever has the file would have the keys")
		}
		recipient, err := box.Recipient(*to)
		if err != nil {
			return err
		}
		b := &saving{call: c, path: c.args[0], to: recipient, keys: *keys, conf: *conf, data: *data}
		r, err := b.save(ctx)
		if err != nil {
			return err
		}
		return c.print(r, func(p *ui.Page) {
			how := "read back and whole"
			if r.Sealed {
				how = "encrypted, " + how
			}
			p.Line("%s: %d bytes, %d files of bank %s, %s", r.File, r.Bytes, len(r.Files), r.Head.Bank, how)
			if !r.Sealed {
				p.Line("whoever has it can read what lay behind which door, and for whom: --to encrypts")
			}
		})
	}
}

// saving is a backup under way.
type saving struct {
	*call
	path, to   string
	keys       bool
	conf, data string
	w          *backup.Writer
}

// save writes the backup under a name of its own until it was read back.
func (b *saving) save(ctx context.Context) (saved, error) {
	r := saved{File: b.path, Sealed: b.to != ""}
	if err := box.Free(b.path); err != nil {
		return r, err
	}
	f, err := os.CreateTemp(filepath.Dir(b.path), "."+filepath.Base(b.path)+".*.tmp") // 0600
	if err != nil {
		return r, &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write: %v", err), Cure: "name a file where you may write"}
	}
	defer func() { _ = os.Remove(f.Name()); _ = f.Close() }() // not there any more, if all went well
	sum := sha256.New()
	if r.Running, err = b.write(ctx, io.MultiWriter(f, sum)); err != nil {
		return r, err
	}
	if err := f.Sync(); err != nil {
		return r, fullDisk(b.path, err)
	}
	r.Head, r.Files = b.w.Head(), b.w.Files()
	if r.Bytes, err = b.readBack(f, sum.Sum(nil)); err != nil {
		return r, err
	}
	if err := unix.Renameat2(unix.AT_FDCWD, f.Name(), unix.AT_FDCWD, b.path, unix.RENAME_NOREPLACE); err != nil { // never over another file; a stick's FAT knows no links
		return r, &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write %q: %v", b.path, err), Cure: "name another file"}
	}
	return r, durable.SyncDir(filepath.Dir(b.path))
}

func fullDisk(path string, err error) error {
	return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write %q: %v", path, err), Cure: "free space there, or name a file on another disk"}
}

// readBack compares what the disk has with what was written; one that is not encrypted
// is also read as a backup.
func (b *saving) readBack(f *os.File, sum []byte) (size int64, err error) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // from the disk, not from memory, if the kernel can
	h := sha256.New()
	if _, err = f.Seek(0, io.SeekStart); err == nil {
		size, err = io.Copy(h, f)
	}
	if err == nil && !bytes.Equal(h.Sum(nil), sum) {
		err = errors.New("what is read is not what was written")
	}
	if err == nil && b.to == "" {
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			_, _, err = backup.Read(bufio.NewReader(f), func(backup.Head) error { return nil }, func(string, int64, io.Reader) error { return nil })
		}
	}
	if err != nil {
		err = &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot trust what was written to %q: %v", b.path, err), Cure: "name a file on another disk: this one loses what it is given"}
	}
	return size, err
}

// write asks lockerd for its files, or takes them from the disk.
func (b *saving) write(ctx context.Context, f io.Writer) (running bool, err error) {
	out := f
	var sealed io.WriteCloser
	if b.to != "" {
		if sealed, err = bundle.SealStream(b.to, f); err != nil {
			return false, err
		}
		out = sealed
	}
	if running, err = b.content(ctx, out); err != nil {
		return running, err
	}
	if err := b.secrets(); err != nil {
		return running, err
	}
	if err := b.w.Close(); err != nil {
		return running, fullDisk(b.path, err)
	}
	if sealed != nil {
		err = sealed.Close()
	}
	return running, err
}

func (b *saving) content(ctx context.Context, out io.Writer) (running bool, err error) {
	add := func(name string, size int64, r io.Reader) error { return b.w.Add(name, size, r) }
	body, err := b.client().Backup(ctx)
	var down *bank.Error
	if errors.As(err, &down) && down.Code == control.CodeUnavailable && ctx.Err() == nil {
		return false, b.stopped(ctx, out, down)
	}
	if err != nil {
		return false, withCure(err)
	}
	defer func() { _ = body.Close() }()
	_, _, err = backup.Read(body, func(h backup.Head) (err error) {
		h.By = "lockerctl " + Version + ", " + h.By
		b.w, err = backup.NewWriter(out, h)
		return err
	}, add)
	if terr := body.Err(); terr != nil {
		return true, terr
	}
	if errors.Is(err, backup.ErrDamaged) {
		return true, &bank.Error{Code: control.CodeUnavailable, Text: "cannot back up: lockerd has broken off", Cure: "systemctl status lockerd, then try again"}
	}
	return true, err
}

// stopped takes the files of a bank that does not run.
func (b *saving) stopped(ctx context.Context, out io.Writer, down error) error {
	cfg, err := config.Load(b.conf)
	if err != nil && b.data == "" {
		return &bank.Error{Code: control.CodeUnavailable, Text: fmt.Sprintf("cannot back up: lockerd was not asked (%v), and the configuration does not tell where its data is", down), Cure: "--config FILE or --data DIR names it; lockerd check says what is wrong with the configuration"}
	}
	h := backup.Head{Bank: backup.NoBank, Made: time.Now().UTC(), By: "lockerctl " + Version}
	dir := b.data
	if err == nil {
		h.Bank, dir = cfg.Bank, cmp.Or(dir, cfg.DataDir)
	}
	if b.w, err = backup.NewWriter(out, h); err != nil {
		return err
	}
	err = store.CopyFiles(ctx, dir, b.w.Add)
	if errors.Is(err, store.ErrRunning) {
		return &bank.Error{Code: control.CodeUnavailable, Text: fmt.Sprintf("cannot back up: %v, and does not answer", store.ErrRunning), Cure: "lockerctl doctor; systemctl restart lockerd"}
	}
	if err != nil {
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot back up: %v", err), Cure: "run it as root, and look at the disk: dmesg"}
	}
	if text, rerr := os.ReadFile(b.conf); rerr == nil {
		return b.w.Add(backup.ConfigName, int64(len(text)), bytes.NewReader(text))
	}
	return nil
}

// secrets adds the files that the configuration names.
func (b *saving) secrets() error {
	if !b.keys {
		return nil
	}
	cfg, err := config.Load(b.conf)
	if err != nil {
		return &bank.Error{Code: control.CodeInvalid, Text: fmt.Sprintf("cannot tell which keys the bank has: %v", err), Cure: "--config FILE names the configuration"}
	}
	for name, path := range backup.Secrets(cfg) {
		text, err := os.ReadFile(path)
		if err != nil {
			return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot back up %s: %v", name, err), Cure: "run it as root; or without --keys"}
		}
		if err := b.w.Add(backup.KeysDir+name, int64(len(text)), bytes.NewReader(text)); err != nil {
			return err
		}
	}
	return nil
}

// brought is the document of restore.
type brought struct {
	Head   backup.Head `json:"head"`
	Data   string      `json:"data_dir"`
	Aside  string      `json:"moved_aside"`
	Config string      `json:"config,omitempty"` // where the backup's was written

	ConfigAside string `json:"config_moved_aside,omitempty"`
}

func restoreVerb(fs *flag.FlagSet) action {
	conf := fs.String("config", configPath, "the bank's TOML `file`")
	data := fs.String("data", "", "data `directory` (the configuration's)")
	key := fs.String("key", "lockerd-bundle.key", "`file` with the secret of an encrypted backup")
	write := fs.Bool("write-config", false, "write the backup's configuration where it was, moving aside what is there, and its keys where none are")
	other := fs.Bool("other-bank", false, "also a backup of a bank of another name")
	return func(ctx context.Context, c *call) error {
		o := box.RestoreOptions{File: c.args[0], Config: *conf, Data: *data, Key: *key, WriteConfig: *write, OtherBank: *other, By: "lockerctl " + Version}
		r, err := box.Restore(ctx, o)
		if err != nil {
			return err
		}
		return c.print(brought{r.Head, r.Data, r.Aside, r.Config, r.ConfigAside}, func(p *ui.Page) {
			p.Line("restored: bank %s as of %s", r.Head.Bank, r.Head.Made.Local().Format("2006-01-02 15:04:05 MST"))
			if r.Aside != "" {
				p.Line("what was there is in %s", r.Aside)
			}
			if r.Config != "" {
				p.Line("configuration written to %s", r.Config)
			}
			if r.ConfigAside != "" {
				p.Line("the configuration that was there is in %s", r.ConfigAside)
			}
			p.Line("next: systemctl start lockerd; then lockerctl stock audit: every item counts as uncertain until then")
		})
	}
}
