package sheet

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

func visits(list []report.Visits) g.Node {
	const title = "Visits"
	if len(list) == 0 {
		return section(title, say("There were no visits."))
	}
	return section(title,
		table(g.Group{columns("Kind"), numbers("Visits", "Done", "Refused", "Abandoned", "Within 60 s", "Median", "95 of 100", "Longest")}, list, visitRow),
		note("Times are from the scan until the last door of the visit was shut. Suppliers, repairers and engineers open several doors in one visit and are no part of the promise."),
		stages(list),
	)
}

func visitRow(v *report.Visits) g.Node {
	within := none
	if v.Promised() {
		within = share(v.Within, v.Visits)
	}
	return h.Tr(
		page.Cell(string(v.Kind)),
		page.Number(tally(v.Visits)), page.Number(tally(v.Done)), page.Number(tally(v.Refused)), page.Number(tally(v.Abandoned)), page.Number(within),
		times(&v.Close),
	)
}
