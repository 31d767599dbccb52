package sheet

import (
	"fmt"
	"slices"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

// The heat map of a week.
const (
	heatLeft = 44
	heatTop  = 18
	hourW    = 26
	dayH     = 22
)

func busy(b *report.Busy, zone string, z *time.Location) g.Node {
	const title = "When it is busy"
	if b.Openings == 0 {
		return section(title, say("No door has opened."))
	}
	peak := b.PeakAt.Time().In(z)
	return section(title,
		say(fmt.Sprintf("The busiest hour had %s in one hour, from %s on %s.", plural(b.Peak, "opening", "openings"), peak.Format("15:04"), peak.Format("Monday 2 January 2006"))),
		h.Figure(h.Class("wide"),
			drawing(heatLeft+24*hourW, heatTop+7*dayH, "Openings by weekday and hour", hours(), days(), heat(&b.Week)),
			h.FigCaption(g.Text("Doors opened by weekday and hour, all weeks together, time zone "+zone+".")),
		),
	)
}

func hours() g.Node {
	var out g.Group
	for hour := range 24 {
		out = append(out, label(float64(heatLeft+hour*hourW+hourW/2), heatTop-5, fmt.Sprintf("%02d", hour), anchor("middle"), h.Class("soft")))
	}
	return page.Lines(out)
}

func days() g.Node {
	var out g.Group
	for d := range 7 {
		out = append(out, label(heatLeft-8, float64(heatTop+d*dayH+15), weekday(d)[:3], anchor("end"), h.Class("soft")))
	}
	return page.Lines(out)
}

// weekday names a day of a week that begins on Monday.
func weekday(d int) string { return time.Weekday((d + 1) % 7).String() }

func heat(week *[7][24]int) g.Node {
	most := 0
	for _, day := range week {
		most = max(most, slices.Max(day[:]))
	}
	var cells []g.Node
	for d, day := range week {
		for hour, n := range day {
			name := fmt.Sprintf("%s %02d:00: %s", weekday(d), hour, plural(n, "opening", "openings"))
			cells = append(cells, g.El("g", hint(name), heatCell(float64(heatLeft+hour*hourW), float64(heatTop+d*dayH), n, most)))
		}
	}
	return page.Lines(cells...)
}

func heatCell(x, y float64, n, most int) g.Node {
	square := func(colour string, more ...g.Node) g.Node {
		return g.El("rect", at("x", x), at("y", y), h.Width("24"), h.Height("20"), g.Attr("rx", "2"), fill(colour), g.Group(more))
	}
	if n == 0 {
		return square(empty)
	}
	on := ink
	if n*2 > most {
		on = paper
	}
	return g.Group{
		square(blue, g.Attr("fill-opacity", fmt.Sprintf("%.2f", 0.12+0.88*float64(n)/float64(most)))),
		label(x, y, fmt.Sprint(n), g.Attr("dx", "12"), g.Attr("dy", "14"), anchor("middle"), fill(on)),
	}
}
