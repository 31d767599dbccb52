package sheet

import (
	"cmp"
	"fmt"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/report"
)

// The small line of a lock's unlatch time.
const (
	courseW = 130
	courseH = 26
)

func course(series []report.Point) g.Node {
	if len(series) < 2 {
		return h.Span(h.Class("soft"), g.Text("too few"))
	}
	first, last := series[0].At, series[len(series)-1].At
	most := int64(1)
	for _, p := range series {
		most = max(most, p.Mean)
	}
	points := make([]string, len(series))
	var x, y float64
	for i, p := range series {
		x = tenth(2 + (courseW-6)*float64(p.At-first)/float64(cmp.Or(last-first, 1)))
		y = tenth(courseH - 3 - (courseH-6)*float64(p.Mean)/float64(most))
		points[i] = fmt.Sprintf("%g,%g", x, y)
	}
	return drawing(courseW, courseH, fmt.Sprintf("unlatch time over %d points, at most %s", len(series), span(most)),
		g.El("polyline", g.Attr("points", strings.Join(points, " ")), fill("none"), stroke(blue), g.Attr("stroke-width", "1.5")),
		dot(x, y, 2.5),
	)
}
