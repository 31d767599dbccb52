package sheet

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lockerd/daemon/golden"
	"lockerd/daemon/locker"
	"lockerd/daemon/report"
	"lockerd/daemon/report/reporttest"
)

func monthOf(t *testing.T, events []locker.Event) *report.Report {
	t.Helper()
	zone, err := time.LoadLocation(reporttest.Zone)
	if err != nil {
		t.Fatal(err)
	}
	f := report.New(report.Options{Bank: reporttest.Bank, Zone: zone, To: reporttest.End})
	for i := range events {
		f.Add(&events[i])
	}
	return f.Report(nil)
}

func write(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for name, events := range map[string][]locker.Event{"month.html": reporttest.Journal(), "empty.html": nil} {
		golden.Same(t, "testdata/"+name, write(t, monthOf(t, events)))
	}
}

// TestSelfContained: the page asks nobody for anything and runs nothing.
func TestSelfContained(t *testing.T) {
	page := write(t, monthOf(t, reporttest.Journal()))
	for _, no := range []string{"<script", "http:", "https:", "//", "url(", "@import", "<link", "<img", "onload", "ZgotmplZ", "NaN", "Inf"} {
		if strings.Contains(page, no) {
			t.Errorf("the page contains %q", no)
		}
	}
	if strings.Count(page, "<svg") < 5 || !strings.Contains(page, "@page") {
		t.Error("plots or print style are missing")
	}
}
