package cli

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

const codeNewHelp = `kinds: collect needs --door or --sku; deliver needs --sku; return needs --size;
swap needs --size and --to; clear and service need nothing more.
The text is shown once: the bank keeps only its tag. --qr says how to draw it:
auto (ansi on a terminal, else dark), ansi (black on white by colours), dark
or light (blocks for a dark or a light background), none.`

const defaultTTL = 24 * time.Hour

func codeNewVerb(fs *flag.FlagSet) action {
	f := newCodeFlags(fs)
	return func(ctx context.Context, c *call) error {
		n, err := f.request()
		if err != nil {
			return err
		}
		issued, err := c.client().NewCode(ctx, n)
		if err != nil {
			if !n.Door.IsZero() {
				return c.doorCure(ctx, n.Door, err)
			}
			return withCure(err)
		}
		drawn, err := ui.DrawQR(issued.Text, c.qrMode(f.qr.Value))
		if err != nil {
			drawn = "" // the text stands above it and does as well
		}
		return c.print(issued, func(p *ui.Page) { issuedPage(p, &n, &issued, drawn) })
	}
}

// codeFlags are the flags of code new.
type codeFlags struct {
	new  bank.NewCode
	kind ui.Choice
	qr   ui.Choice
	door string
	size string
	uses int
	ttl  ui.TTL
}

func newCodeFlags(fs *flag.FlagSet) *codeFlags {
	f := &codeFlags{kind: ui.Choice{Of: ui.CodeKinds()}, qr: ui.Choice{Value: ui.QRAuto, Of: ui.QRModes()}, ttl: ui.TTL(defaultTTL)}
	fs.Var(&f.kind, "kind", "`kind`: collect, deliver, return, swap, clear or service")
	fs.Var(&f.ttl, "ttl", "how `long` it is good: 90m, 48h, 2d, 1w")
	fs.StringVar(&f.door, "door", "", "`door` it opens")
	fs.StringVar(&f.new.SKU, "sku", "", "`sku` it gives out or takes in")
	fs.StringVar(&f.new.Tenant, "tenant", "", "`tenant` on whose behalf")
	fs.StringVar(&f.size, "size", "", "`size` of what is put in: XS, S, M, L or XL")
	fs.BoolVar(&f.new.Accessible, "accessible", false, "a door that can be reached from a wheelchair")
	fs.IntVar(&f.new.Items, "items", 0, "`number` of items to deliver")
	fs.StringVar(&f.new.To, "to", "", "`sku` given out in a swap")
	fs.StringVar(&f.new.Label, "label", "", "`pattern` of the labels taken")
	fs.IntVar(&f.uses, "uses", 1, "`number` of uses; 0: any number until it expires")
	fs.StringVar(&f.new.Ref, "ref", "", "your `reference`, for the journal")
	fs.StringVar(&f.new.Name, "name", "", "`name` shown to the person")
	fs.Var(&f.qr, "qr", "`how` the QR is drawn: auto, ansi, dark, light or none")
	return f
}

// request checks the flags and makes the request of them.
func (f *codeFlags) request() (bank.NewCode, error) {
	n := f.new
	if f.kind.Value == "" {
		return n, ui.Usagef("--kind is missing")
	}
	n.Kind, n.TTL, n.Uses = locker.Kind(f.kind.Value), time.Duration(f.ttl), &f.uses
	if f.door != "" {
		id, err := parseDoor(f.door)
		if err != nil {
			return n, err
		}
		n.Door = id
	}
	if err := n.Size.UnmarshalText([]byte(f.size)); err != nil {
		return n, ui.Usagef("%s", err)
	}
	return n, checkNew(&n)
}

// checkNew refuses what no bank issues, whatever lies behind its doors.
func checkNew(n *bank.NewCode) error {
	if n.Kind == locker.Service && (!n.Door.IsZero() || n.SKU != "") {
		return ui.Usagef("cannot issue the code: service names no door and no sku: the door is chosen at the bank")
	}
	c := locker.Code{
		ID: "l", Tag: locker.Tag{1}, NotAfter: 1, // all three are made by the bank
		Kind: n.Kind, Door: n.Door, SKU: n.SKU, Tenant: n.Tenant, Size: n.Size, Items: n.Items,
		To: n.To, Label: n.Label, Uses: n.Uses, Ref: n.Ref, Name: n.Name,
	}
	if reason, why := wire.CheckCode(locker.SetLocal, &c); reason != "" {
		return ui.Usagef("cannot issue the code: %s", why)
	}
	return nil
}

func issuedPage(p *ui.Page, n *bank.NewCode, issued *bank.IssuedCode, drawn string) {
	t := &ui.Table{}
	t.Row(ui.Plain("code"), ui.Plain(issued.ID))
	t.Row(ui.Plain("for"), ui.Plain(purpose(n.Kind, n.Door, n.SKU, n.Tenant)))
	t.Row(ui.Plain("good till"), ui.Plain(ui.Local(issued.NotAfter)))
	t.Row(ui.Plain("uses"), ui.Plain(ui.UsesText(*n.Uses)))
	t.Row(ui.Plain("text"), ui.Plain(ui.Grouped(issued.Text)))
	p.Table(t)
	if drawn != "" {
		p.Line("")
		p.Line("%s", drawn)
	}
	p.Line("The text is shown only now: the bank keeps its tag.")
}

// purpose says in a few words what a code does.
func purpose(kind locker.Kind, door locker.DoorID, sku, tenant string) string {
	s := string(kind)
	if !door.IsZero() {
		s += " door " + door.String()
	}
	if sku != "" {
		s += " " + sku
	}
	if tenant != "" {
		s += " of " + tenant
	}
	return s
}

func codeListVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		list, err := c.client().Codes(ctx)
		if err != nil {
			return withCure(err)
		}
		return c.print(list, func(p *ui.Page) { codesPage(p, list) })
	}
}

func codesPage(p *ui.Page, list []bank.CodeStatus) {
	if len(list) == 0 {
		p.Line("no codes were issued here: lockerctl code new")
		return
	}
	t := &ui.Table{Head: []string{"ID", "FOR", "REF", "STATE", "USED", "GOOD TILL"}}
	for i := range list {
		s := &list[i]
		state := ui.Tinted(s.State, ui.None)
		if s.State == "live" {
			state.Colour = ui.Good
		}
		used := fmt.Sprintf("%d of %s", s.Used, ui.UsesText(s.Uses))
		if s.Uses == 0 {
			used = strconv.Itoa(s.Used)
		}
		t.Row(ui.Plain(s.ID), ui.Plain(purpose(s.Kind, s.Door, s.SKU, s.Tenant)), ui.Plain(ui.OrDash(s.Ref)), state, ui.Plain(used), ui.Plain(ui.Local(s.NotAfter)))
	}
	p.Table(t)
}

// revokeDone is the document of code revoke.
type revokeDone struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

func codeRevokeVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		id := c.args[0]
		if !locker.ValidCodeID(id) {
			return ui.Usagef("cannot read id %q: an id is 1-64 of A-Z a-z 0-9 . _ -, as lockerctl code list shows it", id)
		}
		if err := c.client().RevokeCode(ctx, id); err != nil {
			return withCure(err)
		}
		return c.print(revokeDone{id, "revoked"}, func(p *ui.Page) { p.Line("code %s is revoked for ever", id) })
	}
}

// qrMode settles how to draw here. With --json nothing is drawn.
func (c *call) qrMode(mode string) string {
	if c.json {
		return ui.QRNone
	}
	return ui.QRMode(mode, c.colour())
}
