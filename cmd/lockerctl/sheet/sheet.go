// Package sheet makes of a report one HTML page that can be read, printed and sent
// on: everything is in it, style and plots (SVG), no script and nothing from
// elsewhere. Elements are Go values whose texts and attributes are escaped as they
// are written, so nothing that came from a journal is ever markup; only the style
// sheet, a file of ours, is put in as it stands.
package sheet

import (
	"bufio"
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/locker"
	"lockerd/daemon/report"
)

//go:embed sheet.css
var style string //nolint:gochecknoglobals,nolintlint // how embed works

// Write writes the page of a report.
func Write(w io.Writer, r *report.Report) error {
	b := bufio.NewWriter(w)
	err := page(r).Render(b)
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot write the page: %w", err)
	}
	return nil
}

func page(r *report.Report) g.Node {
	z, err := time.LoadLocation(r.Timezone)
	if err != nil {
		z = time.UTC
	}
	bank := "Locker bank " + r.Bank
	span := stamp(cmp.Or(r.From, r.Journal.Oldest, r.To), z) + " to " + stamp(r.To, z)
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(lines(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text(bank+": "+span)),
			h.StyleEl(g.Raw(style)),
		)),
		h.Body(lines(
			h.Header(h.H1(g.Text(bank)), h.P(h.Class("lead"), g.Text(span))),
			promise(&r.Promise),
			figures(r),
			visits(r.Visits),
			refusals(r.Refusals),
			troubles(r.Troubles),
			busy(&r.Busy, r.Timezone, z),
			items(r.Items, z),
			wear(r.Wear),
			foot(&r.Journal),
		)),
	))
}

func stamp(t locker.Time, z *time.Location) string {
	return t.Time().In(z).Format("Mon 2 January 2006, 15:04 MST")
}
