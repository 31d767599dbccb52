package sheet

import (
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

// figures are what somebody wants to know who reads no further.
func figures(r *report.Report) g.Node {
	jams, slower := 0, 0
	for i := range r.Troubles {
		jams += r.Troubles[i].Jammed
	}
	for i := range r.Wear {
		if r.Wear[i].Trend.Slower() {
			slower++
		}
	}
	return h.Ul(h.Class("figures"), h.Style("padding-left:0"), page.Lines(
		figure(strconv.Itoa(r.Busy.Openings), "doors opened"),
		figure(strconv.Itoa(jams), "jammed"),
		figure(strconv.Itoa(slower), noun(slower, "lock", "locks")+" getting slower"),
		figure(strconv.Itoa(len(r.Items)), noun(len(r.Items), "item", "items")+" inside at the end"),
		oldest(r.Items),
	))
}

func figure(value, of string) g.Node { return h.Li(h.B(g.Text(value)), g.Text(of)) }

func oldest(list []report.Item) g.Node {
	for i := range list {
		if !list[i].Since.IsZero() {
			return figure(age(list[i].AgeS), "the oldest of them")
		}
	}
	return nil
}
