// Package rs485 drives chains of lock boards on serial lines: one arbiter per
// port, which owns it, and pure codecs of the families below it.
//
// Open returns at once. A port that is missing, held by another program or
// pulled out is no error: it is looked for by its name for ever, with growing
// pauses, and its boards are reported lost until they answer. Unlocks go ahead
// of status reads: at most the exchange on the wire is in front of one. No
// unlock is ever sent twice, or after it has expired. A reply counts only if
// it is whole, checked, came after its request was sent, and agrees with it in
// board, function and lock.
//
// After a request that was not answered its board is left alone for another
// reply timeout, so that a reply that comes late, up to twice the timeout,
// finds no request it could be mistaken for. A board silent three times in a
// row is lost and then tried once per pause, 1 s doubling to 30 s.
//
// Two goroutines serve a bus: the arbiter, which waits on events and deadlines
// only, and the port's receiver. The arbiter owns the line and all it knows of
// it while it holds the mutex line, that is always but while it waits for
// something to do; then a caller of Unlock takes its place to send that unlock. Tests replace the port through Options.Dial;
// everything runs under testing/synctest.
package rs485

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"lockerd/hal"
)

// Defaults and bounds of a bus.
const (
	replyDefault = 300 * time.Millisecond
	replyCeiling = 10 * time.Second
	pollDefault  = 500 * time.Millisecond
	queueMax     = BoardsMax * 50         // unlocks waiting: every lock of the fullest bus
	refusedMax   = 256                    // unlocks refused and not yet answered; what exceeds it is dropped and logged
	closeLimit   = 2 * time.Second        // Close returns by then
	closeBudget  = 1 * time.Second        // for bringing the boards to rest
	closeGrace   = 400 * time.Millisecond // for the exchange on the wire when Close is called
)

// Options are what a bus needs besides its configuration.
type Options struct {
	Log *slog.Logger // nil: none
	// Dial opens the port; nil takes the serial device of that name.
	Dial func(name string, baud int) (Port, error)
}

type bus struct {
	cfg     hal.Config
	codec   Codec
	sink    hal.Sink
	log     *slog.Logger
	dial    func(name string, baud int) (Port, error)
	gap     int  // bits of silence before an unlock
	agree   int  // reads in a row that must say the same
	reports bool // boards speak unasked
	trace   *trace
	wake    chan struct{} // something was queued
	quit    chan struct{} // Close was called
	done    chan struct{} // the arbiter has ended
	once    sync.Once

	mu          sync.Mutex // guards what callers and the arbiter share
	queue       []hal.Unlock
	refused     []hal.Unlock
	outstanding map[hal.Lock]bool
	focus       map[int]time.Time
	stats       hal.Stats

	// The arbiter's own: of whoever holds line.
	line    sync.Mutex
	resting *session // that waits for something to do; nil: none
	boards  []*board
	byAddr  map[int]*board
	pending []*unlock
	pulses  []pulse
	sweep   sweep
}

var (
	_ hal.Bus    = (*bus)(nil)
	_ hal.Tracer = (*bus)(nil)
)

// Open starts a bus. It fails only for a configuration that Check refuses.
func Open(cfg hal.Config, codec Codec, sink hal.Sink, opt Options) (hal.Bus, error) {
	l := codec.Limits()
	if err := join(Check(cfg, l)); err != nil {
		return nil, err
	}
	b := &bus{
		cfg: withDefaults(cfg, l), codec: codec, sink: sink, log: opt.Log, dial: opt.Dial, gap: l.Gap, agree: l.Agree, trace: newTrace(), reports: l.Reports,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		outstanding: map[hal.Lock]bool{}, focus: map[int]time.Time{}, byAddr: map[int]*board{},
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	b.log = b.log.With(slog.String("bus", cfg.Name))
	if b.dial == nil {
		b.dial = func(name string, baud int) (Port, error) { return openTTY(name, baud, cfg.RS485) }
	}
	for _, c := range cfg.Boards {
		d := &board{BoardConfig: c, status: codec.Status(c), probe: codec.Probe(c)}
		b.boards = append(b.boards, d)
		b.byAddr[c.Address] = d
	}
	b.stats.Port = cfg.Port
	go b.run()
	return b, nil
}

func withDefaults(cfg hal.Config, l Limits) hal.Config {
	if cfg.Baud == 0 {
		cfg.Baud = l.Baud
	}
	if cfg.ReplyTimeout == 0 {
		cfg.ReplyTimeout = replyDefault
	}
	if cfg.Poll == 0 {
		cfg.Poll = pollDefault
	}
	cfg.Coils = max(cfg.Coils, 1)
	return cfg
}

// Unlock implements hal.Bus.
func (b *bus) Unlock(u hal.Unlock) {
	if b.direct(u) {
		b.nudge()
		return
	}
	b.mu.Lock()
	switch {
	case !b.outstanding[u.Lock] && len(b.outstanding) < queueMax:
		b.outstanding[u.Lock] = true
		b.queue = append(b.queue, u)
	case len(b.refused) < refusedMax:
		b.refused = append(b.refused, u)
	default:
		b.log.Error("unlock dropped, too many refused", slog.Uint64("id", u.ID))
	}
	b.mu.Unlock()
	b.nudge()
	runtime.Gosched() // the arbiter first: the caller has nothing as urgent to do
}

// Focus implements hal.Bus.
func (b *bus) Focus(address int, until time.Time) {
	b.mu.Lock()
	if b.byAddr[address] != nil {
		b.focus[address] = until
	}
	b.mu.Unlock()
	b.nudge()
}

func (b *bus) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Stats implements hal.Bus.
func (b *bus) Stats() hal.Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

// count changes the statistics.
func (b *bus) count(f func(*hal.Stats)) {
	b.mu.Lock()
	f(&b.stats)
	b.mu.Unlock()
}

func (b *bus) tally(t tally) {
	if t == (tally{}) {
		return
	}
	b.count(func(s *hal.Stats) {
		s.Garbage += t.garbage
		s.Foreign += t.foreign
		s.Echoes += t.echoes
	})
}

// Close implements hal.Bus.
func (b *bus) Close() error {
	b.once.Do(func() { close(b.quit) })
	limit := time.NewTimer(closeLimit)
	defer limit.Stop()
	select {
	case <-b.done:
		return nil
	case <-limit.C:
		return fmt.Errorf("cannot close bus %q within %v: its port or its listener is stuck; it ends with the process", b.cfg.Name, closeLimit)
	}
}

func (b *bus) closing() bool {
	select {
	case <-b.quit:
		return true
	default:
		return false
	}
}
