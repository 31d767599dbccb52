package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lockerd/daemon/locker"
)

// SGR parameters of the colours used; "" is none.
const (
	none   = ""
	good   = "32"
	bad    = "31"
	notice = "33"
)

// cell is a text in a table with its colour.
type cell struct {
	text   string
	colour string
}

func plain(s string) cell { return cell{text: s} }

// table prints cells in aligned columns.
type table struct {
	indent string
	head   []string
	rows   [][]cell
}

func (t *table) row(cells ...cell) { t.rows = append(t.rows, cells) }

// write prints the table; the last cell of a line is not padded.
func (t *table) write(w io.Writer, colour bool) {
	rows := t.rows
	if t.head != nil {
		head := make([]cell, len(t.head))
		for i, h := range t.head {
			head[i] = plain(h)
		}
		rows = append([][]cell{head}, rows...)
	}
	width := widths(rows)
	for _, row := range rows {
		var b strings.Builder
		b.WriteString(t.indent)
		for i, c := range row {
			text := clean(c.text)
			b.WriteString(paint(text, c.colour, colour))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(text)+2))
			}
		}
		emit(w, "%s\n", strings.TrimRight(b.String(), " "))
	}
}

func widths(rows [][]cell) []int {
	var width []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(clean(c.text)))
		}
	}
	return width
}

// emit writes to stdout's buffer, which keeps an error until it is flushed, or
// to stderr, whose errors nobody is left to hear.
func emit(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// page is the human side of stdout.
type page struct {
	w      io.Writer
	colour bool
}

func (p *page) line(format string, args ...any) { emit(p.w, format+"\n", args...) }

func (p *page) table(t *table) { t.write(p.w, p.colour) }

// section prints a table below an empty line, if it has rows.
func (p *page) section(t *table) {
	if len(t.rows) > 0 {
		p.line("")
		p.table(t)
	}
}

func paint(s, colour string, on bool) string {
	if !on || colour == none || s == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

// colour tells whether stdout takes colours.
func (c *call) colour() bool {
	return c.tty && c.getenv("NO_COLOR") == "" && c.getenv("TERM") != "dumb"
}

// clean keeps what others wrote from steering the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// local shows a time as the person's own clock does.
func local(t locker.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Time().Local().Format("2006-01-02 15:04:05 MST")
}

// span shows a duration in its two largest units.
func span(d time.Duration) string {
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

// orDash shows an empty text as a dash.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
