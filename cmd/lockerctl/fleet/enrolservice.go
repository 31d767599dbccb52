package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"

	"lockerd/cmd/lockerctl/box"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/store/durable"
	"lockerd/sync/enrol"
	"lockerd/sync/enrol/authority"
)

const enrolServiceHelp = `Makes a key and lets the CA sign for it: PREFIX.key, PREFIX.pem, and PREFIX-ca.pem beside them.
  --host broker.example.com   a server: the broker; may be repeated
  --name backend              a client: lockerctl fleet serve --cert --key; the broker's ACL knows the name
  --name watch                a client that only reads
Good for 398 days; make it anew before.`

func enrolServiceVerb(fs *flag.FlagSet) action {
	r := serviceRequest{}
	name := ui.Choice{Of: []string{"backend", "watch"}}
	fs.Var(&name, "name", "`name` of a client: backend or watch")
	fs.Func("host", "`name` or address of a server, may be repeated", func(h string) error {
		r.Hosts = append(r.Hosts, h)
		return nil
	})
	out := fs.String("out", "", "`prefix` of the files")
	return func(ctx context.Context, c *call) error {
		if (name.Value == "") == (len(r.Hosts) == 0) || *out == "" {
			return ui.Usagef("give --host or --name, and --out")
		}
		if r.Name = name.Value; r.Name == "" {
			r.Name = r.Hosts[0]
		}
		if err := box.Writable(*out + ".key"); err != nil {
			return err
		}
		return c.service(ctx, &r, *out)
	}
}

func (c *call) service(ctx context.Context, r *serviceRequest, out string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	if r.CSR, err = enrol.CSR(r.Name, key); err != nil {
		return err
	}
	private, err := authority.KeyPEM(key)
	if err != nil {
		return err
	}
	var g serviceGrant
	if err := c.enrolAsk(ctx, "enrol.service", r, &g); err != nil {
		return err
	}
	files := map[string]string{"key": out + ".key", "certificate": out + ".pem", "ca": out + "-ca.pem"}
	err = errors.Join(
		durable.WriteFile(files["key"], private, 0o600),
		durable.WriteFile(files["certificate"], []byte(g.Certificate), 0o644),
		durable.WriteFile(files["ca"], []byte(g.CA), 0o644),
	)
	if err != nil {
		return err
	}
	return c.print(files, func(p *ui.Page) { p.Line("wrote %s, %s and %s", files["key"], files["certificate"], files["ca"]) })
}
