package main

import (
	"strings"
	"unicode"
)

// style is a list of SGR parameters.
type style string

// Styles. What they say can also be read without colours.
const (
	plain   style = ""
	bold    style = "1"
	faint   style = "2"
	title   style = "7"
	green   style = "32"
	yellow  style = "33"
	red     style = "1;31"
	opened  style = "1;30;42"
	broken  style = "1;37;41"
	onPaper style = "38;5;16;48;5;231" // black on white of the colour cube: themes leave these alone
)

// canvas is one frame: cells that are painted and then written at once. What
// lies outside is cut off.
type canvas struct {
	w, h   int
	runes  []rune
	styles []style
	bare   bool // no colours
}

func newCanvas(w, h int, bare bool) *canvas {
	c := &canvas{w: w, h: h, runes: make([]rune, w*h), styles: make([]style, w*h), bare: bare}
	for i := range c.runes {
		c.runes[i] = ' '
	}
	return c
}

// put writes a text from column x on row y; an end that does not fit shows as
// an ellipsis. It returns the column behind it.
func (c *canvas) put(x, y int, st style, text string) int {
	runes := []rune(text)
	for i, r := range runes {
		if x+i >= c.w-1 && i < len(runes)-1 {
			c.set(c.w-1, y, st, '…')
			return c.w
		}
		c.set(x+i, y, st, r)
	}
	return x + len(runes)
}

// cut writes a text as put does, without an ellipsis where it ends early.
func (c *canvas) cut(x, y int, st style, text string) {
	for i, r := range []rune(text) {
		c.set(x+i, y, st, r)
	}
}

func (c *canvas) set(x, y int, st style, r rune) {
	if x < 0 || x >= c.w || y < 0 || y >= c.h {
		return
	}
	if !unicode.IsPrint(r) { // what others wrote does not steer the terminal
		r = '?'
	}
	c.runes[y*c.w+x], c.styles[y*c.w+x] = r, st
}

// bar fills a row.
func (c *canvas) bar(y int, st style, r rune) {
	for x := range c.w {
		c.set(x, y, st, r)
	}
}

// String returns the frame for a terminal in raw mode.
func (c *canvas) String() string {
	var b strings.Builder
	b.WriteString(hideCursor + home)
	for y := range c.h {
		if y > 0 {
			b.WriteString("\r\n")
		}
		c.row(&b, y)
	}
	return b.String()
}

func (c *canvas) row(b *strings.Builder, y int) {
	now := plain
	end := c.end(y)
	for x := range end {
		if st := c.styles[y*c.w+x]; st != now {
			b.WriteString(c.sgr(st))
			now = st
		}
		b.WriteRune(c.runes[y*c.w+x])
	}
	if now != plain {
		b.WriteString(c.sgr(plain))
	}
	if end < c.w {
		b.WriteString(clearRight)
	}
}

// end returns the column behind the last that shows.
func (c *canvas) end(y int) int {
	x := c.w
	for x > 0 && c.runes[y*c.w+x-1] == ' ' && c.styles[y*c.w+x-1] == plain {
		x--
	}
	return x
}

// sgr sets a style, which without colours is an attribute or nothing.
func (c *canvas) sgr(st style) string {
	if c.bare {
		switch st {
		case opened, broken, title, onPaper:
			st = title
		case red:
			st = bold
		case green, yellow:
			st = plain
		case plain, bold, faint:
		}
	}
	if st == plain {
		return "\x1b[0m"
	}
	return "\x1b[0;" + string(st) + "m"
}
