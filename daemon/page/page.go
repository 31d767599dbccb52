// Package page has what the pages of reports have in common: each is one HTML file that
// needs nothing else, without script, fit to be printed. Elements are Go values
// (gomponents) whose texts and attributes are escaped as they are written; the style
// sheet alone, a file of ours, is put in as it stands.
package page

import (
	"bufio"
	"fmt"
	"io"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Write writes a page.
func Write(w io.Writer, title, style string, body ...g.Node) error {
	b := bufio.NewWriter(w)
	err := h.Doctype(h.HTML(h.Lang("en"),
		h.Head(Lines(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text(title)),
			h.StyleEl(g.Raw(style)),
		)),
		h.Body(Lines(body...)),
	)).Render(b)
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return fmt.Errorf("cannot write the page: %w", err)
	}
	return nil
}

// Lines puts each element on a line of its own, for those who read the source.
func Lines(nodes ...g.Node) g.Group {
	out := make(g.Group, 0, 2*len(nodes)+1)
	for _, n := range nodes {
		if n != nil {
			out = append(out, g.Text("\n"), n)
		}
	}
	return append(out, g.Text("\n"))
}

// Cell is a cell of a table.
func Cell(text string) g.Node { return h.Td(g.Text(text)) }

// Number is a cell that is set to the right, by the style of td.n.
func Number(text string) g.Node { return Classed("n", text) }

// Classed is a cell of a class of the style sheet.
func Classed(class, text string) g.Node { return h.Td(h.Class(class), g.Text(text)) }
