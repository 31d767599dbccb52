package report_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/report"
	"lockerd/daemon/report/reporttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

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
	golden(t, "month.json", append(got, '\n'))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; look at it, then -update:\n%s", path, got)
	}
}
