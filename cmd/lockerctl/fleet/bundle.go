package fleet

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/box"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bundle"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

const bundleHelp = `The bank makes a support bundle, as lockerctl bundle does there, encrypts it and sends
it in chunks while no event waits; chunks that get lost are asked for again, also
when the bank was away meanwhile. It is encrypted to a key of this state's, which
is made at the first time (bundle.key beside the state), and unpacked into a
directory; with --to, to somebody else, and left as it is. The kernel's log is in it
where lockerd runs from its package on systemd; lockerd's own log is not.`

// bundleWait is how long a bundle may be under way: a hundred chunks over a modem.
const bundleWait = 15 * time.Minute

func bundleVerb(fs *flag.FlagSet) action {
	dir := fs.String("d", "", "`directory` to unpack into (lockerd-bundle-BANK-TIME.d)")
	out := fs.String("o", "", "`file` for what --to has encrypted (lockerd-bundle-BANK-TIME.tar.gz.sealed)")
	to := fs.String("to", "", "encrypt to this `key`, a recipient or a file with one")
	secret := fs.String("secret", "", "`file` with the secret it is encrypted to (bundle.key beside the state)")
	return func(ctx context.Context, c *call) error {
		switch {
		case *to != "" && (*dir != "" || *secret != ""):
			return ui.Usagef("--to leaves it encrypted: -d and --secret do not go with it")
		case *to == "" && *out != "":
			return ui.Usagef("-o goes with --to: else it is unpacked into a directory, -d")
		}
		if err := errors.Join(checkBank(c.args[0]), c.check()); err != nil {
			return err
		}
		ending := ".d"
		if *to != "" {
			ending = ".tar.gz.sealed"
		}
		name := cmp.Or(*dir, *out, "lockerd-bundle-"+c.args[0]+"-"+time.Now().UTC().Format("20060102T150405Z")+ending)
		if err := box.Free(name); err != nil { // a bundle can take a quarter of an hour
			return err
		}
		if *to != "" {
			recipient, err := box.Recipient(*to)
			if err != nil {
				return err
			}
			return c.keepBundle(ctx, recipient, name)
		}
		key, err := bundleKey(cmp.Or(*secret, filepath.Join(filepath.Dir(c.state), "bundle.key")))
		if err != nil {
			return err
		}
		return c.openBundle(ctx, key, name)
	}
}

// bundleKey reads the secret, or makes it.
func bundleKey(path string) (string, error) {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return box.ReadKey(path)
	}
	secret, _, err := bundle.NewKey()
	if err != nil {
		return "", err
	}
	return secret, box.WriteNew(path, []byte(secret+"\n"))
}

// fetched is the document of a bundle that is left encrypted.
type fetched struct {
	File  string `json:"file"`
	Bytes int    `json:"bytes"`
}

func (c *call) keepBundle(ctx context.Context, to, path string) error {
	sealed, err := c.fetch(ctx, to)
	if err != nil {
		return err
	}
	if err := box.WriteNew(path, sealed); err != nil {
		return err
	}
	r := fetched{path, len(sealed)}
	return c.print(r, func(p *ui.Page) { p.Line("%s: %d bytes, encrypted", r.File, r.Bytes) })
}

func (c *call) openBundle(ctx context.Context, secret, dir string) error {
	to, err := bundle.Recipient(secret)
	if err != nil {
		return fail("cannot use the secret: %s", "lockerctl bundle key makes one; --secret FILE names it", err)
	}
	sealed, err := c.fetch(ctx, to)
	if err != nil {
		return err
	}
	plain, err := bundle.Unseal(secret, sealed)
	if err != nil {
		return fail("cannot open the bundle of %s: %s", "order it once more; if that is no better, look at who else publishes as this bank", c.args[0], err)
	}
	m, _, err := bundle.Read(bytes.NewReader(plain))
	if err == nil && m.Bank != c.args[0] {
		err = errors.New("it is of bank " + m.Bank)
	}
	if err != nil {
		return fail("cannot open the bundle of %s: %s", "order it once more", c.args[0], err)
	}
	o, err := box.Unpack(plain, dir)
	if err != nil {
		return err
	}
	return c.print(o, func(p *ui.Page) { box.Page(p, &o) })
}

type bundleRequest struct {
	Bank string `json:"bank"`
	To   string `json:"to"`
	Wait int64  `json:"wait_ms"`
}

type bundleAnswer struct {
	Sealed []byte        `json:"sealed,omitempty"`
	Reply  *locker.Reply `json:"reply,omitempty"` // why there is none
	Text   string        `json:"text,omitempty"`
}

// fetch has a bank send a bundle.
func (c *call) fetch(ctx context.Context, to string) ([]byte, error) {
	d, err := c.at(ctx, c.args[0])
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.close() }() // nothing is left to be done
	wait := c.wait
	if wait == waitDefault {
		wait = bundleWait
	}
	var b backend.Status
	if err := d.ask(ctx, "bank", bankQuery{Bank: c.args[0]}, &b); err != nil {
		return nil, err
	}
	if !b.Online {
		ui.Emit(c.stderr, "%s is not connected: waiting for it, at most %s (--wait)\n", ui.Clean(b.Bank), wait)
	}
	var a bundleAnswer
	if err := d.ask(ctx, "bundle", bundleRequest{Bank: c.args[0], To: to, Wait: wait.Milliseconds()}, &a); err != nil {
		return nil, err
	}
	switch {
	case a.Reply != nil && a.Reply.Status == locker.ReplyRefused && a.Reply.Reason == locker.RefusedMalformed:
		return nil, fail("cannot get a bundle of %s: its lockerd knows no such command", "update it: lockerctl fleet command update "+c.args[0]+"; or lockerctl bundle at the bank", c.args[0])
	case a.Reply != nil:
		return nil, replyError(c.args[0], locker.CmdBundle, a.Reply)
	case a.Text != "":
		return nil, fail("cannot get a bundle of %s: %s", "look at its connection: lockerctl fleet show "+c.args[0]+"; then once more", c.args[0], a.Text)
	case !bundle.IsSealed(a.Sealed):
		return nil, fail("cannot get a bundle of %s: what it has sent is not encrypted", "look at who else publishes as this bank", c.args[0])
	}
	return a.Sealed, nil
}

func opBundle(ctx context.Context, s *station, r *bundleRequest) (bundleAnswer, error) {
	if err := knownBank(s, r.Bank); err != nil {
		return bundleAnswer{}, err
	}
	if err := s.reached(); err != nil {
		return bundleAnswer{}, err
	}
	wait := time.Duration(r.Wait) * time.Millisecond
	wctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	sealed, err := s.be.Bundle(wctx, r.Bank, r.To, nil)
	if e, ok := errors.AsType[*backend.BundleError](err); ok {
		return bundleAnswer{Reply: e.Reply, Text: e.Text}, nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return bundleAnswer{}, fail("cannot get a bundle of %s within %s: %s", "is it connected? lockerctl fleet show "+r.Bank+"; --wait waits longer", r.Bank, wait, strings.TrimSuffix(err.Error(), ": "+context.DeadlineExceeded.Error()))
	}
	return bundleAnswer{Sealed: sealed}, err
}
