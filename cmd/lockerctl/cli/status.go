package cli

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lockerd/daemon/bank"
	"lockerd/daemon/locker"
)

func statusVerb(*flag.FlagSet) action {
	return func(ctx context.Context, c *call) error {
		s, err := c.client().Status(ctx)
		if err != nil {
			return err
		}
		return c.print(s, func(p *page) { statusPage(p, &s) })
	}
}

func statusPage(p *page, s *bank.Status) {
	t := &table{}
	ready := cell{"ready", good}
	if !s.Ready {
		ready = cell{"not ready: no door can be opened yet", bad}
	}
	t.row(plain("bank"), plain(s.Bank), ready)
	t.row(plain("version"), plain(s.Version), plain(fmt.Sprintf("boot %d, up %s", s.Boot, span(s.Up))))
	t.row(plain("time"), plain(local(s.Time)), clockCell(s.Clock))
	t.row(plain("doors"), plain(strconv.Itoa(s.Doors)), doorCounts(s))
	t.row(plain("journal"), plain(s.Journal.ID), plain(journalLine(s.Journal)))
	linkRows(t, s.Link)
	p.table(t)
	p.section(busTable(s.Buses))
	p.section(boardTable(s.Buses))
	p.section(scannerTable(s.Scanners))
	p.section(visitTable(s.Visits))
	p.section(setTable(s))
}

// linkRows show the link to the broker, and what to do if there is none.
func linkRows(t *table, l *bank.LinkStatus) {
	if l == nil {
		return
	}
	state := cell{"connected since " + local(l.Since), good}
	if !l.Connected {
		state = cell{"not connected since " + local(l.Since), bad}
	}
	t.row(plain("broker"), plain(l.URL), state)
	acked := "nothing acknowledged yet"
	if l.Acked > 0 {
		acked = fmt.Sprintf("acknowledged up to event %d", l.Acked)
	}
	if !l.AckedAt.IsZero() {
		acked += ", " + local(l.AckedAt)
	}
	t.row(plain("backend"), plain(fmt.Sprintf("%d events to go up", l.Pending)), plain(acked))
	if l.Error != "" {
		t.row(plain(""), plain(l.Error), cell{l.Cure, notice})
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

func doorCounts(s *bank.Status) cell {
	c := cell{text: fmt.Sprintf("%d open, %d out of service, %d unknown", s.Open, s.Out, s.Unknown)}
	if s.Out > 0 || s.Unknown > 0 {
		c.colour = notice
	}
	return c
}

func clockCell(k locker.Clock) cell {
	switch k {
	case locker.ClockSynced:
		return cell{"clock synced", good}
	case locker.ClockHeld:
		return cell{"clock held: was synced earlier in this boot, or a signed time came", none}
	case locker.ClockUnset:
		return cell{"clock unset: codes whose window has not begun are refused", bad}
	}
	return plain("clock " + string(k))
}

// stateCell colours a state word of buses, boards, scanners and doors.
func stateCell(s string) cell {
	switch s {
	case "ok", "up":
		return cell{s, good}
	case "lost", "down":
		return cell{s, bad}
	case "unknown", "starting", "open":
		return cell{s, notice}
	}
	return plain(s)
}

func busTable(list []bank.BusStatus) *table {
	t := &table{head: []string{"BUS", "DRIVER", "PORT", "STATE", "SENT", "TIMEOUTS", "GARBAGE", "SWEEP", "LAST ERROR"}}
	for _, b := range list {
		state := "down"
		if b.Stats.Up {
			state = "up"
		}
		t.row(plain(b.Name), plain(b.Driver), plain(orDash(b.Stats.Port)), stateCell(state), number(b.Stats.Requests),
			number(b.Stats.Timeouts), number(b.Stats.Garbage), plain(fmt.Sprintf("%d ms", b.Stats.SweepMS)), plain(orDash(b.Stats.LastError)))
	}
	return t
}

func number(n uint64) cell { return plain(strconv.FormatUint(n, 10)) }

func boardTable(list []bank.BusStatus) *table {
	t := &table{head: []string{"BOARD", "STATE", "ERROR"}}
	for _, b := range list {
		for _, board := range b.Boards {
			t.row(plain(fmt.Sprintf("%s:%d", b.Name, board.Address)), stateCell(board.State), plain(orDash(board.Error)))
		}
	}
	return t
}

func scannerTable(list []bank.ScannerStatus) *table {
	t := &table{head: []string{"SCANNER", "STATE", "ERROR"}}
	for _, s := range list {
		t.row(plain(s.Name), stateCell(s.State), plain(orDash(s.Error)))
	}
	return t
}

func visitTable(list []bank.VisitStatus) *table {
	t := &table{head: []string{"VISIT", "SCANNER", "KIND", "REF", "DOOR", "STAGE"}}
	for _, v := range list {
		t.row(plain(v.Visit), plain(v.Scanner), plain(string(v.Kind)), plain(orDash(v.Ref)), plain(orDash(v.Door)), plain(v.Stage))
	}
	return t
}

func setTable(s *bank.Status) *table {
	t := &table{head: []string{"CODES OF", "LIVE", "VERSION", "CONFIRMED"}}
	for _, name := range slices.Sorted(maps.Keys(s.Codes)) {
		set := s.Codes[name]
		version, confirmed := fmt.Sprintf("%d/%d", set.Epoch, set.Version), "never"
		if !set.Confirmed.IsZero() {
			confirmed = span(s.Time.Sub(set.Confirmed)) + " ago"
		}
		if name == locker.SetLocal {
			version, confirmed = "-", "-"
		}
		t.row(plain(name), plain(strconv.Itoa(set.Count)), plain(version), plain(confirmed))
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
