package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
	"lockerd/daemon/report"
)

// A terminal shows so many lines of a table; --json and --html show all.
const reportLines = 20

func promisePage(p *ui.Page, r *report.Report) {
	z := zoneOf(r)
	p.Line("%s, %s to %s", r.Bank, begin(r, z), stamp(r.To, z))
	p.Line("%s", sourceLine(r, z))
	p.Line("")
	p.Line("%s", promiseLine(r))
	titled(p, "VISITS", visitsTable(r))
	titled(p, "TIMES SINCE THE SCAN", stagesTable(r))
	titled(p, "REFUSED SCANS", refusalsTable(r))
	titled(p, "TROUBLES", troublesTable(r))
	titled(p, busyTitle(r, z), weekTable(r))
	titled(p, "OLDEST ITEMS", itemsTable(r, z))
	titled(p, "WEAR", wearTable(r))
}

// titled prints a table below its title, if it has lines.
func titled(p *ui.Page, title string, t *ui.Table) {
	if t.Len() > 0 {
		p.Line("")
		p.Line("%s", title)
		p.Table(t)
	}
}

func zoneOf(r *report.Report) *time.Location {
	z, err := time.LoadLocation(r.Timezone)
	if err != nil {
		return time.UTC
	}
	return z
}

// stamp is a moment as the bank's people write it.
func stamp(t locker.Time, z *time.Location) string {
	if t.IsZero() {
		return "-"
	}
	return t.Time().In(z).Format("2006-01-02 15:04 MST")
}

func begin(r *report.Report, z *time.Location) string {
	return stamp(cmp.Or(r.From, r.Journal.Oldest, r.To), z)
}

// sourceLine says what the report was made from, and what it can't know.
func sourceLine(r *report.Report, z *time.Location) string {
	j := &r.Journal
	if j.Events == 0 {
		return "the journal holds no event of this time: nothing has happened, or lockerd has pruned it"
	}
	s := fmt.Sprintf("from %d events, %s to %s", j.Events, stamp(j.Oldest, z), stamp(j.Newest, z))
	if j.First > 1 || j.Gaps > 0 {
		s += fmt.Sprintf("; the journal begins with event %d and has %d gaps: older events are pruned", j.First, j.Gaps)
	}
	if j.Boots > 1 {
		s += fmt.Sprintf("; lockerd started %d times, %d of them after a crash or a power cut", j.Boots, j.Crash)
	}
	return s
}

func promiseLine(r *report.Report) string {
	p := &r.Promise
	if p.Visits == 0 {
		return "60-second promise: nobody has collected, returned or swapped anything"
	}
	return fmt.Sprintf("60-second promise: kept for %s of %d visits (collect, return, swap): %d within, %d later, %d not done",
		share(p.Within, p.Visits), p.Visits, p.Within, p.Over, p.Not)
}

// share is a part in percent. It is never rounded up to all.
func share(n, of int) string {
	if of == 0 {
		return "-"
	}
	per := n * 1000 / of
	return fmt.Sprintf("%d.%d %%", per/10, per%10)
}

func count(n int) ui.Cell {
	if n == 0 {
		return ui.Plain("-")
	}
	return ui.Plain(strconv.Itoa(n))
}

func visitsTable(r *report.Report) *ui.Table {
	t := &ui.Table{Head: []string{"KIND", "VISITS", "DONE", "REFUSED", "ABANDONED", "IN 60 S"}}
	for i := range r.Visits {
		v := &r.Visits[i]
		within := "-"
		if v.Promised() {
			within = share(v.Within, v.Visits)
		}
		t.Row(ui.Plain(string(v.Kind)), count(v.Visits), count(v.Done), count(v.Refused), count(v.Abandoned), ui.Plain(within))
	}
	return t
}

func stagesTable(r *report.Report) *ui.Table {
	t := &ui.Table{Head: []string{"KIND", "STAGE", "VISITS", "P50", "P95", "MAX"}}
	for i := range r.Visits {
		v := &r.Visits[i]
		for _, s := range []struct {
			name string
			report.Stat
		}{{"decision", v.Decision}, {"pulse", v.Pulse}, {"open", v.Open}, {"close", v.Close}} {
			if s.N > 0 {
				t.Row(ui.Plain(string(v.Kind)), ui.Plain(s.name), count(s.N), ms(s.P50), ms(s.P95), ms(s.Max))
			}
		}
	}
	return t
}

// ms shows milliseconds, from ten seconds on seconds.
func ms(n int64) ui.Cell {
	if n < 10_000 {
		return ui.Plain(fmt.Sprintf("%d ms", n))
	}
	return ui.Plain(fmt.Sprintf("%d.%d s", n/1000, n%1000/100))
}

func refusalsTable(r *report.Report) *ui.Table {
	t := &ui.Table{Head: []string{"SCANS", "REASON", "AT"}}
	for _, f := range r.Refusals {
		at := "scanner " + ui.OrDash(f.Scanner)
		if !f.Door.IsZero() {
			at = "door " + f.Door.String()
		}
		t.Row(ui.Plain(strconv.FormatInt(f.N, 10)), ui.Plain(string(f.Reason)), ui.Plain(at))
	}
	return t
}

func troublesTable(r *report.Report) *ui.Table {
	t := &ui.Table{Head: []string{"DOOR", "JAMMED", "UNCERTAIN", "FORCED", "LEFT OPEN", "ALARM", "RELEASED", "OUT OF SERVICE"}}
	for i := range r.Troubles {
		f := &r.Troubles[i]
		t.Row(ui.Plain(f.Door.String()), count(f.Jammed), count(f.Uncertain), count(f.Forced), count(int(f.Ajar)), count(int(f.Alarm)), count(f.Released), ui.Plain(outText(f.Out)))
	}
	return t
}

func outText(out map[locker.Cause]int) string {
	var parts []string
	for _, c := range slices.Sorted(maps.Keys(out)) {
		parts = append(parts, fmt.Sprintf("%s %d", c, out[c]))
	}
	return ui.OrDash(strings.Join(parts, ", "))
}

func busyTitle(r *report.Report, z *time.Location) string {
	if r.Busy.Openings == 0 {
		return ""
	}
	return fmt.Sprintf("OPENINGS BY HOUR (%s); %d in all, at most %d in one hour: %s", r.Timezone, r.Busy.Openings, r.Busy.Peak, r.Busy.PeakAt.Time().In(z).Format("Mon 2006-01-02 15:04"))
}

// weekTable shows the hours in which anything opened.
func weekTable(r *report.Report) *ui.Table {
	first, last := 24, -1
	for _, day := range r.Busy.Week {
		for h, n := range day {
			if n > 0 {
				first, last = min(first, h), max(last, h)
			}
		}
	}
	t := &ui.Table{Head: []string{""}}
	if last < 0 {
		return t
	}
	for h := first; h <= last; h++ {
		t.Head = append(t.Head, fmt.Sprintf("%02d", h))
	}
	for d, day := range r.Busy.Week {
		row := []ui.Cell{ui.Plain(time.Weekday((d + 1) % 7).String()[:3])}
		for _, n := range day[first : last+1] {
			row = append(row, count(n))
		}
		t.Row(row...)
	}
	return t
}

func itemsTable(r *report.Report, z *time.Location) *ui.Table {
	t := &ui.Table{Head: []string{"DOOR", "ITEM", "SINCE", "FOR", "BROUGHT BY"}}
	for i := range r.Items[:min(len(r.Items), reportLines)] {
		it := &r.Items[i]
		age := "-"
		if !it.Since.IsZero() {
			age = ui.Span(time.Duration(it.AgeS) * time.Second)
		}
		t.Row(ui.Plain(it.Door.String()), itemCell(&it.Item), ui.Plain(stamp(it.Since, z)), ui.Plain(age), ui.Plain(handText(it.Brought)))
	}
	return more(t, len(r.Items))
}

// handText says by whom an item was brought.
func handText(h *ledger.Hand) string {
	switch {
	case h == nil:
		return "before the journal begins"
	case h.By != "":
		return h.By + ", by hand"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s", h.Kind, cmp.Or(h.Ref, h.Set+"/"+h.Code)))
}

// more says that a table goes on elsewhere.
func more(t *ui.Table, n int) *ui.Table {
	if n > reportLines {
		t.Row(ui.Plain("..."), ui.Plain(fmt.Sprintf("%d more: --json or --html shows all", n-reportLines)))
	}
	return t
}

// wearTable shows the doors that need most tries, then those that slow down, then
// those that open most.
func wearTable(r *report.Report) *ui.Table {
	t := &ui.Table{Head: []string{"DOOR", "OPENINGS", "TRIES EACH", "UNLATCH P50", "P95", "MAX", "TREND"}}
	list := sheetOrder(r.Wear)
	for i := range list[:min(len(list), reportLines)] {
		w := &list[i]
		tries := "-"
		if w.Openings > 0 {
			tries = fmt.Sprintf("%.2f", w.TriesPerOpening())
		}
		row := []ui.Cell{ui.Plain(w.Door.String()), count(w.Openings), ui.Plain(tries), ui.Plain("-"), ui.Plain("-"), ui.Plain("-"), trendCell(w.Trend)}
		if w.Unlatch.N > 0 {
			row[3], row[4], row[5] = ms(w.Unlatch.P50), ms(w.Unlatch.P95), ms(w.Unlatch.Max)
		}
		t.Row(row...)
	}
	return more(t, len(list))
}

func sheetOrder(list []report.Wear) []report.Wear {
	list = slices.Clone(list)
	report.WorstFirst(list)
	return list
}

func trendCell(t *report.Trend) ui.Cell {
	if t == nil {
		return ui.Plain("-")
	}
	c := ui.Plain(fmt.Sprintf("%d to %d ms (%+d %%)", t.WasMS, t.IsMS, t.Pct))
	if t.Slower() {
		c.Colour = ui.Notice
	}
	return c
}
