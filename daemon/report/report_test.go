package report_test

import (
	"encoding/json"
	"testing"
	"time"

	"lockerd/daemon/golden"
	"lockerd/daemon/locker"
	"lockerd/daemon/report"
	"lockerd/daemon/report/reporttest"
)

func options(t *testing.T) report.Options {
	t.Helper()
	zone, err := time.LoadLocation(reporttest.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return report.Options{Bank: reporttest.Bank, Zone: zone, To: reporttest.End}
}

func fold(o report.Options, events []locker.Event) *report.Fold {
	f := report.New(o)
	for i := range events {
		f.Add(&events[i])
	}
	return f
}

// TestGolden holds the document against the one that was read and found right.
func TestGolden(t *testing.T) {
	got, err := json.MarshalIndent(fold(options(t), reporttest.Journal()).Report(nil), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Same(t, "testdata/month.json", string(got)+"\n")
}
