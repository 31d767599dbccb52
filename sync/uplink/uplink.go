package uplink

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"lockerd/sync/outbox"
	"lockerd/sync/wire"
)

// Uplink is the bank's end of the link. One Run at a time.
type Uplink struct {
	c    Config
	o    Options
	bank Bank
	box  *outbox.Outbox
	log  *slog.Logger

	doors, stock *snapshot

	mu    sync.Mutex
	stats Stats
	again chan struct{} // closed when the connection is to be made anew
}

// Stats count since New.
type Stats struct {
	Connected   bool
	Attempts    uint64 // connections tried
	Connections uint64 // that came to a birth
	Received    uint64 // messages handed to the bank
	Dropped     uint64 // messages that did not fit into the queue
	Published   uint64
}

// New returns an uplink that Run keeps. It refuses a URL that no attempt could
// use; everything else is tried again for ever.
func New(c Config, bank Bank, box *outbox.Outbox, o Options) (*Uplink, error) {
	c = c.withDefaults()
	if _, err := c.broker(); err != nil {
		return nil, err
	}
	o = o.withDefaults(c)
	return &Uplink{
		c: c, o: o, bank: bank, box: box, log: o.Log,
		doors: newSnapshot(wire.TopicDoors, DoorsEvery, doorsOf(bank)),
		stock: newSnapshot(wire.TopicStock, StockEvery, stockOf(bank)),
		again: make(chan struct{}),
	}, nil
}

// Stats returns the counters.
func (u *Uplink) Stats() Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.stats
}

func (u *Uplink) count(f func(*Stats)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(&u.stats)
}

// Run connects and connects again until ctx ends, then says goodbye.
func (u *Uplink) Run(ctx context.Context) {
	var told string // what was logged last: weeks without a broker fill no log
	for try := 1; ctx.Err() == nil; try++ {
		once, done := u.untilAgain(ctx)
		lived, err := u.connection(once)
		if ctx.Err() == nil && once.Err() != nil {
			done()
			u.log.Info("connecting to the broker again, with the present files")
			try = 0
			continue
		}
		if ctx.Err() != nil {
			done()
			return
		}
		if lived >= StableAfter {
			try = 1
		}
		wait := backoff(try, u.o.BackoffMin, u.o.BackoffMax, u.o.Rand())
		level := slog.LevelDebug
		if text := err.Error(); text != told || lived > 0 {
			told, level = text, slog.LevelWarn
		}
		u.log.LogAttrs(ctx, level, "no connection to the broker", slog.Any("error", err), slog.Int("try", try), slog.Duration("wait", wait))
		pause(once, wait)
		done()
	}
}

// Reconnect says goodbye to the broker and connects again at once, with the files and
// the certificate as they are then. While there is no connection the next try is made
// now. It does not wait for it.
func (u *Uplink) Reconnect() {
	u.mu.Lock()
	defer u.mu.Unlock()
	close(u.again)
	u.again = make(chan struct{})
}

// untilAgain returns a context that also ends with the next Reconnect.
func (u *Uplink) untilAgain(ctx context.Context) (context.Context, context.CancelFunc) {
	u.mu.Lock()
	again := u.again
	u.mu.Unlock()
	once, cancel := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		select {
		case <-again:
			cancel(errReconnect)
		case <-over:
		}
	}()
	return once, func() { close(over); cancel(nil) }
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// connection is one connection from the dialling to its end. It returns how
// long it lived after its birth, and why it ended.
func (u *Uplink) connection(ctx context.Context) (lived time.Duration, err error) {
	u.count(func(s *Stats) { s.Attempts++ })
	nc, err := u.dial(ctx)
	if err != nil {
		return 0, err
	}
	s := newSession(u, newConn(nc, u.c.writeTimeout()))
	defer s.close()
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	born := time.Now()
	u.count(func(s *Stats) { s.Connected = true; s.Connections++ })
	u.log.Info("connected to the broker", slog.Int64("conn", s.state.Conn))
	err = s.serve(ctx)
	u.count(func(s *Stats) { s.Connected = false })
	return time.Since(born), err
}

// Why the watchdog ends a connection.
var (
	errDead     = errors.New("the connection is dead: nothing came in for two keepalives")
	errNotTaken = errors.New("the broker does not take what is published: no PUBACK in a minute")
)
