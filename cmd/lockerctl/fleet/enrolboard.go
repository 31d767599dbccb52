package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/config"
	"lockerd/daemon/identity"
	"lockerd/daemon/locker"
	"lockerd/store/durable"
	"lockerd/sync/enrol"
)

// configFile is where a board's configuration is unless it is named.
const configFile = "/etc/lockerd/lockerd.toml"

// onBoard makes a verb that works on the identity of this board.
func onBoard(fs *flag.FlagSet, do func(c *call, id *identity.Identity) error) action {
	file := fs.String("config", configFile, "`file` that lockerd runs with")
	return func(_ context.Context, c *call) error {
		cfg, err := config.Load(*file)
		if err != nil {
			why := err.Error()
			if list, ok := errors.AsType[config.Problems](err); ok && len(list) > 0 {
				why = list[0].String()
			}
			return fail("cannot use the bank's configuration: %s", "lockerd check --config "+*file+" names all that is wrong; --config names another file", why)
		}
		if cfg.Identity == nil {
			return fail("cannot do that here: %s has no [identity], so somebody else makes this bank's certificate", "add a line [identity] to it, and take cert_file and key_file out of [mqtt]", *file)
		}
		i := cfg.Identity
		return worded(do(c, identity.Open(identity.Options{Bank: cfg.Bank, Dir: i.Dir, Seed: i.SeedFile, URL: i.URL, Clock: systemClock})))
	}
}

// systemClock judges at the system's time; whether that is right nobody has said.
func systemClock() (time.Time, locker.Clock) { return time.Now(), locker.ClockUnset }

func enrolRequestVerb(fs *flag.FlagSet) action {
	fresh := fs.Bool("new", false, "make a new key")
	out := fs.String("out", "", "`file` for the request (stdout)")
	return onBoard(fs, func(c *call, id *identity.Identity) error {
		csr, key, err := id.Request(*fresh)
		if err != nil {
			return err
		}
		if *out == "" {
			c.wrote = true
			ui.Emit(c.out, "%s", csr)
			return nil
		}
		if err := durable.WriteFile(*out, []byte(csr), 0o644); err != nil {
			return err
		}
		d := carried{*out, id.Status().Bank, key}
		return c.print(d, func(p *ui.Page) { d.page(p) })
	})
}

func enrolInstallVerb(fs *flag.FlagSet) action {
	anew := fs.Bool("new-ca", false, "the operator has another CA")
	return onBoard(fs, func(c *call, id *identity.Identity) error {
		raw, err := readSmall(c.args[0])
		if err != nil {
			return err
		}
		if err := id.Install(raw, *anew); err != nil {
			return err
		}
		s := id.Status()
		return c.print(s, func(p *ui.Page) { identityPage(p, &s) })
	})
}

func enrolStatusVerb(fs *flag.FlagSet) action {
	return onBoard(fs, func(c *call, id *identity.Identity) error {
		s := id.Status()
		if err := c.print(s, func(p *ui.Page) { identityPage(p, &s) }); err != nil {
			return err
		}
		if s.Serial == "" {
			return fail("%s has no certificate: %s", "if a card waits for a network, see to that; without one: lockerctl enrol help request", s.Bank, s.Why)
		}
		return nil
	})
}

func identityPage(p *ui.Page, s *identity.Status) {
	t := &ui.Table{}
	t.Row(ui.Plain("bank"), ui.Plain(s.Bank))
	if s.Serial != "" {
		t.Row(ui.Plain("certificate"), ui.Plain(s.Serial))
		t.Row(ui.Plain("key"), ui.Plain(enrol.ShortKeyID(s.Key)))
		t.Row(ui.Plain("good until"), ui.Plain(ui.Local(s.Until)))
		t.Row(ui.Plain("renewed from"), ui.Plain(ui.Local(s.Renew)+" at "+ui.OrDash(s.URL)))
	}
	if s.Serial != "" && s.Why != "" {
		t.Row(ui.Plain("not renewed"), ui.Tinted(s.Why, ui.Bad))
	}
	if s.Waiting {
		t.Row(ui.Plain("seed"), ui.Tinted("is on the card", ui.Notice))
	}
	p.Table(t)
}

// carried is what was put on a stick.
type carried struct {
	File string `json:"file"`
	Bank string `json:"bank"`
	Key  string `json:"key"`
}

func (d *carried) page(p *ui.Page) {
	t := &ui.Table{}
	t.Row(ui.Plain("wrote"), ui.Plain(d.File))
	t.Row(ui.Plain("bank"), ui.Plain(d.Bank))
	t.Row(ui.Plain("key"), ui.Plain(enrol.ShortKeyID(d.Key)))
	p.Table(t)
}

// carry writes a grant for the way back.
func (c *call) carry(g *enrol.Grant, out, bank, key string) error {
	raw, err := json.MarshalIndent(g, "", " ")
	if err != nil {
		return err
	}
	raw = append(raw, '\n')
	if out == "" {
		c.wrote = true
		_, err := c.out.Write(raw)
		return err
	}
	if err := durable.WriteFile(out, raw, 0o644); err != nil {
		return err
	}
	d := carried{out, bank, key}
	return c.print(d, func(p *ui.Page) { d.page(p) })
}

// readSmall reads a file of the size of a message.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read it: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, enrol.MaxBody))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("cannot read it: %w", err)
	}
	return raw, nil
}
