package fleet

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"lockerd/cmd/lockerctl/box"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/store/durable"
)

const keysHelp = `keys new makes the operator's key, or with --tenant a tenant's (which signs codes and
tickets of that tenant only), and writes the public keys to trust.json: the file
that [trust] keys_file of each bank names. keys rotate makes a new key in place of
the old one and sends the new set to all banks, signed with the old one; a bank that
is away gets it when it is back, so the old key stays in the key file. New banks are
set up with the new trust.json. Private keys are in one file beside the state, mode
0600: keep a copy where only you can read it. Without it the fleet is not yours any
more; with it anybody's.`

// keysDone is the document of keys new and keys rotate.
type keysDone struct {
	KID     string `json:"kid"`
	Tenant  string `json:"tenant"`
	Trust   string `json:"trust"`             // the file for banks
	Version int64  `json:"version,omitempty"` // of the set sent to banks
}

func keysNewVerb(fs *flag.FlagSet) action    { return keysVerb(fs, false) }
func keysRotateVerb(fs *flag.FlagSet) action { return keysVerb(fs, true) }

func keysVerb(fs *flag.FlagSet, instead bool) action {
	tenant := fs.String("tenant", locker.SetOperator, "`tenant` whose key it is; *: the operator's")
	file := fs.String("trust", "", "`file` for banks (trust.json beside the state)")
	return func(ctx context.Context, c *call) error {
		if *tenant != locker.SetOperator && !locker.ValidTenant(*tenant) {
			return ui.Usagef("cannot read tenant %q: a-z 0-9 . _ -, at most 32, not local", *tenant)
		}
		if err := c.check(); err != nil {
			return err
		}
		if *file == "" { // in a folder that is made, if need be
			*file = filepath.Join(filepath.Dir(c.state), "trust.json")
		} else if err := box.Writable(*file); err != nil {
			return err
		}
		return c.newKey(ctx, *tenant, *file, instead)
	}
}

func (c *call) newKey(ctx context.Context, tenant, file string, instead bool) error {
	keys, err := readKeys(keyPath(c.state))
	if err != nil {
		return err
	}
	switch owns := keys.owns(tenant); {
	case owns && !instead:
		return fail("cannot make a key for %s: there is one", "lockerctl fleet keys rotate makes another in its place", ownerName(tenant))
	case !owns && instead:
		return fail("cannot rotate the key of %s: there is none", "lockerctl fleet keys new", ownerName(tenant))
	case tenant != locker.SetOperator && !keys.owns(locker.SetOperator):
		return fail("cannot make a key for %s: the operator has none", "lockerctl fleet keys new, first without --tenant", tenant)
	}
	first := len(keys.Keys) == 0
	k, err := keys.add(tenant, now(), instead)
	if err != nil {
		return err
	}
	done := keysDone{KID: k.KID, Tenant: tenant, Trust: file}
	if !first {
		// the desk is opened with the keys there were, so that it knows what banks have
		if done.Version, err = c.sendTrust(ctx, keys); err != nil {
			return err
		}
	} else if err := keys.write(); err != nil {
		return err
	}
	set, err := keys.trust()
	if err != nil {
		return err
	}
	raw, err := set.MarshalJSON()
	if err != nil {
		return fmt.Errorf("cannot write the key set: %w", err)
	}
	if err := durable.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return c.print(done, func(p *ui.Page) { keyPage(p, c, &done) })
}

// sendTrust writes the key file and gives its set to the fleet.
func (c *call) sendTrust(ctx context.Context, keys *keyFile) (version int64, err error) {
	d, err := c.at(ctx, "")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := keys.write(); err != nil {
		return 0, err
	}
	var v trustVersion
	if err := d.ask(ctx, "trust.set", struct{}{}, &v); err != nil {
		return 0, err
	}
	if s, own := d.(*station); own {
		_ = s.settle(ctx, c.wait) // banks that are there get it now; the others later
	}
	return v.Version, nil
}

func ownerName(tenant string) string {
	if tenant == locker.SetOperator {
		return "the operator"
	}
	return tenant
}

func keyPage(p *ui.Page, c *call, d *keysDone) {
	t := &ui.Table{}
	t.Row(ui.Plain("key"), ui.Plain(d.KID+" of "+ownerName(d.Tenant)))
	t.Row(ui.Plain("private"), ui.Plain(keyPath(c.state)+" (keep a copy where only you can read it)"))
	t.Row(ui.Plain("for banks"), ui.Plain(d.Trust))
	if d.Version > 0 {
		t.Row(ui.Plain("sent"), ui.Plain(fmt.Sprintf("to all banks as version %d; lockerctl fleet keys show says who has it", d.Version)))
	}
	p.Table(t)
}

// keysShown is the document of keys show.
type keysShown struct {
	Keys  []keyShown `json:"keys"`
	Have  int        `json:"have"`  // banks with the newest set
	Await []string   `json:"await"` // banks without
}

type keyShown struct {
	KID     string      `json:"kid"`
	Tenant  string      `json:"tenant"`
	Made    locker.Time `json:"made"`
	Retired bool        `json:"retired,omitempty"`
}

func keysShowVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		if err := c.check(); err != nil {
			return err
		}
		keys, err := readKeys(keyPath(c.state))
		if err != nil {
			return err
		}
		s := keysShown{Keys: []keyShown{}, Await: []string{}}
		for _, k := range keys.Keys {
			s.Keys = append(s.Keys, keyShown{k.KID, k.Tenant, k.Made, k.Retired})
		}
		if _, err := os.Stat(c.state); err == nil && len(keys.Keys) > 0 {
			if err := c.whoHas(ctx, &s); err != nil {
				return err
			}
		}
		return c.print(s, func(p *ui.Page) { keysPage(p, &s) })
	}
}

func (c *call) whoHas(ctx context.Context, s *keysShown) error {
	d, err := c.at(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }() // nothing is left to be done
	var f fleetPage
	if err := d.ask(ctx, "banks", struct{}{}, &f); err != nil {
		return err
	}
	for i := range f.Banks {
		if f.Banks[i].Trust.Current {
			s.Have++
		} else {
			s.Await = append(s.Await, f.Banks[i].Bank)
		}
	}
	return nil
}

func keysPage(p *ui.Page, s *keysShown) {
	if len(s.Keys) == 0 {
		p.Line("no keys: lockerctl fleet keys new")
		return
	}
	t := &ui.Table{Head: []string{"KEY", "OF", "MADE", "STATE"}}
	for _, k := range s.Keys {
		state := ui.Tinted("in use", ui.Good)
		if k.Retired {
			state = ui.Tinted("retired: signs for banks that do not know the newer one yet", ui.Notice)
		}
		t.Row(ui.Plain(k.KID), ui.Plain(ownerName(k.Tenant)), ui.Plain(ui.Local(k.Made)), state)
	}
	p.Table(t)
	p.Line("banks with the newest key set: %d; without: %d", s.Have, len(s.Await))
	for _, b := range s.Await {
		p.Line("  %s", b)
	}
}

func backupVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		path, err := filepath.Abs(c.args[0])
		if err != nil {
			return err
		}
		g := c.globals
		g.broker = "" // a copy needs no bank
		quiet := &call{env: c.env, globals: g, out: c.out}
		d, err := quiet.at(ctx, "")
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // nothing is left to be done
		var done backupRequest
		if err := d.ask(ctx, "backup", backupRequest{path}, &done); err != nil {
			return err
		}
		return c.print(done, func(p *ui.Page) {
			p.Line("%s is a copy of the state; copy %s by itself, where only you can read it", done.Path, keyPath(c.state))
		})
	}
}
