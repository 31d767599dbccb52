package sheet

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"lockerd/daemon/report"
)

// part is one piece of the promise's bar.
type part struct {
	X, W  float64 // in percent of the width
	Class string
	Text  string
}

func promiseBar(p *report.Promise) []part {
	if p.Visits == 0 {
		return nil
	}
	var out []part
	x := 0.0
	for _, s := range []struct {
		n           int
		class, text string
	}{{p.Within, "good", "within 60 s"}, {p.Over, "late", "later"}, {p.Not, "bad", "not done"}} {
		w := float64(s.n) * 100 / float64(p.Visits)
		if s.n > 0 {
			out = append(out, part{X: round(x), W: round(w), Class: s.class, Text: fmt.Sprintf("%d %s", s.n, s.text)})
		}
		x += w
	}
	return out
}

func round(v float64) float64 { return math.Round(v*10) / 10 }

// The plot of times: a logarithmic axis from 1 ms to ten minutes.
const (
	plotLeft  = 130.0
	plotWidth = 560.0
	plotTop   = 26
	rowHeight = 19
	groupGap  = 9
	axisEnd   = 600_000 // ms; what took longer is drawn at the end
)

type timesPlot struct {
	Height int
	Foot   int // y of the axis' end
	Ticks  []tick
	Rows   []timeRow
	Label  string
}

type tick struct {
	X      float64
	Text   string
	Strong bool
}

type timeRow struct {
	Y             int
	Kind, Stage   string // Kind on the first of its rows only
	P50, P95, Max float64
	Text          string
	TextX         float64
	Anchor        string
}

func plotX(ms int64) float64 {
	v := min(max(ms, 1), axisEnd)
	return round(plotLeft + plotWidth*math.Log10(float64(v))/math.Log10(axisEnd))
}

func plotTimes(list []report.Visits) *timesPlot {
	p := &timesPlot{Label: "Median, 95th percentile and maximum of each stage of a visit since its scan, on a logarithmic axis"}
	y := plotTop
	for i := range list {
		y = p.kind(&list[i], y)
	}
	if len(p.Rows) == 0 {
		return nil
	}
	for _, t := range []struct {
		ms   int64
		text string
	}{{1, "1 ms"}, {10, "10 ms"}, {100, "100 ms"}, {1000, "1 s"}, {10_000, "10 s"}, {report.PromiseLimit, "60 s"}, {axisEnd, "10 min"}} {
		p.Ticks = append(p.Ticks, tick{X: plotX(t.ms), Text: t.text, Strong: t.ms == report.PromiseLimit})
	}
	p.Foot, p.Height = y, y+6
	return p
}

// kind adds the rows of one kind and returns where the next begin.
func (p *timesPlot) kind(v *report.Visits, y int) int {
	name := string(v.Kind)
	for _, s := range []struct {
		stage string
		report.Stat
	}{{"decided", v.Decision}, {"pulsed", v.Pulse}, {"open", v.Open}, {"shut", v.Close}} {
		if s.N == 0 {
			continue
		}
		row := timeRow{Y: y + rowHeight/2, Kind: name, Stage: s.stage, P50: plotX(s.P50), P95: plotX(s.P95), Max: plotX(s.Max)}
		row.Text = span(s.P50) + " · " + span(s.P95) + " · " + span(s.Max)
		row.TextX, row.Anchor = row.Max+9, "start"
		if row.Max > plotLeft+plotWidth*0.72 { // no room behind it
			row.TextX, row.Anchor = row.P50-9, "end"
		}
		p.Rows = append(p.Rows, row)
		name = ""
		y += rowHeight
	}
	if name == "" {
		y += groupGap
	}
	return y
}

// The heat map of a week.
const (
	heatLeft = 44
	heatTop  = 18
	cellW    = 26
	cellH    = 22
)

type heatMap struct {
	Width, Height int
	Hours         []heatLabel
	Days          []heatLabel
	Cells         []heatCell
	Peak          string
	Label         string
}

type heatLabel struct {
	X, Y int
	Text string
}

type heatCell struct {
	X, Y    int
	N       int
	Opacity string
	Dark    bool // its number is written in white
	Title   string
}

func heat(b *report.Busy, z *time.Location) *heatMap {
	if b.Openings == 0 {
		return nil
	}
	h := &heatMap{Width: heatLeft + 24*cellW, Height: heatTop + 7*cellH, Label: "Openings by weekday and hour"}
	h.Peak = fmt.Sprintf("%s in one hour, from %s", plural(b.Peak, "opening", "openings"), b.PeakAt.Time().In(z).Format("15:04 on Monday 2 January 2006"))
	h.Peak = strings.Replace(h.Peak, "Monday", b.PeakAt.Time().In(z).Weekday().String(), 1)
	most := 0
	for _, day := range b.Week {
		for _, n := range day {
			most = max(most, n)
		}
	}
	for hour := range 24 {
		h.Hours = append(h.Hours, heatLabel{X: heatLeft + hour*cellW + cellW/2, Y: heatTop - 5, Text: fmt.Sprintf("%02d", hour)})
	}
	for d, day := range b.Week {
		name := time.Weekday((d + 1) % 7).String()
		h.Days = append(h.Days, heatLabel{X: heatLeft - 8, Y: heatTop + d*cellH + 15, Text: name[:3]})
		for hour, n := range day {
			c := heatCell{X: heatLeft + hour*cellW, Y: heatTop + d*cellH, N: n, Title: fmt.Sprintf("%s %02d:00: %s", name, hour, plural(n, "opening", "openings"))}
			if n > 0 {
				c.Opacity = fmt.Sprintf("%.2f", 0.12+0.88*float64(n)/float64(most))
				c.Dark = n*2 > most
			}
			h.Cells = append(h.Cells, c)
		}
	}
	return h
}

// The small line of a lock's unlatch time.
const (
	sparkW = 130.0
	sparkH = 26.0
)

type spark struct {
	Points     string
	EndX, EndY float64
	Label      string
}

func sparkOf(series []report.Point) *spark {
	if len(series) < 2 {
		return nil
	}
	first, last := series[0].At, series[len(series)-1].At
	most := int64(1)
	for _, p := range series {
		most = max(most, p.Mean)
	}
	s := &spark{Label: fmt.Sprintf("unlatch time over %d points, at most %s", len(series), span(most))}
	var b strings.Builder
	for _, p := range series {
		s.EndX = round(2 + (sparkW-6)*float64(p.At-first)/float64(cmp.Or(last-first, 1)))
		s.EndY = round(sparkH - 3 - (sparkH-6)*float64(p.Mean)/float64(most))
		fmt.Fprintf(&b, "%g,%g ", s.EndX, s.EndY)
	}
	s.Points = strings.TrimSpace(b.String())
	return s
}
