package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/bundle"
	"lockerd/daemon/config"
	"lockerd/daemon/control"
	"lockerd/daemon/support"
)

const bundleHelp = `Makes one file for whoever helps from afar: configuration without its secrets,
state of doors and buses, health, the newest events, what went over the buses'
lines, the kernel's log and lockerd's. Codes are in none of it. It moves nothing and
takes some seconds. If lockerd does not answer, it takes what lies on the disk. As
root it can read the logs that lockerd may not.

With --to the file is encrypted: only who has the key of that recipient can open
it. lockerctl bundle key makes such a pair; lockerctl bundle open opens.`

// configPath is where the package has the configuration.
const configPath = "/etc/lockerd/lockerd.toml"

// made is the document of bundle.
type made struct {
	File    string            `json:"file"`
	Bytes   int               `json:"bytes"`
	Sealed  bool              `json:"sealed"`
	Running bool              `json:"running"`
	Parts   []bundle.Entry    `json:"parts"`
	Missing map[string]string `json:"missing,omitempty"`
}

func bundleVerb(fs *flag.FlagSet) action {
	out := fs.String("o", "", "`file` to make (lockerd-bundle-BANK-TIME.tar.gz)")
	to := fs.String("to", "", "encrypt to this `key`, a recipient or a file with one")
	conf := fs.String("config", configPath, "the bank's TOML `file`")
	data := fs.String("data", "", "data `directory`, if the configuration can't tell")
	sys := fs.String("sys", "/sys", "`directory` that stands for /sys")
	return func(ctx context.Context, c *call) error {
		recipient, err := recipientOf(*to)
		if err != nil {
			return err
		}
		about, parts, err := c.gather(ctx, *conf, *data, *sys)
		if err != nil {
			return err
		}
		b, err := support.Pack(about, parts)
		if err != nil {
			return err
		}
		m, _, err := bundle.Read(bytes.NewReader(b)) // what was packed opens
		if err != nil {
			return err
		}
		name := fmt.Sprintf("lockerd-bundle-%s-%s.tar.gz", cmp.Or(about.Bank, "unknown"), about.At.UTC().Format("20060102T150405Z"))
		if recipient != "" {
			if b, err = bundle.Seal(recipient, b); err != nil {
				return err
			}
			name += ".sealed"
		}
		r := made{File: cmp.Or(*out, name), Bytes: len(b), Sealed: recipient != "", Running: about.Running, Parts: m.Parts, Missing: about.Missing}
		if err := writeNew(r.File, b); err != nil {
			return err
		}
		return c.print(r, func(p *ui.Page) { madePage(p, &r) })
	}
}

// recipientOf reads a recipient, or the file that holds it.
func recipientOf(to string) (string, error) {
	if to == "" {
		return "", nil
	}
	if !strings.HasPrefix(to, "lockerd-bundle-") {
		b, err := readKey(to)
		if err != nil {
			return "", err
		}
		to = strings.TrimSpace(b)
	}
	if _, err := bundle.Seal(to, nil); err != nil { // before anybody is asked
		return "", &bank.Error{Code: control.CodeInvalid, Text: fmt.Sprintf("cannot encrypt: %v", err), Cure: "give the recipient that lockerctl bundle key has printed, or a file with it"}
	}
	return to, nil
}

func readKey(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", &bank.Error{Code: control.CodeInvalid, Text: fmt.Sprintf("cannot read the key: %v", err), Cure: "lockerctl bundle key makes one; the recipient goes to --to, the secret file to --key"}
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil {
		return "", fmt.Errorf("cannot read the key: %w", err)
	}
	return string(b), nil
}

// gather asks lockerd, or else the disk.
func (c *call) gather(ctx context.Context, conf, data, sys string) (support.About, []bundle.Part, error) {
	s := &support.Source{Version: "lockerctl " + Version, ConfigFile: conf, DataDir: data, Sys: os.DirFS(sys), Logs: logs()}
	b, err := c.client().Bundle(ctx)
	if err == nil {
		return s.Complete(ctx, b)
	}
	if e, ok := errors.AsType[*bank.Error](err); ctx.Err() != nil || ok && e.Code == control.CodeRefused {
		return support.About{}, nil, err
	}
	s.Down = err.Error()
	_, s.Broken = config.Load(conf)
	about, parts := s.Gather(ctx)
	return about, parts, nil
}

// writeNew makes a file that nobody else reads, whole or not at all, and never
// over another.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return &bank.Error{Code: control.CodeRefused, Text: fmt.Sprintf("cannot write %q: it is there already", path), Cure: "name another file"}
	}
	if err != nil {
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write: %v", err), Cure: "name a file where you may write"}
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(path) // it is not whole
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write %q: %v", path, err), Cure: "free space there, or name a file on another disk"}
	}
	return nil
}

func madePage(p *ui.Page, r *made) {
	how := "readable for whoever has it: --to encrypts"
	if r.Sealed {
		how = "encrypted"
	}
	p.Line("%s: %d bytes, %s", r.File, r.Bytes, how)
	if !r.Running {
		p.Line("lockerd was not asked: it holds what lies on the disk")
	}
	p.Table(entries(r.Parts))
	missing := &ui.Table{Indent: "  "}
	for _, name := range slices.Sorted(maps.Keys(r.Missing)) {
		missing.Row(ui.Tinted(name+" is missing", ui.Notice), ui.Plain(strings.ReplaceAll(r.Missing[name], "\n", "; ")))
	}
	p.Table(missing)
}

func entries(all []bundle.Entry) *ui.Table {
	t := &ui.Table{Indent: "  "}
	for _, e := range all {
		cut := ""
		if e.Cut > 0 {
			cut = fmt.Sprintf("%d bytes in front left out", e.Cut)
		}
		t.Row(ui.Plain(e.Name), ui.Plain(fmt.Sprintf("%d", e.Bytes)), ui.Plain(cut))
	}
	return t
}

const bundleOpenHelp = `Verifies every part and writes them into a directory of their own. Of an encrypted
bundle the secret of its recipient is needed.`

// opened is the document of bundle open.
type opened struct {
	Bank    string            `json:"bank"`
	At      time.Time         `json:"at"`
	Running bool              `json:"running"`
	Dir     string            `json:"dir"`
	Parts   []bundle.Entry    `json:"parts"`
	Missing map[string]string `json:"missing,omitempty"`
}

func bundleOpenVerb(fs *flag.FlagSet) action {
	key := fs.String("key", "lockerd-bundle.key", "`file` with the secret, as bundle key makes it")
	dir := fs.String("d", "", "`directory` to make (FILE without its endings)")
	return func(_ context.Context, c *call) error {
		b, err := readBundle(c.args[0], *key)
		if err != nil {
			return err
		}
		o, err := unpack(b, cmp.Or(*dir, strings.TrimSuffix(strings.TrimSuffix(c.args[0], ".sealed"), ".tar.gz")+".d"))
		if err != nil {
			return err
		}
		return c.print(o, func(p *ui.Page) {
			p.Line("bundle of bank %s, made %s, whole", ui.Clean(o.Bank), o.At.Format(time.RFC3339))
			if !o.Running {
				p.Line("lockerd did not run: it holds what lay on the disk")
			}
			p.Line("in %s:", o.Dir)
			p.Table(entries(o.Parts))
		})
	}
}

// readBundle returns the plain bytes of a bundle's file.
func readBundle(path, key string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &bank.Error{Code: control.CodeNotFound, Text: fmt.Sprintf("cannot open the bundle: %v", err), Cure: "name a file that lockerctl bundle has made"}
	}
	defer f.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(f, 2*bundle.TotalMax))
	if err != nil || !bundle.IsSealed(b) {
		return b, err
	}
	secret, err := readKey(key)
	if err != nil {
		return nil, err
	}
	plain, err := bundle.Unseal(secret, b)
	if err != nil {
		return nil, &bank.Error{Code: control.CodeRefused, Text: fmt.Sprintf("cannot open the bundle: %v", err), Cure: "name the secret of the recipient it was made for: --key FILE; or have it sent again"}
	}
	return plain, nil
}

func unpack(b []byte, dir string) (opened, error) {
	m, parts, err := bundle.Read(bytes.NewReader(b))
	if err != nil {
		return opened{}, &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot open the bundle: %v", err), Cure: "have it sent again; only what lockerctl bundle has made can be opened"}
	}
	about, _, err := support.Open(parts)
	if err != nil {
		return opened{}, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return opened{}, &bank.Error{Code: control.CodeRefused, Text: fmt.Sprintf("cannot make the directory: %v", err), Cure: "name another: -d DIR"}
	}
	for _, p := range parts {
		if err := writeNew(filepath.Join(dir, p.Name), p.Body); err != nil {
			return opened{}, err
		}
	}
	return opened{Bank: m.Bank, At: m.At, Running: about.Running, Dir: dir, Parts: m.Parts, Missing: about.Missing}, nil
}

const bundleKeyHelp = `Makes a pair of keys: the secret into a file of your own, which opens every bundle
made for it; the recipient, which is printed, goes to the engineers: lockerctl bundle
--to RECIPIENT.`

func bundleKeyVerb(fs *flag.FlagSet) action {
	out := fs.String("o", "lockerd-bundle.key", "`file` for the secret")
	return func(_ context.Context, c *call) error {
		secret, to, err := bundle.NewKey()
		if err != nil {
			return err
		}
		if err := writeNew(*out, []byte(secret+"\n")); err != nil {
			return err
		}
		r := struct {
			Recipient string `json:"recipient"`
			Secret    string `json:"secret_file"`
		}{to, *out}
		return c.print(r, func(p *ui.Page) {
			p.Line("%s", to)
			ui.Emit(c.stderr, "the secret is in %s: keep it; what is made for this recipient opens with nothing else\n", *out)
		})
	}
}
