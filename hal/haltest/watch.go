package haltest

import (
	"sync"
	"time"
)

// beat is how often a watch looks at the clock.
const beat = 10 * time.Millisecond

// watch measures how late this process wakes: the simulator is in it, and no
// less late.
type watch struct {
	quit chan struct{}
	done chan struct{}

	mu   sync.Mutex
	late []lapse
}

// lapse is one waking that was late.
type lapse struct {
	at time.Time
	by time.Duration
}

func newWatch() *watch {
	w := &watch{quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *watch) run() {
	defer close(w.done)
	t := time.NewTimer(beat)
	defer t.Stop()
	for due := time.Now().Add(beat); ; due = time.Now().Add(beat) {
		t.Reset(time.Until(due))
		select {
		case <-t.C:
			w.woke(due, time.Now())
		case <-w.quit:
			return
		}
	}
}

// woke notes a waking that was late enough to matter.
func (w *watch) woke(due, at time.Time) {
	if by := at.Sub(due); by >= lateness {
		w.mu.Lock()
		w.late = append(w.late, lapse{at, by})
		w.mu.Unlock()
	}
}

// worst returns the most that a waking was late since the given time.
func (w *watch) worst(since time.Time) (by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.late {
		if l.at.After(since) {
			by = max(by, l.by)
		}
	}
	return by
}

func (w *watch) stop() {
	close(w.quit)
	<-w.done
}
