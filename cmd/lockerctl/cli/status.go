package cli

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

func statusVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		s, err := c.client().Status(ctx)
		if err != nil {
			return err
		}
		return c.print(s, func(p *ui.Page) { statusPage(p, &s) })
	}
}

func statusPage(p *ui.Page, s *bank.Status) {
	t := &ui.Table{}
	ready := ui.Tinted("ready", ui.Good)
	if !s.Ready {
		ready = ui.Tinted("not ready: no door can be opened yet", ui.Bad)
	}
	t.Row(ui.Plain("bank"), ui.Plain(s.Bank), ready)
	t.Row(ui.Plain("version"), ui.Plain(s.Version), ui.Plain(fmt.Sprintf("boot %d, up %s", s.Boot, ui.Span(s.Up))))
	t.Row(ui.Plain("time"), ui.Plain(ui.Local(s.Time)), clockCell(s.Clock))
	t.Row(ui.Plain("doors"), ui.Plain(strconv.Itoa(s.Doors)), doorCounts(s))
	t.Row(ui.Plain("journal"), ui.Plain(s.Journal.ID), ui.Plain(journalLine(s.Journal)))
	linkRows(t, s.Link)
	p.Table(t)
	p.Section(busTable(s.Buses))
	p.Section(boardTable(s.Buses))
	p.Section(scannerTable(s.Scanners))
	p.Section(visitTable(s.Visits))
	p.Section(nextTable(s))
	p.Section(setTable(s))
}

// linkRows show the link to the broker, and what to do if there is none.
func linkRows(t *ui.Table, l *bank.LinkStatus) {
	if l == nil {
		return
	}
	state := ui.Tinted("connected since "+ui.Local(l.Since), ui.Good)
	if !l.Connected {
		state = ui.Tinted("not connected since "+ui.Local(l.Since), ui.Bad)
	}
	t.Row(ui.Plain("broker"), ui.Plain(l.URL), state)
	acked := "nothing acknowledged yet"
	if l.Acked > 0 {
		acked = fmt.Sprintf("acknowledged up to event %d", l.Acked)
	}
	if !l.AckedAt.IsZero() {
		acked += ", " + ui.Local(l.AckedAt)
	}
	t.Row(ui.Plain("backend"), ui.Plain(fmt.Sprintf("%d events to go up", l.Pending)), ui.Plain(acked))
	if l.Error != "" {
		t.Row(ui.Plain(""), ui.Plain(l.Error), ui.Tinted(l.Cure, ui.Notice))
	}
}

func journalLine(j bank.JournalStatus) string {
	if j.Next <= j.First {
		return "empty"
	}
	return fmt.Sprintf("events %d to %d, %s", j.First, j.Next-1, size(j.Bytes))
}

// size shows bytes in the largest unit that leaves a whole digit.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}

func doorCounts(s *bank.Status) ui.Cell {
	c := ui.Cell{Text: fmt.Sprintf("%d open, %d out of service, %d unknown", s.Open, s.Out, s.Unknown)}
	if s.Out > 0 || s.Unknown > 0 {
		c.Colour = ui.Notice
	}
	return c
}

func clockCell(k locker.Clock) ui.Cell {
	switch k {
	case locker.ClockSynced:
		return ui.Tinted("clock synced", ui.Good)
	case locker.ClockHeld:
		return ui.Tinted("clock held: was synced earlier in this boot, or a signed time came", ui.None)
	case locker.ClockUnset:
		return ui.Tinted("clock unset: codes whose window has not begun are refused", ui.Bad)
	}
	return ui.Plain("clock " + string(k))
}

// stateCell colours a state word of buses, boards, scanners and doors.
func stateCell(s string) ui.Cell {
	switch s {
	case "ok", "up":
		return ui.Tinted(s, ui.Good)
	case "lost", "down":
		return ui.Tinted(s, ui.Bad)
	case "unknown", "starting", "open":
		return ui.Tinted(s, ui.Notice)
	}
	return ui.Plain(s)
}

func busTable(list []bank.BusStatus) *ui.Table {
	t := &ui.Table{Head: []string{"BUS", "DRIVER", "PORT", "STATE", "SENT", "TIMEOUTS", "GARBAGE", "SWEEP", "LAST ERROR"}}
	for _, b := range list {
		state := "down"
		if b.Stats.Up {
			state = "up"
		}
		t.Row(ui.Plain(b.Name), ui.Plain(b.Driver), ui.Plain(ui.OrDash(b.Stats.Port)), stateCell(state), number(b.Stats.Requests),
			number(b.Stats.Timeouts), number(b.Stats.Garbage), ui.Plain(fmt.Sprintf("%d ms", b.Stats.SweepMS)), ui.Plain(ui.OrDash(b.Stats.LastError)))
	}
	return t
}

func number(n uint64) ui.Cell { return ui.Plain(strconv.FormatUint(n, 10)) }

func boardTable(list []bank.BusStatus) *ui.Table {
	t := &ui.Table{Head: []string{"BOARD", "STATE", "ERROR"}}
	for _, b := range list {
		for _, board := range b.Boards {
			t.Row(ui.Plain(fmt.Sprintf("%s:%d", b.Name, board.Address)), stateCell(board.State), ui.Plain(ui.OrDash(board.Error)))
		}
	}
	return t
}

func scannerTable(list []bank.ScannerStatus) *ui.Table {
	t := &ui.Table{Head: []string{"SCANNER", "STATE", "ERROR"}}
	for _, s := range list {
		t.Row(ui.Plain(s.Name), stateCell(s.State), ui.Plain(ui.OrDash(s.Error)))
	}
	return t
}

// nextTable says what a person does next: at an open door, after a refusal.
func nextTable(s *bank.Status) *ui.Table {
	t := &ui.Table{}
	for _, v := range s.Visits {
		if v.Text != "" {
			t.Row(ui.Plain(v.Scanner), ui.Plain(v.Visit), ui.Plain(v.Text))
		}
	}
	for _, sc := range s.Scanners {
		if r := sc.Refused; r != nil {
			t.Row(ui.Plain(sc.Name), ui.Tinted("refused "+string(r.Reason)+", "+ui.Local(r.At), ui.Notice), ui.Plain(r.Text))
		}
	}
	return t
}

func visitTable(list []bank.VisitStatus) *ui.Table {
	t := &ui.Table{Head: []string{"VISIT", "SCANNER", "KIND", "REF", "DOOR", "STAGE"}}
	for _, v := range list {
		t.Row(ui.Plain(v.Visit), ui.Plain(v.Scanner), ui.Plain(string(v.Kind)), ui.Plain(ui.OrDash(v.Ref)), ui.Plain(ui.OrDash(v.Door)), ui.Plain(v.Stage))
	}
	return t
}

func setTable(s *bank.Status) *ui.Table {
	t := &ui.Table{Head: []string{"CODES OF", "LIVE", "VERSION", "CONFIRMED"}}
	for _, name := range slices.Sorted(maps.Keys(s.Codes)) {
		set := s.Codes[name]
		version, confirmed := fmt.Sprintf("%d/%d", set.Epoch, set.Version), "never"
		if !set.Confirmed.IsZero() {
			confirmed = ui.Span(s.Time.Sub(set.Confirmed)) + " ago"
		}
		if name == locker.SetLocal {
			version, confirmed = "-", "-"
		}
		t.Row(ui.Plain(name), ui.Plain(strconv.Itoa(set.Count)), ui.Plain(version), ui.Plain(confirmed))
	}
	return t
}

// causes lists why a door is out of service.
func causes(list []locker.Cause) string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = string(c)
	}
	return strings.Join(texts, ", ")
}
