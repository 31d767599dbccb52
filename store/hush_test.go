package store

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestHush: background work waits for the commit that is expected, not longer
// than hushTime, and not at all when nothing is expected or the store stops.
func TestHush(t *testing.T) {
	stopped := make(chan struct{})
	close(stopped)
	for name, c := range map[string]struct {
		do   func(h *hush)
		stop chan struct{}
		want time.Duration
	}{
		"none":            {do: func(*hush) {}},
		"no commit comes": {do: func(h *hush) { h.begin(time.Now()) }, want: hushTime},
		"commit comes": {do: func(h *hush) {
			h.begin(time.Now())
			time.AfterFunc(30*time.Millisecond, h.end)
		}, want: 30 * time.Millisecond},
		"more of the scan comes": {do: func(h *hush) {
			h.begin(time.Now())
			time.Sleep(40 * time.Millisecond)
			h.begin(time.Now())
		}, want: hushTime},
		"over":  {do: func(h *hush) { h.begin(time.Now()); h.end() }},
		"stale": {do: func(h *hush) { h.begin(time.Now()); time.Sleep(hushTime) }},
		"stop":  {do: func(h *hush) { h.begin(time.Now()) }, stop: stopped},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h hush
				c.do(&h)
				begun := time.Now()
				h.wait(c.stop)
				if took := time.Since(begun); took != c.want {
					t.Errorf("waited %v, want %v", took, c.want)
				}
			})
		})
	}
}

// TestLoadWaitsForTheScan: a slice of a load begins after the commit that a hush
// has announced, and a commit never waits for the hush.
func TestLoadWaitsForTheScan(t *testing.T) {
	s := openStore(t, t.TempDir(), Options{})
	l := stage(t, s, "acme", upTo(10)...)
	if err := l.spill(); err != nil {
		t.Fatal(err)
	}
	if err := l.drain(); err != nil {
		t.Fatal(err)
	}
	s.hush.mu.Lock() // a hush that only a commit can end within this test
	s.hush.until, s.hush.over = time.Now().Add(time.Hour), make(chan struct{})
	s.hush.mu.Unlock()
	sealed := make(chan error)
	go func() { _, err := l.Seal(); sealed <- err }()
	must(t, s, use("acme", 3, 1))
	if err := <-sealed; err != nil {
		t.Fatal(err)
	}
	if s.hush.over != nil {
		t.Error("the commit has not ended the hush")
	}
}
