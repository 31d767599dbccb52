package ui

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lockerd/daemon/locker"
)

// SGR parameters of the colours used; None is none.
const (
	None   = ""
	Good   = "32"
	Bad    = "31"
	Notice = "33"
)

// Cell is a text in a table with its colour.
type Cell struct {
	Text   string
	Colour string
}

// Plain is a cell without colour.
func Plain(s string) Cell { return Cell{Text: s} }

// Tinted is a cell with a colour.
func Tinted(s, colour string) Cell { return Cell{Text: s, Colour: colour} }

// Table prints cells in aligned columns.
type Table struct {
	Indent string
	Head   []string
	rows   [][]Cell
}

// Row adds a line.
func (t *Table) Row(cells ...Cell) { t.rows = append(t.rows, cells) }

// Len is how many lines it has.
func (t *Table) Len() int { return len(t.rows) }

// Write prints the table; the last cell of a line is not padded.
func (t *Table) Write(w io.Writer, colour bool) {
	rows := t.rows
	if t.Head != nil {
		head := make([]Cell, len(t.Head))
		for i, h := range t.Head {
			head[i] = Plain(h)
		}
		rows = append([][]Cell{head}, rows...)
	}
	width := widths(rows)
	for _, row := range rows {
		var b strings.Builder
		b.WriteString(t.Indent)
		for i, c := range row {
			text := Clean(c.Text)
			b.WriteString(Paint(text, c.Colour, colour))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(text)+2))
			}
		}
		Emit(w, "%s\n", strings.TrimRight(b.String(), " "))
	}
}

func widths(rows [][]Cell) []int {
	var width []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(Clean(c.Text)))
		}
	}
	return width
}

// Emit writes to stdout's buffer, which keeps an error until it is flushed, or
// to stderr, whose errors nobody is left to hear.
func Emit(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// Fail says on stderr what went wrong, how things are left, and what to do next; what is
// empty is not said.
func Fail(stderr io.Writer, text, left, cure string) {
	Emit(stderr, "lockerctl: %s\n", Clean(text))
	if left != "" {
		Emit(stderr, "  %s\n", left)
	}
	if cure != "" {
		Emit(stderr, "  next: %s\n", Clean(cure))
	}
}

// Page is the human side of stdout.
type Page struct {
	W      io.Writer
	Colour bool
}

// Line prints one line.
func (p *Page) Line(format string, args ...any) { Emit(p.W, format+"\n", args...) }

// Table prints a table.
func (p *Page) Table(t *Table) { t.Write(p.W, p.Colour) }

// Section prints a table below an empty line, if it has rows.
func (p *Page) Section(t *Table) {
	if t.Len() > 0 {
		p.Line("")
		p.Table(t)
	}
}

// Paint colours a text.
func Paint(s, colour string, on bool) string {
	if !on || colour == None || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// Coloured tells whether stdout takes colours.
func Coloured(tty bool, getenv func(string) string) bool {
	return tty && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// Clean keeps what others wrote from steering the terminal.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// Local shows a time as the person's own clock does.
func Local(t locker.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Time().Local().Format("2006-01-02 15:04:05 MST")
}

// Span shows a duration in its two largest units.
func Span(d time.Duration) string {
	d = d.Round(time.Second)
	units := []struct {
		name string
		d    time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d >= u.d {
			s := fmt.Sprintf("%d%s", d/u.d, u.name)
			if i+1 < len(units) && d%u.d >= units[i+1].d {
				s += fmt.Sprintf(" %d%s", d%u.d/units[i+1].d, units[i+1].name)
			}
			return s
		}
	}
	return "0s"
}

// OrDash shows an empty text as a dash.
func OrDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
