package commission

import (
	"bytes"
	"testing"
	"time"

	"lockerd/daemon/golden"
	"lockerd/daemon/page/markuptest"
	"lockerd/hal/rs485/probe"
)

// walkedReport has a fault of each status and doors with and without an answer.
func walkedReport() *Report {
	begun := time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC)
	return &Report{
		Version: Version, Bank: "lon-042", By: "Ada & Bob", Begun: begun, Ended: begun.Add(47 * time.Minute), Config: "lockerd.toml", Open: 1,
		Buses: []ReportBus{
			{Bus{Name: "a", Port: "/dev/ttyUSB0", Found: probe.Found{Family: "xor8a", Baud: 9600, Boards: []probe.Board{{Address: 1, Channels: 24}, {Address: 2, Channels: 12}}}}, map[string]string{"closed_bit": "0", "byte_order": "low-first"}},
			{Bus{Name: "b", Port: "/dev/ttyUSB1"}, nil},
		},
		Doors: []ReportDoor{
			{Door: door(1), Bus: "a", Board: 1, Channel: 1, Feedback: 2, Inverted: true, Proof: Unproven, Label: LabelSeen, UnlockMS: 120, Tries: 1, OK: true},
			{Door: door(2), Bus: "a", Board: 1, Channel: 2, Feedback: 1, Proof: NotSeen, Label: LabelUnknown, Tries: 3},
		},
		Faults: []Fault{
			{Kind: Dead, Status: Open, Door: door(2), Text: "did not move", Cure: "look at its cable"},
			{Kind: Inverted, Status: Described, Place: Place{Bus: "a", Address: 1}, Text: "says <shut> when open", Cure: "nothing"},
			{Kind: Noise, Status: Mended, Place: Place{Bus: "b"}, Text: "noise", Cure: "terminate the line"},
		},
	}
}

func htmlOf(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageGolden(t *testing.T) { golden.Same(t, "testdata/report.html", htmlOf(t, walkedReport())) }

// TestNothingIsMarkup: whatever text a walk leaves, and wherever, the page has the
// elements and attributes that it has with harmless ones, and shows the text.
func TestNothingIsMarkup(t *testing.T) {
	markuptest.Run(t, 20, func(text string) string {
		var r Report
		markuptest.Fill(&r, text)
		return htmlOf(t, &r)
	})
}

func TestNothingIsRaw(t *testing.T) { markuptest.NothingIsRaw(t, style) }
