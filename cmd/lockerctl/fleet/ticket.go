package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/ticket"
)

const ticketHelp = `A ticket is a signed code: a bank takes it though it has never heard of it, offline
too, once, if its key set has the signing key and it has once had the tenant's set
(service tickets: always). It lives at most 7 days. kinds: collect, deliver,
service. It is too long for a Code 128. Revoke it with code revoke.`

const ticketMax = 7 * 24 * time.Hour

func ticketNewVerb(fs *flag.FlagSet) action {
	var r ticketRequest
	var d drawing
	kind := ui.Choice{Of: []string{string(locker.Collect), string(locker.Deliver), string(locker.Service)}}
	life := ui.TTL(defaultTTL)
	var door, from string
	fs.Var(&kind, "kind", "`kind`: collect, deliver or service")
	fs.Var(&life, "life", "how `long` it is good: 90m, 48h, at most 7d")
	fs.StringVar(&from, "not-before", "", "good from this `time` on, as 2026-11-22T10:00:00Z")
	fs.StringVar(&door, "door", "", "`door` it opens")
	fs.StringVar(&r.SKU, "sku", "", "`sku` it gives out or takes in")
	fs.IntVar(&r.Items, "items", 0, "`number` of items to deliver")
	fs.StringVar(&r.Tenant, "tenant", "", "`tenant` on whose behalf")
	fs.StringVar(&r.Ref, "ref", "", "your `reference`, for the journal")
	d.register(fs)
	return func(ctx context.Context, c *call) error {
		if kind.Value == "" {
			return ui.Usagef("--kind is missing")
		}
		if err := d.check(); err != nil {
			return err
		}
		if time.Duration(life) > ticketMax {
			return ui.Usagef("--life: at most 7d")
		}
		r.Bank, r.Kind, r.Lifetime, r.NotBefore, r.Wait = c.args[0], locker.Kind(kind.Value), time.Duration(life), now(), c.wait.Milliseconds()
		if err := r.Door.UnmarshalText([]byte(door)); err != nil {
			return ui.Usagef("%s", err)
		}
		if from != "" {
			if err := r.NotBefore.UnmarshalText([]byte(from)); err != nil {
				return ui.Usagef("%s", err)
			}
		}
		if len([]rune(r.Ref)) > ticket.MaxRef {
			return ui.Usagef("--ref has more than %d characters", ticket.MaxRef)
		}
		if err := checkCode("sign this ticket", r.Set(), r.Code()); err != nil {
			return err
		}
		if _, err := rand.Read(r.ID[:]); err != nil {
			return fmt.Errorf("cannot make a ticket: %w", err)
		}
		return c.ticket(ctx, &r, &d)
	}
}

func (c *call) ticket(ctx context.Context, r *ticketRequest, d *drawing) error {
	at, err := c.at(ctx, r.Bank)
	if err != nil {
		return err
	}
	defer func() { _ = at.close() }() // nothing is left to be done
	var t issuedTicket
	if err := at.ask(ctx, "ticket.new", r, &t); err != nil {
		return err
	}
	perr := c.print(t, func(p *ui.Page) { c.ticketPage(p, &r.Ticket, &t, d) })
	return errors.Join(d.write(c, t.Text, false), perr)
}

func (c *call) ticketPage(p *ui.Page, r *ticket.Ticket, t *issuedTicket, d *drawing) {
	rows := &ui.Table{}
	rows.Row(ui.Plain("ticket"), ui.Plain(t.ID+" of set "+t.Set))
	rows.Row(ui.Plain("for"), ui.Plain(purpose(&locker.Code{Kind: r.Kind, Door: r.Door, SKU: r.SKU}, t.Set)+" at "+r.Bank))
	rows.Row(ui.Plain("good till"), ui.Plain(ui.Local(t.NotAfter)))
	rows.Row(ui.Plain("signed by"), ui.Plain(t.KID))
	switch {
	case !t.Known:
		rows.Row(ui.Plain("note"), ui.Tinted(r.Bank+": never heard of. Is the name right?", ui.Notice))
	case !t.SetThere && r.Kind != locker.Service:
		rows.Row(ui.Plain("note"), ui.Tinted("the bank has not said yet that it keeps set "+t.Set+"; until then it takes no ticket of it", ui.Notice))
	}
	p.Table(rows)
	d.show(p, c, t.Text, false)
	p.Line("%s", t.Text)
}
