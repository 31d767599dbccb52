package sheet

import (
	"fmt"
	"math"
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// Colours that an attribute needs; all others are in the style sheet.
const (
	ink   = "#1b2530"
	paper = "#fff"
	blue  = "#2b6ca3"
	mist  = "#9fb4c6"
	red   = "#b3432b"
	grid  = "#e3e8ed"
	empty = "#eef2f5"
)

// drawing is a plot that scales to its place; label tells those who can't see it
// what it shows.
func drawing(width, height int, label string, content ...g.Node) g.Node {
	return h.SVG(g.Attr("viewBox", fmt.Sprintf("0 0 %d %d", width, height)), h.Role("img"), h.Aria("label", label), g.Group(content))
}

// at is an attribute in user units, to a tenth.
func at(name string, v float64) g.Node {
	return g.Attr(name, strconv.FormatFloat(tenth(v), 'f', -1, 64))
}

func tenth(v float64) float64 { return math.Round(v*10) / 10 }

func percent(name string, v float64) g.Node {
	return g.Attr(name, strconv.FormatFloat(tenth(v), 'f', -1, 64)+"%")
}

func line(x1, x2, y1, y2 float64, colour string, more ...g.Node) g.Node {
	return g.El("line", at("x1", x1), at("x2", x2), at("y1", y1), at("y2", y2), stroke(colour), g.Group(more))
}

func dot(x, y, r float64) g.Node {
	return g.El("circle", at("cx", x), at("cy", y), at("r", r), h.Class("good"))
}

func label(x, y float64, text string, more ...g.Node) g.Node {
	return g.El("text", at("x", x), at("y", y), g.Group(more), g.Text(text))
}

// hint is shown while something points at what it stands in.
func hint(text string) g.Node { return g.El("title", g.Text(text)) }

func anchor(where string) g.Node  { return g.Attr("text-anchor", where) }
func stroke(colour string) g.Node { return g.Attr("stroke", colour) }
func fill(colour string) g.Node   { return g.Attr("fill", colour) }
