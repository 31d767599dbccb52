// Package sheet makes of a report one HTML page that can be read, printed and sent
// on: everything is in it, style and plots (SVG), no script and nothing from elsewhere,
// and nothing that came from a journal is ever markup (package page).
package sheet

import (
	"cmp"
	_ "embed"
	"io"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/locker"
	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

//go:embed sheet.css
var style string //nolint:gochecknoglobals,nolintlint // how embed works

// Write writes the page of a report.
func Write(w io.Writer, r *report.Report) error {
	z, err := time.LoadLocation(r.Timezone)
	if err != nil {
		z = time.UTC
	}
	bank := "Locker bank " + r.Bank
	span := stamp(cmp.Or(r.From, r.Journal.Oldest, r.To), z) + " to " + stamp(r.To, z)
	return page.Write(w, bank+": "+span, style,
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
	)
}

func stamp(t locker.Time, z *time.Location) string {
	return t.Time().In(z).Format("Mon 2 January 2006, 15:04 MST")
}
