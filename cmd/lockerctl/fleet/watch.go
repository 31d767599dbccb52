package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/locker"
	"lockerd/sync/backend"
)

const watchHelp = `On a terminal (but TERM=dumb) the table is drawn anew each second until interrupted. Where not all
fits, alarms come first, then the banks that have some, then those away. Elsewhere,
and with --once, it is printed once, in the order of names. With --json each bank is a line, again whenever
something of it has changed; with --once, one document. OUT are doors out of
service, LAG events that the bank has and this state has not. Of a bank that is away
the row tells what was when it was SEEN; - is not known. Alarms stand below the table,
each with its bank.`

const watchEvery = time.Second

func watchVerb(fs *flag.FlagSet) action {
	once := fs.Bool("once", false, "print the table once")
	return func(ctx context.Context, c *call) error {
		d, err := c.at(ctx, "")
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // nothing is left to be done
		return c.watch(ctx, d, *once)
	}
}

func (c *call) watch(ctx context.Context, d desk, once bool) error {
	switch draws := c.tty && c.getenv("TERM") != "dumb"; {
	case once || !draws && !c.json:
		return c.watchOnce(ctx, d)
	case c.json:
		return c.watchLines(ctx, d)
	}
	return c.watchLive(ctx, d)
}

func (c *call) watchOnce(ctx context.Context, d desk) error {
	var f fleetPage
	if err := d.ask(ctx, "banks", struct{}{}, &f); err != nil {
		return err
	}
	return c.print(f, func(p *ui.Page) { fleetTable(p, &f) })
}

// watchLive draws the table over itself. A serve that ends is awaited: what was known
// last stands there meanwhile.
func (c *call) watchLive(ctx context.Context, d desk) error {
	ui.Emit(c.out, "\x1b[?25l")           // no cursor meanwhile
	defer ui.Emit(c.out, "\x1b[?25h\r\n") // flushed by run
	var shown *fleetPage
	for {
		f := &fleetPage{}
		switch err := d.ask(ctx, "banks", struct{}{}, f); {
		case err == nil:
			shown = f
		case ctx.Err() != nil || shown == nil:
			return over(ctx, err)
		default:
			shown.At, shown.Connected, shown.Failed = now(), false, err.Error()
		}
		ui.Emit(c.out, "\x1b[H\x1b[J%s", c.screen(shown))
		if err := c.out.Flush(); err != nil {
			return err
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

// screen fits the fleet to the terminal. Where not all fits, alarms stand above the table,
// on a third of the screen, and banks in the order of their need.
func (c *call) screen(f *fleetPage) string {
	width, height := c.size()
	var text bytes.Buffer
	p := &ui.Page{W: &text, Colour: c.colour()}
	if fleetTable(p, f); bytes.Count(text.Bytes(), []byte("\n")) > height {
		text.Reset()
		slices.SortStableFunc(f.Banks, func(a, b backend.Status) int { return cmp.Compare(ease(&a), ease(&b)) })
		fleetHead(p, f)
		if alarms, left := fleetAlarms(f, height/3); alarms.Len() > 0 {
			p.Table(alarms)
			if left > 0 {
				p.Line("… %d alarms more", left)
			}
			p.Line("")
		}
		p.Table(fleetRows(f))
	}
	return ui.Fit(text.String(), width, height, "lockerctl fleet watch --once has all; Ctrl-C ends")
}

// ease is how little a bank needs a person.
func ease(b *backend.Status) int {
	switch {
	case len(b.Alarms) > 0:
		return 0
	case !b.Online:
		return 1
	}
	return 2
}

// watchLines prints a bank whenever something of it has changed.
func (c *call) watchLines(ctx context.Context, d desk) error {
	c.wrote = true
	last := map[string][]byte{}
	for {
		var f fleetPage
		if err := d.ask(ctx, "banks", struct{}{}, &f); err != nil {
			return over(ctx, err)
		}
		for i := range f.Banks {
			if err := c.line(&f.Banks[i], last); err != nil {
				return err
			}
		}
		if err := c.out.Flush(); err != nil {
			return err
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *call) line(b *backend.Status, last map[string][]byte) error {
	quiet := *b
	quiet.Seen, quiet.Health = 0, nil // they change with each heartbeat
	key, err := json.Marshal(quiet)
	if err != nil || bytes.Equal(key, last[b.Bank]) {
		return err
	}
	last[b.Bank] = key
	return json.NewEncoder(c.out).Encode(b)
}

// over makes an interruption the end it is.
func over(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func fleetTable(p *ui.Page, f *fleetPage) {
	fleetHead(p, f)
	if len(f.Banks) == 0 {
		return
	}
	p.Table(fleetRows(f))
	alarms, _ := fleetAlarms(f, math.MaxInt)
	p.Section(alarms)
}

func fleetHead(p *ui.Page, f *fleetPage) {
	if !f.Connected {
		notConnected(p, f.Failed)
	}
	if len(f.Banks) == 0 {
		p.Line("no bank has been heard of yet")
		return
	}
	online, alarmed := 0, 0
	for i := range f.Banks {
		if f.Banks[i].Online {
			online++
		}
		if len(f.Banks[i].Alarms) > 0 {
			alarmed++
		}
	}
	p.Line("%d banks, %d online, %d with alarms  %s", len(f.Banks), online, alarmed, ui.Local(f.At))
}

func notConnected(p *ui.Page, why string) {
	p.Line("%s", ui.Paint("not connected: "+ui.Clean(why), ui.Bad, p.Colour))
}

// fleetAlarms lists alarms, each with its bank, and counts those beyond most.
func fleetAlarms(f *fleetPage, most int) (t *ui.Table, left int) {
	t = &ui.Table{}
	for i := range f.Banks {
		for _, a := range f.Banks[i].Alarms {
			if t.Len() == most {
				left++
				continue
			}
			t.Row(ui.Plain(f.Banks[i].Bank), ui.Tinted(a, ui.Bad))
		}
	}
	return t, left
}

func bankTable() *ui.Table {
	return &ui.Table{Head: []string{"BANK", "STATE", "SEEN", "VERSION", "DOORS", "OPEN", "OUT", "STOCK LOW", "CODES", "DESIRED", "EVENTS", "LAG", "ALARMS"}}
}

func fleetRows(f *fleetPage) *ui.Table {
	t := bankTable()
	for i := range f.Banks {
		fleetRow(t, &f.Banks[i], f.At)
	}
	return t
}

func fleetRow(t *ui.Table, b *backend.Status, at locker.Time) {
	state := ui.Tinted("offline", ui.Bad)
	switch {
	case b.Online:
		state = ui.Tinted("online", ui.Good)
	case b.Reason != "":
		state = ui.Tinted(b.Reason, ui.Notice)
	}
	lag := uint64(0)
	if b.Journal.Next > b.Journal.Stored+1 {
		lag = b.Journal.Next - b.Journal.Stored - 1
	}
	total, open, out := ui.Plain(fmt.Sprint(b.Doors.Total)), count(b.Doors.Open, ui.Notice), count(b.Doors.Out, ui.Bad)
	if b.Doors.Total == 0 { // no bank has none: it has not shown them
		total, open, out = ui.Plain("-"), ui.Plain("-"), ui.Plain("-")
	}
	t.Row(
		ui.Plain(b.Bank), state, ui.Plain(ago(b.Seen, at)), ui.Plain(ui.OrDash(b.Version)), total, open, out,
		lowCell(b), codesCell(b), docCell(b.Desired.State), ui.Plain(fmt.Sprint(b.Journal.Stored)),
		count(int(min(lag, 1<<31)), ui.Notice), count(len(b.Alarms), ui.Bad), //nolint:gosec // bounded
	)
}

func ago(t, at locker.Time) string {
	if t.IsZero() {
		return "never"
	}
	return ui.Span(max(at.Sub(t), 0)) + " ago"
}

func count(n int, colour string) ui.Cell {
	if n == 0 {
		return ui.Plain("0")
	}
	return ui.Tinted(fmt.Sprint(n), colour)
}

func lowCell(b *backend.Status) ui.Cell {
	var low []string
	for _, l := range b.Low {
		low = append(low, fmt.Sprintf("%s %d/%d", l.SKU, l.Count, *l.Min))
	}
	if len(low) == 0 {
		return ui.Plain("-")
	}
	return ui.Tinted(strings.Join(low, ", "), ui.Notice)
}

// codesCell counts live codes, and says if the bank has not got all yet.
func codesCell(b *backend.Status) ui.Cell {
	n, behind := 0, false
	for _, s := range b.Sets {
		n += s.Live
		behind = behind || !s.Applied
	}
	if behind {
		return ui.Tinted(fmt.Sprintf("%d pending", n), ui.Notice)
	}
	return ui.Plain(fmt.Sprint(n))
}

func docCell(state string) ui.Cell {
	switch state {
	case backend.DocApplied:
		return ui.Tinted(state, ui.Good)
	case backend.DocRejected:
		return ui.Tinted(state, ui.Bad)
	case backend.DocPending:
		return ui.Tinted(state, ui.Notice)
	}
	return ui.Plain("-")
}

func showVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		d, err := c.at(ctx, c.args[0])
		if err != nil {
			return err
		}
		defer func() { _ = d.close() }() // nothing is left to be done
		var b bankShown
		if err := d.ask(ctx, "bank", bankQuery{Bank: c.args[0]}, &b); err != nil {
			return err
		}
		return c.print(b, func(p *ui.Page) {
			if b.Failed != "" {
				notConnected(p, b.Failed)
			}
			bankPage(p, &b.Status)
		})
	}
}

func bankPage(p *ui.Page, b *backend.Status) {
	head := bankTable()
	fleetRow(head, b, now())
	p.Table(head)
	t := &ui.Table{}
	j := b.Journal
	t.Row(ui.Plain("journal"), ui.Plain(fmt.Sprintf("%s, stored to %d, %d breaks, %d holes, %d gaps", ui.OrDash(j.ID), j.Stored, j.Breaks, j.Holes, j.Gaps)))
	t.Row(ui.Plain("last hash"), ui.Plain(ui.OrDash(j.Hash)))
	t.Row(ui.Plain("clock"), ui.Plain(ui.OrDash(string(b.Clock))))
	t.Row(ui.Plain("connection"), ui.Plain(fmt.Sprintf("boot %d, connection %d", b.Boot, b.Conn)))
	t.Row(ui.Plain("trust"), ui.Plain(fmt.Sprintf("version %d, current: %t", b.Trust.Version, b.Trust.Current)))
	t.Row(ui.Plain("desired"), ui.Plain(strings.TrimSpace(fmt.Sprintf("version %d %s %s", b.Desired.Version, b.Desired.State, b.Desired.Why))))
	if u := b.Update; u != nil {
		t.Row(ui.Plain("update"), ui.Plain(strings.TrimSpace(fmt.Sprintf("%s %s %s %s", u.Version, u.Phase, ui.Local(u.At), u.Why))))
	}
	p.Section(t)
	stock := &ui.Table{Head: []string{"TENANT", "SKU", "COUNT", "MIN"}}
	for _, l := range b.Stock {
		least := "-"
		if l.Min != nil {
			least = fmt.Sprint(*l.Min)
		}
		stock.Row(ui.Plain(ui.OrDash(l.Tenant)), ui.Plain(l.SKU), ui.Plain(fmt.Sprint(l.Count)), ui.Plain(least))
	}
	if len(b.Stock) > 0 {
		p.Section(stock)
	}
	more := &ui.Table{}
	for _, a := range b.Alarms {
		more.Row(ui.Plain("alarm"), ui.Tinted(a, ui.Bad))
	}
	for _, f := range b.Findings {
		more.Row(ui.Plain(f.Kind), ui.Tinted(f.Text, ui.Notice), ui.Plain(fmt.Sprintf("%d times, last %s", f.N, ui.Local(f.At))))
	}
	p.Section(more)
}
