package cli

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"time"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

const codeNewHelp = `kinds: collect needs --door or --sku; deliver needs --sku; return needs --size;
swap needs --size and --to; clear and service need nothing more.
The text is shown once: the bank keeps only its tag. --qr says how to draw it:
auto (ansi on a terminal, else dark), ansi (black on white by colours), dark
or light (blocks for a dark or a light background), none.`

const (
	defaultTTL = 24 * time.Hour
	maxName    = 40 // characters, contract 5.1
)

func kinds() []string {
	return []string{
		string(locker.Collect), string(locker.Deliver), string(locker.Return), string(locker.Swap),
		string(locker.Clear), string(locker.Service),
	}
}

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
		drawn, err := drawQR(issued.Text, c.qrMode(f.qr.value))
		if err != nil {
			drawn = "" // the text stands above it and does as well
		}
		return c.print(issued, func(p *page) { issuedPage(p, &n, &issued, drawn) })
	}
}

// codeFlags are the flags of code new.
type codeFlags struct {
	new  bank.NewCode
	kind choice
	qr   choice
	door string
	size string
	uses int
	ttl  ttl
}

func newCodeFlags(fs *flag.FlagSet) *codeFlags {
	f := &codeFlags{kind: choice{of: kinds()}, qr: choice{value: qrAuto, of: qrModes()}, ttl: ttl(defaultTTL)}
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
	if f.kind.value == "" {
		return n, usagef("--kind is missing")
	}
	n.Kind, n.TTL, n.Uses = locker.Kind(f.kind.value), time.Duration(f.ttl), &f.uses
	if f.uses < 0 || n.Items < 0 {
		return n, usagef("--uses and --items cannot be below 0")
	}
	if len([]rune(n.Name)) > maxName {
		return n, usagef("--name has more than %d characters", maxName)
	}
	if f.door != "" {
		id, err := parseDoor(f.door)
		if err != nil {
			return n, err
		}
		n.Door = id
	}
	if err := n.Size.UnmarshalText([]byte(f.size)); err != nil {
		return n, usagef("%s", err)
	}
	return n, nil
}

func issuedPage(p *page, n *bank.NewCode, issued *bank.IssuedCode, drawn string) {
	t := &table{}
	t.row(plain("code"), plain(issued.ID))
	t.row(plain("for"), plain(purpose(n.Kind, n.Door, n.SKU, n.Tenant)))
	t.row(plain("good till"), plain(local(issued.NotAfter)))
	t.row(plain("uses"), plain(usesText(*n.Uses)))
	t.row(plain("text"), plain(grouped(issued.Text)))
	p.table(t)
	if drawn != "" {
		p.line("")
		p.line("%s", drawn)
	}
	p.line("The text is shown only now: the bank keeps its tag.")
}

func usesText(n int) string {
	if n == 0 {
		return "without limit"
	}
	return strconv.Itoa(n)
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
		return c.print(list, func(p *page) { codesPage(p, list) })
	}
}

func codesPage(p *page, list []bank.CodeStatus) {
	if len(list) == 0 {
		p.line("no codes were issued here: lockerctl code new")
		return
	}
	t := &table{head: []string{"ID", "FOR", "REF", "STATE", "USED", "GOOD TILL"}}
	for i := range list {
		s := &list[i]
		state := cell{s.State, none}
		if s.State == "live" {
			state.colour = good
		}
		used := fmt.Sprintf("%d of %s", s.Used, usesText(s.Uses))
		if s.Uses == 0 {
			used = strconv.Itoa(s.Used)
		}
		t.row(plain(s.ID), plain(purpose(s.Kind, s.Door, s.SKU, s.Tenant)), plain(orDash(s.Ref)), state, plain(used), plain(local(s.NotAfter)))
	}
	p.table(t)
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
			return usagef("cannot read id %q: an id is 1-64 of A-Z a-z 0-9 . _ -, as lockerctl code list shows it", id)
		}
		if err := c.client().RevokeCode(ctx, id); err != nil {
			return withCure(err)
		}
		return c.print(revokeDone{id, "revoked"}, func(p *page) { p.line("code %s is revoked for ever", id) })
	}
}
