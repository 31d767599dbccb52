package clock

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockerd/daemon/locker"
)

func TestSystem(t *testing.T) {
	before := time.Now()
	now, _ := System().Read() // synchronised or not is this machine's affair
	if now.Before(before) || now.After(time.Now()) {
		t.Errorf("the system clock says %s", now)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "now")
	src := File(path)
	ten := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, text string
		now        time.Time
		synced     bool
	}{
		{"not there yet", "", time.Time{}, false},
		{"plain", "2026-11-22T10:00:00Z", ten, true},
		{"milliseconds, zone, newline", "2026-11-22T11:00:01.500+01:00\n", ten.Add(1500 * time.Millisecond), true},
		{"unset", "unset 2026-11-22T10:00:00Z\n", ten, false},
		{"rewritten just now", " ", ten, false},
		{"garbage keeps the last", "yesterday", ten, false},
		{"unset without time", "unset", time.Time{}, false},
		{"synced again", "2026-11-22T10:00:00Z\nmore", ten, true},
		{"no prefix of the word", "unsettled 2026-11-22T10:00:00Z", ten, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.text != "" {
				if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			now, synced := src.Read()
			if !now.Equal(c.now) || synced != c.synced {
				t.Errorf("got %s %v, want %s %v", now, synced, c.now, c.synced)
			}
		})
	}
}

func TestFileIsTheClock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "now")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("unset 2026-11-22T10:00:00Z")
	c := New(File(path), 0)
	if c.Source() != path || c.Status() != locker.ClockUnset {
		t.Errorf("source %q, status %s", c.Source(), c.Status())
	}
	write("2026-11-22T10:00:05Z")
	if r := c.Read(); r.Status != locker.ClockSynced || r.System.String() != "2026-11-22T10:00:05.000Z" {
		t.Errorf("got %+v", r)
	}
	write("unset")
	if r := c.Read(); r.Status != locker.ClockHeld || r.Now < r.Floor || r.Now.Time().Year() != 2026 {
		t.Errorf("got %+v", r)
	}
}
