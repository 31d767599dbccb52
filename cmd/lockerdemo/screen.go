package main

import (
	"fmt"
	"slices"
	"strings"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

// The smallest screen on which everything fits.
const (
	minWidth  = 80
	minHeight = 24
)

// Rows that are always there, from the top and from the bottom.
const (
	gridRow   = 2
	gridRows  = 4
	cellWidth = 6
	legendRow = gridRow + gridRows
	stockRow  = legendRow + 1
	fleetRow  = stockRow + 1
	feedRow   = fleetRow + 2
	footRows  = 4 // a rule and two lines beside the input line
	minCodes  = 4 // rows of two
)

const prompt = "scan> "

// frame draws everything, the cursor last.
func (l *live) frame(w, h int) string {
	c := newCanvas(w, h, l.bare)
	switch {
	case w < minWidth || h < minHeight:
		c.put(0, 0, bold, fmt.Sprintf("This window is %dx%d.", w, h))
		c.put(0, 1, plain, fmt.Sprintf("Make it %dx%d or more.", minWidth, minHeight))
	case l.page != nil:
		l.page(l, c)
	default:
		l.bank(c)
	}
	typed := l.line.tail(w - len(prompt) - 1)
	y := h - 2
	c.bar(y, plain, ' ')
	c.put(c.put(0, y, bold, prompt), y, plain, typed)
	return c.String() + fmt.Sprintf("\x1b[%d;%dH", y+1, len(prompt)+len(typed)+1) + showCursor
}

func (l *live) bank(c *canvas) {
	l.head(c)
	x := 0
	for _, k := range cabinets() {
		cols := (k.doors + gridRows - 1) / gridRows
		c.put(x, gridRow-1, bold, fmt.Sprintf("Locker %d", k.number))
		c.put(x+9, gridRow-1, faint, k.family)
		l.grid(c, &k, x, cols)
		x += cols*cellWidth + 2
	}
	c.put(0, legendRow, faint, "[07*] item inside   [07~] in doubt   /07 / open   x07 x out   ?07 ? unknown")
	l.stockLine(c)
	l.fleetLine(c)
	codes := minCodes + (c.h-minHeight)/4
	codeRow := c.h - footRows - codes
	l.events(c, feedRow, codeRow-1)
	l.codeLines(c, codeRow, codes)
	c.put(0, c.h-4, moodStyle(l.note.mood), l.note.text)
	c.put(0, c.h-1, faint, "type 1 to 7   qr 4   stock   report   jam 2-03   force 1-05   help   quit")
}

func (l *live) head(c *canvas) {
	c.bar(0, title, ' ')
	s := &l.view.status
	state := "ready"
	switch {
	case l.view.err != nil:
		state = "does not answer: " + l.view.err.Error()
	case !s.Ready:
		state = "starting"
	}
	c.put(1, 0, title, fmt.Sprintf("lockerd demo   bank %q is %s", "demo", state))
	right := fmt.Sprintf("%d open, %d out of service, %d unknown ", s.Open, s.Out, s.Unknown)
	c.put(c.w-len(right), 0, title, right)
}

// grid draws the doors of one cabinet, row by row.
func (l *live) grid(c *canvas, k *cabinet, x0, cols int) {
	i := 0
	for n := range l.view.doors {
		d := &l.view.doors[n]
		if int(d.ID.Locker) != k.number {
			continue
		}
		text, st := cell(d)
		c.put(x0+i%cols*cellWidth, gridRow+i/cols, st, text)
		i++
	}
}

// cell is one door in five characters.
func cell(d *bank.DoorStatus) (string, style) {
	mark := ' '
	switch {
	case d.Item == nil:
	case d.Item.Condition == locker.Ready:
		mark = '*'
	default:
		mark = '~'
	}
	form, st := "[%02d%c]", faint
	switch {
	case d.State == "open":
		form, st = "/%02d%c/", opened
	case d.State != "closed":
		form, st = "?%02d%c?", yellow
	case d.Pending:
		form, st = ">%02d%c<", title
	case len(d.Out) > 0:
		form, st = "x%02d%cx", broken
	case mark == '*':
		st = bold
	case mark == '~':
		st = yellow
	}
	return fmt.Sprintf(form, d.ID.Door, mark), st
}

func (l *live) stockLine(c *canvas) {
	parts := make([]string, 0, len(l.view.stock))
	for _, s := range l.view.stock {
		parts = append(parts, fmt.Sprintf("%s %d", s.SKU, s.Count))
	}
	x := c.put(0, stockRow, bold, "Stock ")
	x = c.put(x, stockRow, plain, strings.Join(parts, "   "))
	if i := slices.IndexFunc(l.view.doors, func(d bank.DoorStatus) bool { return d.Named && d.Item != nil }); i >= 0 {
		c.put(x, stockRow, faint, fmt.Sprintf("   (what is in %s is promised to a code)", l.view.doors[i].ID))
	}
}

// fleetLine is the bank as the backend sees it, over the broker.
func (l *live) fleetLine(c *canvas) {
	a := &l.view.above
	x := c.put(0, fleetRow, bold, "Fleet ")
	switch {
	case l.fleet.server == nil:
		x = c.put(x, fleetRow, red, "network down   ")
	case a.Online:
		x = c.put(x, fleetRow, green, "online   ")
	default:
		x = c.put(x, fleetRow, yellow, "bank not there   ")
	}
	x = c.put(x, fleetRow, plain, fmt.Sprintf("%d of %d events acknowledged", a.Journal.Stored, max(l.view.status.Journal.Next, 1)-1))
	parts := make([]string, 0, len(a.Stock))
	for _, s := range a.Stock {
		parts = append(parts, fmt.Sprintf("%s %d", s.SKU, s.Count))
	}
	c.put(x, fleetRow, faint, "   stock there: "+strings.Join(parts, "  "))
}

// events draws the newest events that fit between two rows, the latest below.
func (l *live) events(c *canvas, from, to int) {
	rule(c, from-1, "What happens")
	list, _ := l.feed.after(l.loaded)
	list = slices.DeleteFunc(list, func(e locker.Event) bool { return tell(&e, l.codes.name).mood == hidden })
	list = list[max(0, len(list)-(to-from)):]
	if len(list) == 0 {
		c.put(0, from, plain, "Nothing yet. Type 1 and Enter: the scanner then reads code 1.")
	}
	for i := range list {
		s := tell(&list[i], l.codes.name)
		x := c.put(0, from+i, faint, list[i].At.Time().Local().Format("15:04:05 "))
		c.put(x, from+i, moodStyle(s.mood), s.text)
	}
}

func rule(c *canvas, y int, text string) {
	c.bar(y, faint, '─')
	c.put(2, y, faint, " "+text+" ")
}

func moodStyle(m mood) style {
	switch m {
	case glad:
		return green
	case wary:
		return yellow
	case alarm:
		return red
	case calm, hidden:
	}
	return plain
}

// codeLines draws the newest codes, two in a row, column by column. Their texts are on
// their own pages (qr).
func (l *live) codeLines(c *canvas, y, rows int) {
	rule(c, y-1, "Codes")
	list := l.codes.list[max(0, len(l.codes.list)-2*rows):]
	for i, k := range list {
		l.codeLine(c, i/rows*(c.w/2), y+i%rows, c.w/2-2, k)
	}
}

func (l *live) codeLine(c *canvas, x, y, width int, k *code) {
	s, known := l.view.codes[k.id]
	state, st := "", faint
	switch {
	case !known:
	case s.State == backend.StateLive:
		state, st = "good", green
		n := s.Code.MaxUses()
		if n > 1 {
			state = fmt.Sprintf("%d of %d", s.Used, n)
		}
		if n > 0 && s.Used >= n {
			state, st = "used", faint
		}
	default:
		state = s.State
	}
	end := x + width - len(state)
	x = c.put(x, y, bold, fmt.Sprintf("%2d  ", k.number))
	c.cut(x, y, plain, fmt.Sprintf("%.*s", max(end-x-1, 0), k.words))
	c.put(end, y, st, state)
}
