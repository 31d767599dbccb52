package cli

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // of the bank's people; boards are built without

	"lockerd/cmd/lockerctl/sheet"
	"lockerd/cmd/lockerctl/ui"
	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
	"lockerd/daemon/report"
)

const reportHelp = `From the bank's own journal: how long people were at the bank, from the scan
until the door was shut again, against the promise of 60 seconds; refusals and
troubles; busy hours; what has lain there longest and who brought it; which
doors wear. TIME is 2026-11-22, 2026-11-22T10:00 (both of the bank's time zone)
or RFC 3339; a day given to --to is included. --html writes one page without
scripts, to read, print or send on; FILE of - is stdout. What the bank has
pruned from its journal is not in the report: it says from when on it tells.`

func reportVerb(fs *flag.FlagSet) action {
	f := &reportFlags{}
	fs.StringVar(&f.from, "from", "", "begin at this `time`")
	fs.StringVar(&f.to, "to", "", "end at this `time`")
	fs.Var(&f.since, "since", "so `long` before the end: 24h, 7d, 4w")
	fs.StringVar(&f.html, "html", "", "write a page into this `file`")
	return func(ctx context.Context, c *call) error {
		if err := f.check(); err != nil {
			return err
		}
		if f.html == "-" && c.json {
			return ui.Usagef("--html - and --json exclude each other: both are for stdout")
		}
		s, err := c.client().Status(ctx)
		if err != nil {
			return err
		}
		o, err := f.options(&s)
		if err != nil {
			return err
		}
		r, err := c.foldReport(ctx, o, f.to == "")
		if err != nil {
			return withCure(err)
		}
		return c.tellReport(r, f.html)
	}
}

// reportFlags are the flags of report.
type reportFlags struct {
	from, to, html string
	since          ui.TTL
}

// check finds what is wrong in any time zone.
func (f *reportFlags) check() error {
	if f.from != "" && f.since > 0 {
		return ui.Usagef("--from and --since exclude each other")
	}
	for _, s := range []string{f.from, f.to} {
		if _, err := readTime(s, time.UTC, 0); s != "" && err != nil {
			return err
		}
	}
	return nil
}

// options makes of the flags what the report is about.
func (f *reportFlags) options(s *bank.Status) (report.Options, error) {
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		zone = time.UTC // an older lockerd does not name it
	}
	o := report.Options{Bank: s.Bank, Zone: zone, To: s.Time}
	if f.to != "" {
		if o.To, err = readTime(f.to, zone, 1); err != nil {
			return o, err
		}
	}
	if f.since > 0 {
		o.From = o.To.Add(-time.Duration(f.since))
	}
	if f.from != "" {
		if o.From, err = readTime(f.from, zone, 0); err != nil {
			return o, err
		}
	}
	if o.From >= o.To {
		return o, ui.Usagef("the report would end before it begins: --from is not before --to")
	}
	return o, nil
}

// readTime reads a time of the bank's people; a day alone stands for its begin, or
// with days 1 for its end.
func readTime(s string, zone *time.Location, days int) (locker.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		return locker.TimeOf(t.AddDate(0, 0, days)), nil
	}
	for _, layout := range []string{"2006-01-02T15:04", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return locker.TimeOf(t), nil
		}
	}
	return 0, ui.Usagef("cannot read time %q: write it as 2026-11-22, 2026-11-22T10:00 or 2026-11-22T10:00:00Z", s)
}

// foldReport reads the whole journal: what lies where is known from its begin on. For
// a report that ends now the bank itself says what lies behind its doors.
func (c *call) foldReport(ctx context.Context, o report.Options, now bool) (*report.Report, error) {
	f := report.New(o)
	err := c.client().Events(ctx, 0, false, func(line []byte) error {
		var e locker.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("cannot read an event of the journal: %w", err)
		}
		f.Add(&e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !now {
		return f.Report(nil), nil
	}
	doors, err := c.client().Doors(ctx)
	if err != nil {
		return nil, err
	}
	held := make([]report.Held, len(doors))
	for i := range doors {
		held[i] = report.Held{Door: doors[i].ID, Item: doors[i].Item, Since: doors[i].Since}
	}
	return f.Report(held), nil
}

// tellReport prints the report, or writes its page.
func (c *call) tellReport(r *report.Report, file string) error {
	switch file {
	case "":
		return c.print(r, func(p *ui.Page) { promisePage(p, r) })
	case "-":
		return sheet.Write(c.out, r)
	}
	if err := writeSheet(file, r); err != nil {
		return &bank.Error{Code: control.CodeFailed, Text: fmt.Sprintf("cannot write the page: %v", err), Cure: "name a file in a directory that you may write to"}
	}
	return c.print(r, func(p *ui.Page) {
		p.Line("%s", promiseLine(r))
		p.Line("the page is in %s", file)
	})
}

// writeSheet writes the page whole or not at all.
func writeSheet(file string, r *report.Report) error {
	t, err := os.CreateTemp(filepath.Dir(file), ".lockerctl-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(t.Name()) }() // is gone when all went well
	err = sheet.Write(t, r)
	if cerr := t.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(t.Name(), 0o644) //nolint:gosec,nolintlint // a page to send on
	}
	if err == nil {
		err = os.Rename(t.Name(), file)
	}
	return err
}
