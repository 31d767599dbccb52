package ui

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Fit makes a text of a terminal that is drawn over itself: longer lines end in an
// ellipsis, and where there are more lines than fit, the last says how many, and where
// they are. Colours (SGR) take no room. There is no line feed behind the last line: it
// would scroll the first away.
func Fit(text string, width, height int, where string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if n := len(lines) - max(height, 1) + 1; n > 1 {
		lines = append(lines[:len(lines)-n], fmt.Sprintf("… %d lines more: %s", n, where))
	}
	for i, l := range lines {
		lines[i] = fitLine(l, width)
	}
	return strings.Join(lines, "\n")
}

func fitLine(line string, width int) string {
	if printed(line) <= width {
		return line
	}
	var b strings.Builder
	at, coloured := 0, false
	for len(line) > 0 && at < width-1 {
		if n := sgr(line); n > 0 {
			b.WriteString(line[:n])
			line, coloured = line[n:], true
			continue
		}
		r, n := utf8.DecodeRuneInString(line)
		b.WriteRune(r)
		line, at = line[n:], at+1
	}
	if coloured {
		b.WriteString("\x1b[0m")
	}
	return b.String() + "…"
}

// printed counts the columns of a line.
func printed(line string) int {
	n := 0
	for len(line) > 0 {
		if m := sgr(line); m > 0 {
			line = line[m:]
			continue
		}
		_, m := utf8.DecodeRuneInString(line)
		line, n = line[m:], n+1
	}
	return n
}

// sgr is how long the colour is that a text begins with, 0 if none does.
func sgr(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	return strings.IndexByte(s, 'm') + 1
}
