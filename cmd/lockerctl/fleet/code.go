package fleet

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
	"lockerd/sync/wire"
)

const codeNewHelp = `kinds: collect needs --door or --sku; deliver needs --sku; return needs --size;
swap needs --size and --to; clear and service need nothing more (service: set *).
The code goes into the tenant's set, or the operator's (*). The text is shown once:
state and bank keep its tag only. --png and --svg write QR and Code 128 to a file
(mode 0600: who has it can open the door). It is issued also if the bank is away.`

const defaultTTL = 24 * time.Hour

// codeFlags are the flags of code new.
type codeFlags struct {
	code             locker.Code
	kind             ui.Choice
	drawing          drawing
	tenant, set      string
	door, size, from string
	uses             int
	ttl              ui.TTL
}

func newCodeFlags(fs *flag.FlagSet) *codeFlags {
	f := &codeFlags{kind: ui.Choice{Of: ui.CodeKinds()}, ttl: ui.TTL(defaultTTL)}
	fs.Var(&f.kind, "kind", "`kind`: "+strings.Join(ui.CodeKinds(), ", "))
	fs.Var(&f.ttl, "ttl", "how `long` it is good: 90m, 48h, 2d, 1w")
	fs.StringVar(&f.from, "not-before", "", "good from this `time` on, as 2026-11-22T10:00:00Z")
	fs.StringVar(&f.code.ID, "id", "", "your own `id` of it; else one is made")
	fs.StringVar(&f.door, "door", "", "`door` it opens")
	fs.StringVar(&f.code.SKU, "sku", "", "`sku` it gives out or takes in")
	fs.StringVar(&f.tenant, "tenant", "", "`tenant` on whose behalf")
	fs.StringVar(&f.set, "set", "", "`set` it goes into, if not the tenant's: *")
	fs.StringVar(&f.size, "size", "", "`size` of what is put in: XS, S, M, L or XL")
	fs.BoolVar(&f.code.Accessible, "accessible", false, "a door that can be reached from a wheelchair")
	fs.IntVar(&f.code.Items, "items", 0, "`number` of items to deliver")
	fs.StringVar(&f.code.To, "to", "", "`sku` given out in a swap")
	fs.StringVar(&f.code.Label, "label", "", "`pattern` of the labels taken")
	fs.IntVar(&f.uses, "uses", 1, "`number` of uses; 0: any number until it expires")
	fs.StringVar(&f.code.Ref, "ref", "", "your `reference`, for the journal")
	fs.StringVar(&f.code.Name, "name", "", "`name` shown to the person")
	f.drawing.register(fs)
	return f
}

// record checks the flags and makes the record and its set of them.
func (f *codeFlags) record(at locker.Time) (locker.Code, string, error) {
	c := f.code
	if f.kind.Value == "" {
		return c, "", ui.Usagef("--kind is missing")
	}
	c.Kind, c.NotBefore = locker.Kind(f.kind.Value), at
	if f.uses != 1 {
		c.Uses = &f.uses
	}
	if f.from != "" {
		if err := c.NotBefore.UnmarshalText([]byte(f.from)); err != nil {
			return c, "", ui.Usagef("%s", err)
		}
	}
	c.NotAfter = c.NotBefore.Add(time.Duration(f.ttl))
	if err := c.Door.UnmarshalText([]byte(f.door)); err != nil {
		return c, "", ui.Usagef("%s", err)
	}
	if err := c.Size.UnmarshalText([]byte(f.size)); err != nil {
		return c, "", ui.Usagef("%s", err)
	}
	set := setOf(f.set, f.tenant)
	switch {
	case set == locker.SetOperator:
		c.Tenant = f.tenant
	case f.tenant != "" && f.tenant != set:
		return c, "", ui.Usagef("--set %s holds codes of %s only: --tenant goes with --set *, or alone", set, set)
	}
	return c, set, checkCode("issue this code", set, c)
}

// checkCode refuses what no bank takes, whatever its state.
func checkCode(do, set string, c locker.Code) error {
	if err := checkSet(set); err != nil {
		return err
	}
	c.ID, c.Tag = cmp.Or(c.ID, "c"), locker.Tag{1} // both are made later
	if reason, why := wire.CheckCode(set, &c); reason != "" {
		return ui.Usagef("cannot %s: %s", do, why)
	}
	return nil
}

// setOf is the set that flags mean: the one named, the tenant's, the operator's.
func setOf(set, tenant string) string { return cmp.Or(set, tenant, locker.SetOperator) }

func checkSet(set string) error {
	if set != locker.SetOperator && !locker.ValidTenant(set) {
		return ui.Usagef("cannot read set %q: *, or a tenant (a-z 0-9 . _ -, at most 32, not local)", set)
	}
	return nil
}

func codeNewVerb(fs *flag.FlagSet) action {
	f := newCodeFlags(fs)
	return func(ctx context.Context, c *call) error {
		code, set, err := f.record(now())
		if err == nil {
			err = f.drawing.check()
		}
		if err != nil {
			return err
		}
		d, err := c.at(ctx, c.args[0])
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // it is on disk
		var issued issuedCode
		r := codeRequest{Bank: c.args[0], Set: set, Code: code, Wait: c.wait.Milliseconds()}
		if err := d.ask(ctx, "code.new", r, &issued); err != nil {
			return err
		}
		perr := c.print(issued, func(p *ui.Page) { c.issuedPage(p, r.Bank, &issued, &f.drawing) })
		return errors.Join(f.drawing.write(c, issued.Text, true), perr) // after the text was shown: it can't be had again
	}
}

func (c *call) issuedPage(p *ui.Page, bank string, i *issuedCode, d *drawing) {
	t := &ui.Table{}
	t.Row(ui.Plain("code"), ui.Plain(i.Code.ID+" of set "+i.Set))
	t.Row(ui.Plain("at bank"), bankCell(bank, i.Arrived, i.Known))
	t.Row(ui.Plain("for"), ui.Plain(purpose(&i.Code, i.Set)))
	t.Row(ui.Plain("good till"), ui.Plain(ui.Local(i.Code.NotAfter)))
	t.Row(ui.Plain("uses"), ui.Plain(ui.UsesText(i.Code.MaxUses())))
	t.Row(ui.Plain("text"), ui.Plain(ui.Grouped(i.Text)))
	p.Table(t)
	d.show(p, c, i.Text, true)
	p.Line("The text is shown only now: nobody keeps it.")
}

func bankCell(bank string, arrived, known bool) ui.Cell {
	switch {
	case arrived:
		return ui.Tinted(bank+": it has it", ui.Good)
	case !known:
		return ui.Tinted(neverHeard(bank), ui.Notice)
	}
	return ui.Tinted(bank+": no word of it yet; it gets it with its next connection at the latest", ui.Notice)
}

// neverHeard is said of what is kept for a bank that has not connected yet.
func neverHeard(bank string) string {
	return bank + ": never heard of; it gets it when it connects. Is the name right?"
}

// purpose says in a few words what a code does.
func purpose(c *locker.Code, set string) string {
	s := string(c.Kind)
	if !c.Door.IsZero() {
		s += " door " + c.Door.String()
	}
	if c.SKU != "" {
		s += " " + c.SKU
	}
	if t := c.TenantIn(set); t != "" {
		s += " of " + t
	}
	return s
}

func codeListVerb(fs *flag.FlagSet) action {
	set := fs.String("set", "", "of this `set` only")
	return func(ctx context.Context, c *call) error {
		if err := checkSet(setOf(*set, "")); err != nil {
			return err
		}
		d, err := c.at(ctx, c.args[0])
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // nothing is left to be done
		var list []backend.CodeStatus
		if err := d.ask(ctx, "code.list", bankQuery{Bank: c.args[0], Set: *set}, &list); err != nil {
			return err
		}
		return c.print(list, func(p *ui.Page) { codesPage(p, list) })
	}
}

func codesPage(p *ui.Page, list []backend.CodeStatus) {
	if len(list) == 0 {
		p.Line("no codes: lockerctl fleet code new")
		return
	}
	t := &ui.Table{Head: []string{"SET", "ID", "FOR", "REF", "STATE", "USED", "GOOD TILL", "AT BANK"}}
	for i := range list {
		s := &list[i]
		state := ui.Plain(s.State)
		switch {
		case s.State == backend.StateLive && s.Code.MaxUses() > 0 && s.Used >= s.Code.MaxUses():
			state = ui.Plain("used")
		case s.State == backend.StateLive && !s.Code.NotAfter.IsZero() && s.Code.NotAfter < now():
			state = ui.Plain("expired")
		case s.State == backend.StateLive:
			state = ui.Tinted(s.State, ui.Good)
		case s.State == backend.StateRejected:
			state = ui.Tinted(s.State+": "+s.Why, ui.Bad)
		}
		there := ui.Plain("yes")
		if !s.Applied {
			there = ui.Tinted("pending", ui.Notice)
		}
		t.Row(ui.Plain(s.Set), ui.Plain(s.Code.ID), ui.Plain(ui.OrDash(purpose(&s.Code, s.Set))), ui.Plain(ui.OrDash(s.Code.Ref)), state,
			ui.Plain(fmt.Sprintf("%d of %s", s.Used, ui.UsesText(s.Code.MaxUses()))), ui.Plain(ui.Local(s.Code.NotAfter)), there)
	}
	p.Table(t)
}

func codeRevokeVerb(fs *flag.FlagSet) action {
	set := fs.String("set", "", "`set` it is in; *: the operator's")
	tenant := fs.String("tenant", "", "`tenant` whose set it is in")
	return func(ctx context.Context, c *call) error {
		bank, id := c.args[0], c.args[1]
		switch {
		case *set != "" && *tenant != "":
			return ui.Usagef("--set and --tenant exclude each other")
		case !locker.ValidCodeID(id):
			return ui.Usagef("cannot read id %q: an id is 1-64 of A-Z a-z 0-9 . _ -", id)
		}
		of := setOf(*set, *tenant)
		if err := checkSet(of); err != nil {
			return err
		}
		d, err := c.at(ctx, bank)
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // it is on disk
		var done revoked
		r := revokeRequest{Bank: bank, Set: of, ID: id, Wait: c.wait.Milliseconds()}
		if err := d.ask(ctx, "code.revoke", r, &done); err != nil {
			return err
		}
		return c.print(done, func(p *ui.Page) {
			there := "the bank knows it"
			if !done.Arrived {
				there = "no word of the bank yet; it learns of it with its next connection at the latest"
			}
			p.Line("%s of set %s is revoked for ever; %s", done.ID, done.Set, there)
			if !done.Known {
				p.Line("%s", ui.Paint("no such code was issued here: is the id right, and the set? lockerctl fleet code list "+r.Bank, ui.Notice, p.Colour))
			}
		})
	}
}
