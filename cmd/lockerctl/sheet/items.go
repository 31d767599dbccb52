package sheet

import (
	"cmp"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

func items(list []report.Item, z *time.Location) g.Node {
	const title = "What has lain there longest"
	if len(list) == 0 {
		return section(title, say("Nothing lies behind any door."))
	}
	return section(title, table(g.Group{
		columns("Door", "Item", "Serial", "Condition", "Since"), numbers("For"), meters(12), columns("Brought by"),
	}, list, func(it *report.Item) g.Node { return itemRow(it, list[0].AgeS, z) }))
}

func itemRow(it *report.Item, oldest int64, z *time.Location) g.Node {
	since, lain := "unknown", none
	var bar g.Node
	if !it.Since.IsZero() {
		since, lain, bar = it.Since.Time().In(z).Format("2 Jan 2006, 15:04"), age(it.AgeS), meter(it.AgeS, oldest)
	}
	return h.Tr(
		page.Cell(it.Door.String()),
		page.Cell(strings.TrimPrefix(it.Tenant+"/"+it.SKU, "/")),
		page.Classed("wrap", cmp.Or(it.Serial, none)),
		h.Td(g.If(it.Condition != locker.Ready, h.Class("warn")), g.Text(string(it.Condition))),
		page.Cell(since), page.Number(lain), h.Td(bar),
		page.Classed("wrap", hand(it.Brought)),
	)
}

// hand says by whom an item was brought.
func hand(by *ledger.Hand) string {
	switch {
	case by == nil:
		return "before the journal begins"
	case by.By != "":
		return by.By + ", by hand"
	}
	return string(by.Kind) + " " + cmp.Or(by.Ref, by.Set+"/"+by.Code)
}
