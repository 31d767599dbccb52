package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockerd/daemon/bank"
	"lockerd/daemon/golden"
	"lockerd/daemon/report"
	"lockerd/daemon/report/reporttest"
)

// aMonth serves a bank that has a month behind it.
func aMonth(t *testing.T) string {
	t.Helper()
	b, path := serve(t)
	b.Replace(reporttest.Journal())
	b.Page.Time = reporttest.End
	return path
}

// TestReportGolden holds what a terminal shows against what was read and found right.
func TestReportGolden(t *testing.T) {
	path := aMonth(t)
	for name, args := range map[string][]string{
		"report-month.txt": {"report", "--to", "2026-11-11T06:00"},
		"report-day.txt":   {"report", "--from", "2026-10-23", "--to", "2026-10-23"},
		"report-empty.txt": {"report", "--to", "2026-01-01"},
	} {
		code, got, errs := invoke(t, &env{}, append([]string{"--socket", path}, args...)...)
		if code != exitDone || errs != "" {
			t.Fatalf("%v: exit %d, %s", args, code, errs)
		}
		golden.Same(t, "testdata/"+name, got)
	}
}

// TestReportNow: what lies behind the doors now is the bank's own word, the journal
// adds who brought it.
func TestReportNow(t *testing.T) {
	path := aMonth(t)
	code, out, errs := invoke(t, &env{}, "--socket", path, "--json", "report", "--since", "1d")
	var r report.Report
	if err := json.Unmarshal([]byte(out), &r); code != exitDone || err != nil {
		t.Fatalf("exit %d, %v, %s", code, err, errs)
	}
	if len(r.Items) != 1 || r.Items[0].Serial != "SN12345" || r.Items[0].Brought != nil {
		t.Errorf("items %+v", r.Items)
	}
	if r.From != reporttest.End.Add(-24*60*60*1e9) || r.To != reporttest.End || r.Timezone != "Europe/London" {
		t.Errorf("from %v to %v in %s", r.From, r.To, r.Timezone)
	}
}

func TestReportFile(t *testing.T) {
	path, file := aMonth(t), filepath.Join(t.TempDir(), "r.html")
	code, out, errs := invoke(t, &env{}, "--socket", path, "report", "--html", file)
	if code != exitDone || !strings.Contains(out, "the page is in "+file) || !strings.Contains(out, "60-second promise") {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	b, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(b), "<!doctype html>") || !strings.HasSuffix(string(b), "</html>") {
		t.Errorf("%v: %.40s", err, b)
	}
	if code, out, _ := invoke(t, &env{}, "--socket", path, "report", "--html", "-"); code != exitDone || out[:15] != "<!doctype html>" {
		t.Errorf("exit %d: %.40s", code, out)
	}
	code, _, errs = invoke(t, &env{}, "--socket", path, "report", "--html", filepath.Join(file, "x"))
	if code != exitFailed || !strings.Contains(errs, "cannot write the page") || !strings.Contains(errs, "next: name a file") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestReportUsage(t *testing.T) {
	path := aMonth(t)
	for args, want := range map[string]string{
		"--from 2026-11-01 --since 1d":      "exclude each other",
		"--from yesterday":                  `cannot read time "yesterday"`,
		"--from 2026-11-02 --to 2026-11-01": "would end before it begins",
		"--to 2026-13-01":                   "cannot read time",
		"--since 0d":                        "write it as",
	} {
		code, _, errs := invoke(t, &env{}, append([]string{"--socket", path, "report"}, strings.Fields(args)...)...)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", args, code, errs)
		}
	}
}

// TestReportTimes: a day is one of the bank's time zone, of 25 hours where it has them.
func TestReportTimes(t *testing.T) {
	f := reportFlags{from: "2026-10-25", to: "2026-10-25"}
	o, err := f.options(&bank.Status{Timezone: "Europe/London", Time: reporttest.End})
	if err != nil || o.From.String() != "2026-10-24T23:00:00.000Z" || o.To.String() != "2026-10-26T00:00:00.000Z" {
		t.Errorf("%v to %v, %v", o.From, o.To, err)
	}
	f = reportFlags{from: "2026-10-25T10:00:00+02:00"}
	if o, err = f.options(&bank.Status{Timezone: "nowhere", Time: reporttest.End}); err != nil || o.From.String() != "2026-10-25T08:00:00.000Z" || o.To != reporttest.End {
		t.Errorf("%v to %v, %v", o.From, o.To, err)
	}
}
