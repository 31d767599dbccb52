package sheet

import (
	"fmt"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/report"
)

// lines puts each element on a line of its own, for those who read the source.
func lines(nodes ...g.Node) g.Group {
	out := make(g.Group, 0, 2*len(nodes)+1)
	for _, n := range nodes {
		if n != nil {
			out = append(out, g.Text("\n"), n)
		}
	}
	return append(out, g.Text("\n"))
}

func section(title string, content ...g.Node) g.Node {
	return lines(append(g.Group{h.H2(g.Text(title))}, content...)...)
}

func say(text string) g.Node  { return h.P(g.Text(text)) }
func note(text string) g.Node { return h.P(h.Class("soft"), g.Text(text)) }

// table has a row for each of a list, below its columns.
func table[T any](columns g.Node, list []T, row func(*T) g.Node) g.Node {
	rows := make([]g.Node, len(list))
	for i := range list {
		rows[i] = row(&list[i])
	}
	return h.Table(h.THead(h.Tr(columns)), h.TBody(lines(rows...)))
}

// columns are the heads of a table's columns of text.
func columns(names ...string) g.Group {
	return g.Map(names, func(name string) g.Node { return h.Th(g.Text(name)) })
}

// numbers are those of its columns of numbers, which are set to the right.
func numbers(names ...string) g.Group {
	return g.Map(names, func(name string) g.Node { return h.Th(h.Class("n"), g.Text(name)) })
}

func cell(text string) g.Node               { return h.Td(g.Text(text)) }
func number(text string) g.Node             { return classed("n", text) }
func classed(class string, t string) g.Node { return h.Td(h.Class(class), g.Text(t)) }

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
		return g.Group{number(none), number(none), number(none)}
	}
	return g.Group{number(span(s.P50)), number(span(s.P95)), number(span(s.Max))}
}
