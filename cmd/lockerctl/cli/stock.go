package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

const stockHelp = `A SERIAL of - stands for none. Without --tenant it is the tenant the door is
for, or the only one that has this sku here. What is set counts as ready: so an
uncertain item is settled, too.`

func stockVerb(fs *flag.FlagSet) action {
	items := fs.Bool("items", false, "each item: where, whose, since when")
	asCSV := fs.Bool("csv", false, "print CSV")
	return func(ctx context.Context, c *call) error {
		if *asCSV && c.json {
			return ui.Usagef("--csv and --json exclude each other")
		}
		if *items {
			return c.stockItems(ctx, *asCSV)
		}
		list, err := c.client().Stock(ctx)
		if err != nil {
			return err
		}
		if *asCSV {
			return c.stockCSV(list)
		}
		return c.print(list, func(p *ui.Page) { stockPage(p, list) })
	}
}

func stockPage(p *ui.Page, list []bank.StockLine) {
	if len(list) == 0 {
		p.Line("no stock")
		return
	}
	t := &ui.Table{Head: []string{"TENANT", "SKU", "COUNT", "MIN"}}
	for _, l := range list {
		count, least := ui.Plain(strconv.Itoa(l.Count)), "-"
		if l.Min != nil {
			least = strconv.Itoa(*l.Min)
			if l.Count < *l.Min {
				count = ui.Tinted(count.Text+" low", ui.Notice)
			}
		}
		t.Row(ui.Plain(ui.OrDash(l.Tenant)), ui.Plain(l.SKU), count, ui.Plain(least))
	}
	p.Table(t)
}

// stockDone is the document of stock set and stock clear.
type stockDone struct {
	Door string       `json:"door"`
	Item *locker.Item `json:"item"`
}

func stockSetVerb(fs *flag.FlagSet) action {
	tenant := fs.String("tenant", "", "whose it is")
	return func(ctx context.Context, c *call) error {
		door, err := parseDoor(c.args[0])
		if err != nil {
			return err
		}
		it, err := ui.ReadItem(*tenant, c.args[1], c.args[2], locker.Ready)
		if err != nil {
			return err
		}
		if it.Tenant == "" {
			if it.Tenant, err = c.tenantOf(ctx, door, it.SKU); err != nil {
				return err
			}
		}
		return c.setStock(ctx, door, it)
	}
}

func stockClearVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		door, err := parseDoor(c.args[0])
		if err != nil {
			return err
		}
		return c.setStock(ctx, door, nil)
	}
}

func (c *call) setStock(ctx context.Context, door locker.DoorID, it *locker.Item) error {
	if err := c.client().SetStock(ctx, door, it); err != nil {
		return c.doorCure(ctx, door, err)
	}
	return c.print(stockDone{door.String(), it}, func(p *ui.Page) {
		if it == nil {
			p.Line("door %s is empty", door)
			return
		}
		p.Line("door %s holds %s", door, ui.Clean(itemCell(it).Text))
	})
}

// tenantOf finds whose an item of the sku behind the door must be.
func (c *call) tenantOf(ctx context.Context, door locker.DoorID, sku string) (string, error) {
	doors, err := c.client().Doors(ctx)
	if err != nil {
		return "", err
	}
	found, err := pick(doors, []locker.DoorID{door})
	if err != nil {
		return "", err
	}
	if found[0].Tenant != "" {
		return found[0].Tenant, nil
	}
	stock, err := c.client().Stock(ctx)
	if err != nil {
		return "", err
	}
	var tenants []string
	for _, l := range stock {
		if l.SKU == sku && !slices.Contains(tenants, l.Tenant) {
			tenants = append(tenants, l.Tenant)
		}
	}
	switch len(tenants) {
	case 0: // nobody's so far: the bank says whether it may be
		return "", nil
	case 1:
		return tenants[0], nil
	}
	return "", &bank.Error{
		Code: control.CodeInvalid,
		Text: fmt.Sprintf("cannot tell whose %s it is: %s have this sku", sku, strings.Join(tenants, " and ")),
		Cure: "name one with --tenant",
	}
}

// withCure adds the general cure to a refusal that has none.
func withCure(err error) error {
	e, ok := errors.AsType[*bank.Error](err)
	if !ok || e.Cure != "" {
		return err
	}
	more := *e
	more.Cure = generalCure(e.Code)
	return &more
}
