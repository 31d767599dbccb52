package sim

import (
	"sync"
	"time"
)

// timers runs functions later, until it is closed. The zero value is ready.
type timers struct {
	mu     sync.Mutex
	closed bool
	set    map[*time.Timer]struct{}
	wg     sync.WaitGroup
}

// after runs fn once d has passed, in its own goroutine.
func (t *timers) after(d time.Duration, fn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if t.set == nil {
		t.set = map[*time.Timer]struct{}{}
	}
	t.wg.Add(1)
	var tm *time.Timer
	tm = time.AfterFunc(d, func() {
		defer t.wg.Done()
		t.mu.Lock() // also waits until tm is assigned
		delete(t.set, tm)
		closed := t.closed
		t.mu.Unlock()
		if !closed {
			fn()
		}
	})
	t.set[tm] = struct{}{}
}

// close drops what has not begun and waits for what has.
func (t *timers) close() {
	t.mu.Lock()
	t.closed = true
	for tm := range t.set {
		if tm.Stop() {
			t.wg.Done()
		}
	}
	t.set = nil
	t.mu.Unlock()
	t.wg.Wait()
}
