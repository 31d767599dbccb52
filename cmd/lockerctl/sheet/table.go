package sheet

import (
	"fmt"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
	"lockerd/daemon/report"
)

func section(title string, content ...g.Node) g.Node {
	return page.Lines(append(g.Group{h.H2(g.Text(title))}, content...)...)
}

func say(text string) g.Node  { return h.P(g.Text(text)) }
func note(text string) g.Node { return h.P(h.Class("soft"), g.Text(text)) }

// table has a row for each of a list, below its columns.
func table[T any](columns g.Node, list []T, row func(*T) g.Node) g.Node {
	rows := make([]g.Node, len(list))
	for i := range list {
		rows[i] = row(&list[i])
	}
	return h.Table(h.THead(h.Tr(columns)), h.TBody(page.Lines(rows...)))
}

// columns are the heads of a table's columns of text.
func columns(names ...string) g.Group {
	return g.Map(names, func(name string) g.Node { return h.Th(g.Text(name)) })
}

// numbers are those of its columns of numbers, which are set to the right.
func numbers(names ...string) g.Group {
	return g.Map(names, func(name string) g.Node { return h.Th(h.Class("n"), g.Text(name)) })
}

// meters is the head of a column of meters, which takes a part of the width.
func meters(percent int) g.Node { return h.Th(width(percent)) }

// meter is a bar as long as a part of its column, and never too short to be seen.
func meter(n, of int64) g.Node {
	return h.Span(h.Class("meter"), width(int(max(n*100/max(of, 1), 1))))
}

func width(percent int) g.Node { return h.Style(fmt.Sprintf("width:%d%%", percent)) }

// times are the cells of a distribution.
func times(s *report.Stat) g.Node {
	if s.N == 0 {
		return g.Group{page.Number(none), page.Number(none), page.Number(none)}
	}
	return g.Group{page.Number(span(s.P50)), page.Number(span(s.P95)), page.Number(span(s.Max))}
}
