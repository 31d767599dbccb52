package commission

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"lockerd/daemon/page"
)

// table has a row for each of a list, below its columns.
func table[T any](columns []string, list []T, row func(*T) g.Node) g.Node {
	rows := g.Group{h.Tr(g.Map(columns, func(name string) g.Node { return h.Th(g.Text(name)) }))}
	for i := range list {
		rows = append(rows, row(&list[i]))
	}
	return h.Table(page.Lines(rows...))
}

func marked(class, text string) g.Node { return h.Span(h.Class(class), g.Text(text)) }
