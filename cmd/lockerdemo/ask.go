package main

import (
	"context"
	"strings"
)

// Orders that show what lockerctl tells.

func showStock(_ context.Context, l *live, _ string) (string, error) {
	return l.tells("stock", "stock", "stock --items")
}

func showReport(_ context.Context, l *live, _ string) (string, error) {
	return l.tells("report", "report")
}

func showVerify(_ context.Context, l *live, _ string) (string, error) {
	return l.tells("journal verify", "journal verify")
}

// tells shows the output of some command lines of lockerctl on a page.
func (l *live) tells(name string, lines ...string) (string, error) {
	var all []string
	for _, line := range lines {
		out, err := l.codes.tool.run(strings.Fields(line)...)
		if err != nil {
			return "", err
		}
		all = append(all, strings.Split(strings.TrimRight(out, "\n"), "\n")...)
		all = append(all, "")
	}
	l.page = toolPage("lockerctl "+name, all)
	return "", nil
}

// toolPage shows lines; what does not fit is told to be elsewhere.
func toolPage(head string, lines []string) page {
	return func(l *live, c *canvas) {
		c.bar(0, title, ' ')
		c.put(1, 0, title, head)
		var rows []string
		for _, line := range lines {
			rows = append(rows, folded(line, c.w)...)
		}
		room := c.h - footRows - 2
		for i, row := range rows[:min(len(rows), max(room, 0))] {
			c.cut(0, 2+i, plain, row)
		}
		if len(rows) > room {
			c.cut(0, c.h-4, faint, "More: .bin/lockerctl --socket "+l.socket+" "+strings.TrimPrefix(head, "lockerctl "))
		}
		c.put(0, c.h-1, bold, "Enter goes back to the bank.")
	}
}

// folded breaks a line that is wider than the screen, between words where it can; what
// follows is indented.
func folded(line string, width int) []string {
	const indent = "    "
	var rows []string
	rest := []rune(line)
	for len(rest) > width && width > 2*len(indent) {
		at := width
		for i := width; i > width/2; i-- {
			if rest[i] == ' ' {
				at = i
				break
			}
		}
		rows = append(rows, string(rest[:at]))
		rest = append([]rune(indent), []rune(strings.TrimLeft(string(rest[at:]), " "))...)
	}
	return append(rows, string(rest))
}
