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
		cell(f.Door.String()),
		number(tally(f.Jammed)), number(tally(f.Uncertain)), number(tally(f.Forced)), number(tally(f.Ajar)), number(tally(f.Alarm)), number(tally(f.Released)),
		cell(cmp.Or(outOfService(f.Out), none)),
	)
}

func outOfService(count map[locker.Cause]int) string {
	var out []string
	for _, c := range slices.Sorted(maps.Keys(count)) {
		out = append(out, fmt.Sprintf("%s %d×", c, count[c]))
	}
	return strings.Join(out, ", ")
}
