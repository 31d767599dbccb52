package bank

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestTamper holds that each change of the tamper switch is journaled, and that a
// loose one is counted.
func TestTamper(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.b.Tamper("a", true)
		r.b.Tamper("a", false)
		r.want("bank.tamper opened alarm", "bank.tamper closed")
		for range 100 {
			r.b.Tamper("a", true)
			r.b.Tamper("a", false)
		}
		if n := len(r.events()); n != limitPerMinute-2 {
			t.Errorf("%d events of a loose switch, want %d", n, limitPerMinute-2)
		}
		time.Sleep(2 * limitWindow)
		if got := r.events(); len(got) != 1 || !strings.HasSuffix(got[0], "n=172") {
			t.Errorf("then %q", got)
		}
	})
}

// TestScannerFault holds that a scanner that reads and is not set as it should be
// is shown so, and no more.
func TestScannerFault(t *testing.T) {
	in(t, 1, func(r *rig) {
		show := func(want ScannerStatus) {
			t.Helper()
			s, err := r.b.Status(r.t.Context())
			if err != nil || s.Scanners[0] != want {
				t.Errorf("%+v, want %+v: %v", s.Scanners, want, err)
			}
		}
		r.b.ScannerFault("front", errors.New("mute"))
		show(ScannerStatus{Name: "front", State: "ok", Error: "mute"})
		var lines []SelfTestLine
		if err := r.b.call(r.t.Context(), func() { lines = r.b.selfTest() }); err != nil {
			t.Error(err)
		}
		if l := lines[1]; l.What != "scanner front" || l.OK || l.Text != "mute" || l.Cure == "" {
			t.Errorf("%+v", l)
		}
		r.b.ScannerFault("front", nil)
		show(ScannerStatus{Name: "front", State: "ok"})
		r.b.ScannerState("front", errors.New("gone"))
		r.b.ScannerFault("front", errors.New("mute"))
		show(ScannerStatus{Name: "front", State: "lost", Error: "gone"})
		r.b.ScannerFault("nobody", errors.New("mute"))
		r.want("scanner.lost gone")
	})
}
