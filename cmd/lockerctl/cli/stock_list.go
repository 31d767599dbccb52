package cli

import (
	"context"
	"encoding/csv"
	"fmt"
	"strconv"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

// stockItem is one thing behind a door, as stock --items tells it.
type stockItem struct {
	Door locker.DoorID `json:"door"`
	locker.Item
	Since locker.Time `json:"since,omitzero"`
}

func (c *call) stockItems(ctx context.Context, asCSV bool) error {
	doors, err := c.client().Doors(ctx)
	if err != nil {
		return err
	}
	list := []stockItem{}
	for i := range doors {
		if it := doors[i].Item; it != nil {
			list = append(list, stockItem{doors[i].ID, *it, doors[i].Since})
		}
	}
	if asCSV {
		rows := [][]string{{"door", "tenant", "sku", "serial", "condition", "since"}}
		for i := range list {
			it := &list[i]
			since := ""
			if !it.Since.IsZero() {
				since = it.Since.String()
			}
			rows = append(rows, []string{it.Door.String(), it.Tenant, it.SKU, it.Serial, string(it.Condition), since})
		}
		return c.csv(rows)
	}
	return c.print(list, func(p *ui.Page) { stockItemsPage(p, list) })
}

func stockItemsPage(p *ui.Page, list []stockItem) {
	if len(list) == 0 {
		p.Line("nothing lies behind any door")
		return
	}
	t := &ui.Table{Head: []string{"DOOR", "TENANT", "SKU", "SERIAL", "CONDITION", "SINCE"}}
	for i := range list {
		it := &list[i]
		condition := ui.Plain(string(it.Condition))
		if it.Condition != locker.Ready {
			condition.Colour = ui.Notice
		}
		t.Row(ui.Plain(it.Door.String()), ui.Plain(ui.OrDash(it.Tenant)), ui.Plain(it.SKU), ui.Plain(ui.OrDash(it.Serial)), condition, ui.Plain(ui.Local(it.Since)))
	}
	p.Table(t)
}

func (c *call) stockCSV(list []bank.StockLine) error {
	rows := [][]string{{"tenant", "sku", "count", "min"}}
	for _, l := range list {
		least := ""
		if l.Min != nil {
			least = strconv.Itoa(*l.Min)
		}
		rows = append(rows, []string{l.Tenant, l.SKU, strconv.Itoa(l.Count), least})
	}
	return c.csv(rows)
}

// csv writes rows as RFC 4180 has them.
func (c *call) csv(rows [][]string) error {
	w := csv.NewWriter(c.out)
	w.UseCRLF = true
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("cannot write to stdout: %w", err)
	}
	return nil
}
