package sheet

import (
	"math"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

// The plot of stages: a logarithmic axis from 1 ms to ten minutes.
const (
	axisLeft  = 130.0
	axisWidth = 560.0
	axisEnd   = 600_000 // ms; what took longer is drawn at the end
	plotTop   = 26.0
	rowHeight = 19.0
	kindGap   = 9.0
)

func axisX(ms int64) float64 {
	v := min(max(ms, 1), axisEnd)
	return tenth(axisLeft + axisWidth*math.Log10(float64(v))/math.Log10(axisEnd))
}

// stages draws when each stage of a visit was reached; nil: no visit reached one.
func stages(list []report.Visits) g.Node {
	var rows []g.Node
	y := plotTop
	for i := range list {
		kind := string(list[i].Kind)
		for _, s := range stagesOf(&list[i]) {
			rows = append(rows, stageRow(y+math.Floor(rowHeight/2), kind, &s))
			kind = "" // stands at the first of its rows only
			y += rowHeight
		}
		if kind == "" {
			y += kindGap
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return h.Figure(h.Class("plot wide"),
		drawing(720, int(y)+6, "Median, 95th percentile and maximum of each stage of a visit since its scan, on a logarithmic axis",
			axis(y), page.Lines(rows...)),
		h.FigCaption(g.Text("Time since the scan at which each stage was reached: the dot is the median, the thick line goes to the 95th of 100 visits, the thin one to the slowest; numbers in that order. The axis is logarithmic.")),
	)
}

type stage struct {
	name string
	report.Stat
}

// stagesOf are those that any visit of a kind has reached.
func stagesOf(v *report.Visits) []stage {
	var out []stage
	for _, s := range []stage{{"decided", v.Decision}, {"pulsed", v.Pulse}, {"open", v.Open}, {"shut", v.Close}} {
		if s.N > 0 {
			out = append(out, s)
		}
	}
	return out
}

// axis draws the ticks down to foot, that of the promise as a limit.
func axis(foot float64) g.Node {
	var ticks []g.Node
	for _, t := range []struct {
		ms   int64
		text string
	}{{1, "1 ms"}, {10, "10 ms"}, {100, "100 ms"}, {1000, "1 s"}, {10_000, "10 s"}, {report.PromiseLimit, "60 s"}, {axisEnd, "10 min"}} {
		x, colour, class := axisX(t.ms), grid, "soft"
		var dashes g.Node
		if t.ms == report.PromiseLimit {
			colour, class, dashes = red, "bad", g.Attr("stroke-dasharray", "3 3")
		}
		ticks = append(ticks, g.Group{line(x, x, 20, foot, colour, dashes), label(x, 13, t.text, anchor("middle"), h.Class(class))})
	}
	return page.Lines(ticks...)
}

func stageRow(y float64, kind string, s *stage) g.Node {
	p50, p95, most := axisX(s.P50), axisX(s.P95), axisX(s.Max)
	x, side := most+9, "start"
	if most > axisLeft+axisWidth*0.72 { // no room behind it
		x, side = p50-9, "end"
	}
	lower := g.Attr("dy", "4")
	return g.Group{
		label(0, y, kind, lower, g.Attr("font-weight", "600")),
		label(122, y, s.name, lower, anchor("end"), h.Class("soft")),
		line(p50, most, y, y, mist),
		line(p50, p95, y, y, blue, g.Attr("stroke-width", "5")),
		dot(p50, y, 4.5),
		label(x, y, span(s.P50)+" · "+span(s.P95)+" · "+span(s.Max), lower, anchor(side), h.Class("soft halo")),
	}
}
