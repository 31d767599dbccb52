package commission

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// table has a row for each of a list, below its columns.
func table[T any](columns []string, list []T, row func(*T) g.Node) g.Node {
	rows := g.Group{h.Tr(g.Map(columns, func(name string) g.Node { return h.Th(g.Text(name)) }))}
	for i := range list {
		rows = append(rows, row(&list[i]))
	}
	return h.Table(lines(rows...))
}

func cell(text string) g.Node          { return h.Td(g.Text(text)) }
func number(text string) g.Node        { return h.Td(h.Class("n"), g.Text(text)) }
func marked(class, text string) g.Node { return h.Span(h.Class(class), g.Text(text)) }

// lines puts each element on a line of its own, for those who read the source.
func lines(nodes ...g.Node) g.Group {
	var out g.Group
	for _, n := range nodes {
		out = append(out, g.Text("\n"), n)
	}
	return append(out, g.Text("\n"))
}
