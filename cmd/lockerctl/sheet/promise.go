package sheet

import (
	"fmt"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

// promise tells how many were done in time, and draws what became of all.
func promise(p *report.Promise) g.Node {
	if p.Visits == 0 {
		return say("Nobody has collected, returned or swapped anything in this time, so there is no 60-second promise to measure.")
	}
	return page.Lines(
		h.Div(h.Class("promise"), page.Lines(
			h.Strong(g.Text(share(p.Within, p.Visits))),
			h.Span(g.Text("of the people who came to collect, return or swap something were done within 60 seconds, from the scan until the door was shut again.")),
		)),
		outcomes(p),
	)
}

func outcomes(p *report.Promise) g.Node {
	var bar, key []g.Node
	x := 0.0
	for _, part := range []struct {
		n           int
		class, text string
	}{{p.Within, "good", "within 60 s"}, {p.Over, "late", "later"}, {p.Not, "bad", "not done"}} {
		if part.n == 0 {
			continue
		}
		w := float64(part.n) * 100 / float64(p.Visits)
		bar = append(bar, h.SVG(percent("x", x), percent("width", w), h.Height("16"),
			g.El("rect", h.Class(part.class), h.Width("100%"), h.Height("16"))))
		key = append(key, h.Li(h.I(h.Class(part.class)), g.Textf("%d %s", part.n, part.text)))
		x += w
	}
	return h.Figure(
		drawing(690, 16, fmt.Sprintf("What became of %d visits", p.Visits),
			g.Attr("preserveAspectRatio", "none"), h.Style("height:1rem"), page.Lines(bar...)),
		h.Ul(h.Class("key"), g.Group(key)),
	)
}
