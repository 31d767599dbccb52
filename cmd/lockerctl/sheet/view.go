package sheet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockerd/daemon/ledger"
	"lockerd/daemon/locker"
	"lockerd/daemon/report"
)

// model is what the template shows: texts and places, nothing left to reckon.
type model struct {
	*report.Report
	Begin, End string
	Source     string
	Share      string // of the promise; "" = nobody came
	Bar        []part
	Plot       *timesPlot
	Heat       *heatMap
	Visits     []visitRow
	Refusals   []refusalRow
	Troubles   []troubleRow
	Items      []itemRow
	Wear       []wearRow
	Old        string // how long the oldest item has lain there
	Jams       int
	Slower     int // doors whose locks need clearly longer than they did
}

type visitRow struct {
	report.Visits
	Share, Median, P95, Max string
}

type refusalRow struct {
	report.Refusal
	Where, Means string
	Width        int // of its bar, in percent
}

type troubleRow struct {
	report.Trouble
	OutText string
}

type itemRow struct {
	report.Item
	Name, When, Age, By string
	Width               int
}

type wearRow struct {
	report.Wear
	Tries, P50, P95, Max, Change string
	Slower                       bool
	Line                         *spark
}

func view(r *report.Report) *model {
	z, err := time.LoadLocation(r.Timezone)
	if err != nil {
		z = time.UTC
	}
	m := &model{
		Report: r, Begin: stamp(cmp.Or(r.From, r.Journal.Oldest, r.To), z), End: stamp(r.To, z), Source: source(&r.Journal),
		Bar: promiseBar(&r.Promise), Plot: plotTimes(r.Visits), Heat: heat(&r.Busy, z),
	}
	if p := &r.Promise; p.Visits > 0 {
		m.Share = share(p.Within, p.Visits)
	}
	for i := range r.Visits {
		m.Visits = append(m.Visits, visitOf(&r.Visits[i]))
	}
	m.refusals()
	m.troubles()
	m.items(z)
	m.wear()
	return m
}

func stamp(t locker.Time, z *time.Location) string {
	return t.Time().In(z).Format("Mon 2 January 2006, 15:04 MST")
}

// source says what the page was made from, and what it can't know.
func source(j *report.Journal) string {
	if j.Events == 0 {
		return "The journal holds no event of this time."
	}
	s := fmt.Sprintf("Made from %d events of the bank's journal.", j.Events)
	if j.First > 1 || j.Gaps > 0 {
		s += " Older events have been pruned from it: what came before is not counted here."
	}
	if j.Crash > 0 {
		s += fmt.Sprintf(" The bank's computer started %s, %d of them after a crash or a power cut.", plural(j.Boots, "time", "times"), j.Crash)
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// share is a part in percent. It is never rounded up to all.
func share(n, of int) string {
	if of == 0 {
		return "–"
	}
	per := n * 1000 / of
	return fmt.Sprintf("%d.%d %%", per/10, per%10)
}

// span shows milliseconds with a unit that leaves two or three digits.
func span(ms int64) string {
	switch {
	case ms < 1000:
		return fmt.Sprintf("%d ms", ms)
	case ms < 100_000:
		return fmt.Sprintf("%d.%d s", ms/1000, ms%1000/100)
	}
	return fmt.Sprintf("%d min %d s", ms/60_000, ms%60_000/1000)
}

func visitOf(v *report.Visits) visitRow {
	row := visitRow{Visits: *v, Share: "–", Median: "–", P95: "–", Max: "–"}
	if v.Promised() {
		row.Share = share(v.Within, v.Visits)
	}
	if s := v.Close; s.N > 0 {
		row.Median, row.P95, row.Max = span(s.P50), span(s.P95), span(s.Max)
	}
	return row
}

func (m *model) refusals() {
	for _, f := range m.Report.Refusals {
		row := refusalRow{Refusal: f, Where: "scanner " + f.Scanner, Means: meaning(f.Reason), Width: part100(f.N, m.Report.Refusals[0].N)}
		if !f.Door.IsZero() {
			row.Where = "door " + f.Door.String()
		}
		m.Refusals = append(m.Refusals, row)
	}
}

func part100(n, of int64) int { return int(max(n*100/max(of, 1), 1)) }

func (m *model) troubles() {
	for _, f := range m.Report.Troubles {
		var out []string
		for _, c := range slices.Sorted(maps.Keys(f.Out)) {
			out = append(out, fmt.Sprintf("%s %d×", c, f.Out[c]))
		}
		m.Jams += f.Jammed
		m.Troubles = append(m.Troubles, troubleRow{f, strings.Join(out, ", ")})
	}
}

func (m *model) items(z *time.Location) {
	for _, it := range m.Report.Items {
		row := itemRow{Item: it, Name: strings.TrimPrefix(it.Tenant+"/"+it.SKU, "/"), When: "unknown", Age: "–", By: hand(it.Brought)}
		if !it.Since.IsZero() {
			row.When = it.Since.Time().In(z).Format("2 Jan 2006, 15:04")
			row.Age, row.Width = age(it.AgeS), part100(it.AgeS, m.Report.Items[0].AgeS)
			m.Old = cmp.Or(m.Old, row.Age)
		}
		m.Items = append(m.Items, row)
	}
}

// age shows seconds in days, below two days in hours.
func age(s int64) string {
	if h := s / 3600; h < 48 {
		return plural(int(h), "hour", "hours")
	}
	return fmt.Sprintf("%d days", s/86_400)
}

// hand says by whom an item was brought.
func hand(h *ledger.Hand) string {
	switch {
	case h == nil:
		return "before the journal begins"
	case h.By != "":
		return h.By + ", by hand"
	}
	return string(h.Kind) + " " + cmp.Or(h.Ref, h.Set+"/"+h.Code)
}

func (m *model) wear() {
	list := slices.Clone(m.Report.Wear)
	report.WorstFirst(list)
	for _, w := range list {
		row := wearRow{Wear: w, Tries: "–", P50: "–", P95: "–", Max: "–", Slower: w.Trend.Slower(), Line: sparkOf(w.Series)}
		if w.Openings > 0 {
			row.Tries = fmt.Sprintf("%.2f", w.TriesPerOpening())
		}
		if w.Unlatch.N > 0 {
			row.P50, row.P95, row.Max = span(w.Unlatch.P50), span(w.Unlatch.P95), span(w.Unlatch.Max)
		}
		if w.Trend != nil {
			row.Change = fmt.Sprintf("%d → %d ms", w.Trend.WasMS, w.Trend.IsMS)
		}
		if row.Slower {
			m.Slower++
		}
		m.Wear = append(m.Wear, row)
	}
}

// meaning says a reason in words for people who never saw a contract.
func meaning(r locker.Reason) string {
	return map[locker.Reason]string{ //nolint:exhaustive // Granted is no refusal
		locker.Malformed:    "cannot be a code: torn label, or something else was held before the scanner",
		locker.Misread:      "a digit was misread: dirty window or worn label",
		locker.Unknown:      "nobody has issued this code to this bank, or it was withdrawn",
		locker.BadSignature: "a ticket that is not genuine", locker.WrongBank: "a ticket for another bank",
		locker.Revoked: "the code was revoked", locker.ClockUntrusted: "the bank does not know the time: its clock needs the network or a battery",
		locker.NotYet: "came too early", locker.Expired: "came too late", locker.Used: "was used already",
		locker.StaleCache: "the bank has been offline longer than its codes may be trusted",
		locker.Busy:       "somebody else was at that scanner", locker.DoorOutOfService: "the door is out of service",
		locker.NoStock: "nothing of the kind was there", locker.NoFreeDoor: "no free door was left",
		locker.BoardSilent: "the lock board did not answer", locker.WrongLabel: "the label does not fit the product",
		locker.DuplicateSerial: "an item with this serial number is inside already",
	}[r]
}
