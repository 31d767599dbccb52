package sheet

import (
	"fmt"
	"slices"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

func wear(list []report.Wear) g.Node {
	const title = "Wear of the locks"
	if len(list) == 0 {
		return section(title, say("No lock has been used."))
	}
	list = slices.Clone(list)
	report.WorstFirst(list)
	return section(title,
		say("Doors that need more than one try, or whose locks take longer than they did, stand first."),
		table(g.Group{
			columns("Door"), numbers("Openings", "Tries each", "Unlatch, median", "95 of 100", "Longest"), columns("Course"), numbers("Early → late"),
		}, list, wearRow),
		note("Unlatch: from the first pulse until the door's own switch said open. Course and change are those of openings at the first try; each course is drawn from zero to its door's own maximum. A door without a sensor has no unlatch time."),
	)
}

func wearRow(w *report.Wear) g.Node {
	tries := none
	if w.Openings > 0 {
		tries = fmt.Sprintf("%.2f", w.TriesPerOpening())
	}
	return h.Tr(
		page.Cell(w.Door.String()), page.Number(strconv.Itoa(w.Openings)), page.Number(tries), times(&w.Unlatch),
		h.Td(h.Class("spark"), course(w.Series)),
		change(w.Trend),
	)
}

func change(t *report.Trend) g.Node {
	if t == nil {
		return page.Number(none)
	}
	class := "n"
	if t.Slower() {
		class = "n warn"
	}
	return page.Classed(class, fmt.Sprintf("%d → %d ms", t.WasMS, t.IsMS))
}
