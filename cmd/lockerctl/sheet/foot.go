package sheet

import (
	"fmt"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/report"
)

func foot(j *report.Journal) g.Node {
	return h.Footer(
		h.P(g.Text(source(j)+" Percentiles above 256 ms are at most 0.8 % too high; maxima are exact. A visit is over when its last door is shut.")),
		h.P(g.Text("lockerctl report --html")),
	)
}

// source says what the page was made from, and what it can't know.
func source(j *report.Journal) string {
	if j.Events == 0 {
		return "The journal holds no event of this time."
	}
	s := fmt.Sprintf("Made from %d events of the bank's journal.", j.Events)
	if j.First > 1 || j.Gaps > 0 {
		s += " Older events have been pruned from it: what came before is not counted here."
	}
	if j.Crash > 0 {
		s += fmt.Sprintf(" The bank's computer started %s, %d of them after a crash or a power cut.", plural(j.Boots, "time", "times"), j.Crash)
	}
	return s
}
