package store

import (
	"sync"
	"time"
)

// hushTime bounds how long one Hush keeps the background back: on the slowest
// line, 9600 baud, a code of 26 digits takes 28 ms to come in.
const hushTime = 100 * time.Millisecond

// hush keeps what nobody waits for off the disk while a scan comes in. Two data
// syncs end each background transaction, and the sync that stands before a pulse
// may have to wait for both.
type hush struct {
	mu    sync.Mutex
	until time.Time
	over  chan struct{} // closed by the commit that was expected; nil: no hush
}

// Hush tells that a commit is about to come for which somebody stands waiting:
// background transactions begin after it, or after hushTime.
func (s *Store) Hush() { s.hush.begin(time.Now()) }

func (h *hush) begin(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = now.Add(hushTime)
	if h.over == nil {
		h.over = make(chan struct{})
	}
}

// end ends a hush, if there is one.
func (h *hush) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over != nil {
		close(h.over)
		h.over = nil
	}
}

// wait returns when the hush is over. It waits for one only: people at six
// scanners must not keep the background away for ever.
func (h *hush) wait(stop <-chan struct{}) {
	h.mu.Lock()
	over, left := h.over, time.Until(h.until)
	h.mu.Unlock()
	if over == nil || left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	case <-stop:
	}
}
