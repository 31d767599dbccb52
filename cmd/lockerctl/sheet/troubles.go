package sheet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/locker"
	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

func troubles(list []report.Trouble) g.Node {
	const title = "Troubles at doors"
	if len(list) == 0 {
		return section(title, say("No door has jammed, was forced, left open or taken out of service."))
	}
	return section(title, table(g.Group{
		columns("Door"), numbers("Jammed", "Uncertain", "Forced", "Left open", "Alarm", "Codes given back"), columns("Out of service"),
	}, list, troubleRow))
}

func troubleRow(f *report.Trouble) g.Node {
	return h.Tr(
		page.Cell(f.Door.String()),
		page.Number(tally(f.Jammed)), page.Number(tally(f.Uncertain)), page.Number(tally(f.Forced)), page.Number(tally(f.Ajar)), page.Number(tally(f.Alarm)), page.Number(tally(f.Released)),
		page.Cell(cmp.Or(outOfService(f.Out), none)),
	)
}

func outOfService(count map[locker.Cause]int) string {
	var out []string
	for _, c := range slices.Sorted(maps.Keys(count)) {
		out = append(out, fmt.Sprintf("%s %d×", c, count[c]))
	}
	return strings.Join(out, ", ")
}
