package gpio

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"lockerd/hal"
)

// Bounds of a bus.
const (
	DoorsMax   = 204 // a whole bank
	queueMax   = 256 // unlocks that wait; more are answered ErrNotSent
	focusEvery = 50 * time.Millisecond
	closeMax   = 2 * time.Second
)

// Config is one bus of lines.
type Config struct {
	Name  string
	Poll  time.Duration // how often feedback is read when it does not move; 0: 500 ms
	Coils int           // relays on at one time; 0: 1
	Doors []Door        // Doors[i] is channel 1 of address i+1
	Extras
}

// Options are what a process gives its bus.
type Options struct {
	Lines Lines        // nil: the kernel's
	Log   *slog.Logger // nil: nothing is logged
	// Tamper takes that the tamper switch has opened, or closed again: every change,
	// and that it is open at the start. It is called like a sink.
	Tamper func(open bool)
}

// bus drives the doors of a Config.
type bus struct {
	cfg   Config
	opt   Options
	sink  hal.Sink
	doors []*door
	extra extras
	wake  chan struct{}
	quit  chan struct{}
	once  sync.Once
	done  chan struct{}
	fault error // of closing

	mu    sync.Mutex // guards what callers leave for the goroutine, and stats
	queue []hal.Unlock
	focus map[int]time.Time
	stats hal.Stats
}

var _ hal.Bus = (*bus)(nil)

// Open starts a bus. Lines that can't be had are no error: their doors are
// reported lost and their lines requested again until Close.
func Open(cfg Config, sink hal.Sink, opt Options) (hal.Bus, error) {
	if len(cfg.Doors) > DoorsMax {
		return nil, fmt.Errorf("cannot drive %d doors on bus %q: at most %d", len(cfg.Doors), cfg.Name, DoorsMax)
	}
	if cfg.Poll <= 0 {
		cfg.Poll = 500 * time.Millisecond
	}
	cfg.Coils = max(cfg.Coils, 1)
	if opt.Lines == nil {
		opt.Lines = kernel{}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Tamper == nil {
		opt.Tamper = func(bool) {}
	}
	b := &bus{
		cfg: cfg, opt: opt, sink: sink, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		focus: map[int]time.Time{}, stats: hal.Stats{Port: "gpio"},
	}
	for i, d := range cfg.Doors {
		b.doors = append(b.doors, newDoor(i+1, d, b.nudge))
	}
	b.extra = newExtras(cfg.Extras)
	go b.run()
	return b, nil
}

// nudge makes the goroutine look at everything again.
func (b *bus) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Unlock implements hal.Bus.
func (b *bus) Unlock(u hal.Unlock) {
	b.mu.Lock()
	b.queue = append(b.queue, u) // one for each lock, says hal.Bus; run answers what is too much
	b.mu.Unlock()
	b.nudge()
}

// Focus implements hal.Bus.
func (b *bus) Focus(address int, until time.Time) {
	b.mu.Lock()
	if address >= 1 && address <= len(b.doors) {
		b.focus[address] = until
	}
	b.mu.Unlock()
	b.nudge()
}

// Stats implements hal.Bus.
func (b *bus) Stats() hal.Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

func (b *bus) count(f func(*hal.Stats)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.stats)
}

// Close implements hal.Bus: every output is off when it returns.
func (b *bus) Close() error {
	b.once.Do(func() { close(b.quit) })
	t := time.NewTimer(closeMax)
	defer t.Stop()
	select {
	case <-b.done:
		return b.fault
	case <-t.C:
		return errors.New("cannot close bus " + b.cfg.Name + ": its sink or a line has not returned")
	}
}
