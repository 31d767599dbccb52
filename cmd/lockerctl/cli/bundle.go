package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"lockerd/cmd/lockerctl/box"
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
		recipient, err := box.Recipient(*to)
		if err != nil {
			return err
		}
		if *out != "" {
			if err := box.Free(*out); err != nil {
				return err
			}
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
		if err := box.WriteNew(r.File, b); err != nil {
			return err
		}
		return c.print(r, func(p *ui.Page) { madePage(p, &r) })
	}
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

func madePage(p *ui.Page, r *made) {
	how := "readable for whoever has it: --to encrypts"
	if r.Sealed {
		how = "encrypted"
	}
	p.Line("%s: %d bytes, %s", r.File, r.Bytes, how)
	if !r.Running {
		p.Line("lockerd was not asked: it holds what lies on the disk")
	}
	p.Table(box.Entries(r.Parts))
	p.Table(box.Missing(r.Missing))
}

const bundleOpenHelp = `Verifies every part and writes them into a directory of their own. Of an encrypted
bundle the secret of its recipient is needed.`

func bundleOpenVerb(fs *flag.FlagSet) action {
	key := fs.String("key", "lockerd-bundle.key", "`file` with the secret, as bundle key makes it")
	dir := fs.String("d", "", "`directory` to make (FILE without its endings)")
	return func(_ context.Context, c *call) error {
		b, err := box.ReadBundle(c.args[0], *key)
		if err != nil {
			return err
		}
		o, err := box.Unpack(b, cmp.Or(*dir, strings.TrimSuffix(strings.TrimSuffix(c.args[0], ".sealed"), ".tar.gz")+".d"))
		if err != nil {
			return err
		}
		return c.print(o, func(p *ui.Page) { box.Page(p, &o) })
	}
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
		if err := box.WriteNew(*out, []byte(secret+"\n")); err != nil {
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
