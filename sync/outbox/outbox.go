package outbox

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Journal is what the outbox needs of the journal.
type Journal interface {
	// First is the seq of the oldest line kept, or Next.
	First() uint64
	// Next is the seq that the next event gets.
	Next() uint64
	// Lines calls fn with the stored lines from the first one on whose seq is at
	// least from, until fn says no. A line is fn's only while it runs.
	Lines(from uint64, fn func(line []byte) bool) error
	// Wait returns when an event with a seq of at least next exists.
	Wait(ctx context.Context, next uint64) error
	// AckedUpTo is the last event that the backend was known to have when the
	// journal was opened. Too low costs duplicates, too high would lose events.
	AckedUpTo() uint64
}

// Options are the settings of an outbox.
type Options struct {
	Bank       string
	JournalID  string
	AckTimeout time.Duration // default 5 s
	Quiet      time.Duration // that a connection must live without events where they are doubted; default 10 s
	Log        *slog.Logger
}

// Outbox sends the journal. Its methods are safe for concurrent use and block
// for nothing but Run for the disk and the link.
type Outbox struct {
	j    Journal
	env  envelope
	log  *slog.Logger
	wake chan struct{} // capacity 1: something happened

	mu    sync.Mutex // never held over I/O
	core  core
	stats Stats
	rest  time.Time // the journal is not read before: it could not be

	ahead ahead // Run's own
}

// ahead are batches that were cut and are not sent: at most a window, so that the
// way to the disk is gone once for several, and while others wait.
type ahead struct {
	from    uint64 // the event that they begin at
	aside   uint64 // what they were cut for
	most    int
	batches []Batch
}

// Stats are where the outbox stands, and counters since New.
type Stats struct {
	Acked    uint64 // last event the backend has
	Next     uint64 // first event to send
	InFlight int    // batches

	Batches  uint64 // sent, repetitions included
	Timeouts uint64 // rewinds for want of an acknowledgement
	Holes    uint64 // times the journal had lost what was to be sent
	Replaced uint64 // events in whose place a gap was sent
	Held     bool   // the broker ends connections for our events: none are sent
}

// New returns an outbox that begins after the last event known as acknowledged.
func New(j Journal, o Options) (*Outbox, error) {
	env, err := newEnvelope(o.Bank, o.JournalID)
	if err != nil {
		return nil, err
	}
	if o.AckTimeout <= 0 {
		o.AckTimeout = DefaultAckTimeout
	}
	if o.Quiet <= 0 {
		o.Quiet = DefaultQuiet
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	acked := min(j.AckedUpTo(), j.Next()-1)
	c := newCore(acked, o.AckTimeout)
	c.quiet = o.Quiet
	return &Outbox{j: j, env: env, log: o.Log, wake: make(chan struct{}, 1), core: c}, nil
}

// Acked tells that the backend has all events up to upto, and reports whether
// that is more than before. The caller has refused what the journal does not
// have yet; here it is ignored.
func (o *Outbox) Acked(upto uint64) bool {
	if upto >= o.j.Next() {
		return false
	}
	defer o.nudge()
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.core.ack(upto, time.Now())
}

// Resync begins again at the event from, whatever was acknowledged. What the
// journal does not keep any more can't come again.
func (o *Outbox) Resync(from uint64) {
	from = min(max(from, 1), o.j.Next())
	defer o.nudge()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.core.resync(from)
	o.log.Info("events are sent again", slog.Uint64("from", from))
}

// Taken tells that the broker has the batch that ends at last.
func (o *Outbox) Taken(last uint64) {
	o.mu.Lock()
	before := o.core.due
	o.core.taken(last, time.Now())
	armed := before.IsZero() && !o.core.due.IsZero()
	o.mu.Unlock()
	if armed {
		o.nudge() // there is a time to wake at
	}
}

// Lost ends the connection that Run began. blame tells that the broker ended it
// while it had a batch that it had not taken.
func (o *Outbox) Lost(blame bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	was := o.core.doubt
	o.core.lost(now, blame)
	is := o.core.doubt
	switch {
	case is.until != was.until:
		o.log.Error("cannot send events: the broker ends the connection for each; check its ACL for up/events", slog.Uint64("seq", is.upto), slog.Duration("pause", Hold))
	case is.aside != was.aside && is.aside != 0:
		o.log.Error("an event ends the connection: a gap goes in its place; check the broker's size limit", slog.Uint64("seq", is.aside))
	case is.strikes == Tries && was.strikes < Tries:
		o.log.Warn("a batch ends the connection: its events go one by one", slog.Uint64("to", is.upto))
	}
}

// Stats returns where the outbox stands.
func (o *Outbox) Stats() Stats {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.stats
	s.Acked, s.Next, s.InFlight = o.core.acked, o.core.next, len(o.core.sent)
	s.Held = o.core.doubt.held(time.Now())
	return s
}

func (o *Outbox) nudge() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Run sends what is to be sent over one connection until ctx ends or send
// fails. The caller then calls Lost. send may block as long as the link does.
func (o *Outbox) Run(ctx context.Context, send func(context.Context, Batch) error) error {
	o.mu.Lock()
	o.core.connected(time.Now())
	o.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { o.watch(ctx) })
	defer watcher.Wait()
	defer cancel()
	for ctx.Err() == nil {
		b, wake := o.take(time.Now())
		if b == nil {
			o.pause(ctx, wake)
			continue
		}
		if err := send(ctx, *b); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// take returns the next batch, noted as sent, or nil and when to ask again.
func (o *Outbox) take(now time.Time) (*Batch, time.Time) {
	o.mu.Lock()
	if o.core.tick(now) {
		o.stats.Timeouts++
		o.log.Warn("no acknowledgement from the backend: events are sent again", slog.Uint64("from", o.core.next), slog.Duration("next_wait", o.core.wait))
	}
	from, most, ok := o.core.want(now)
	wake, aside, rest := o.core.wake(now), o.core.doubt.aside, o.rest
	o.mu.Unlock()
	switch next := o.j.Next(); {
	case from >= next:
		return nil, wake
	case now.Before(rest):
		return nil, rest
	case !ok && next-from < uint64(most):
		return nil, wake // more may come while the window is full
	}
	if err := o.look(from, aside, most); err != nil {
		o.log.Error("cannot read the journal for the backend; run lockerctl journal verify", slog.Any("error", err))
		return nil, o.pauseReading(now)
	}
	if !ok {
		return nil, wake
	}
	b := o.ahead.batches[0]
	o.ahead.from, o.ahead.batches = b.Last+1, o.ahead.batches[1:]
	return o.book(from, b, now)
}

// pauseReading leaves a journal alone that can't be read, until the time it
// returns.
func (o *Outbox) pauseReading(now time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rest = now.Add(ReadRetry)
	return o.rest
}

// look cuts batches from the event from on, if there are none.
func (o *Outbox) look(from, aside uint64, most int) error {
	if a := o.ahead; a.from == from && a.aside == aside && a.most == most && len(a.batches) > 0 {
		return nil
	}
	c := cutter{envelope: o.env, next: from, aside: aside, most: most}
	batches, err := c.read(o.j)
	if err == nil && len(batches) == 0 {
		err = fmt.Errorf("cannot read event %d: the journal has none from there on, though its next is %d", from, o.j.Next())
	}
	o.ahead = ahead{from, aside, most, batches}
	return err
}

// read cuts at most a window of batches. One at the end of the journal that is not
// full is left, if it is not the first: more may have come until it is its turn.
func (c *cutter) read(j Journal) ([]Batch, error) {
	var batches []Batch
	var failed error
	err := j.Lines(c.next, func(line []byte) bool {
		ok, err := c.add(line)
		if err == nil && !ok {
			if batches = append(batches, c.end()); len(batches) == Window {
				return false
			}
			_, err = c.add(line)
		}
		failed = err
		return err == nil
	})
	if len(batches) < Window && c.b.Events > 0 && (len(batches) == 0 || c.full()) {
		batches = append(batches, c.end())
	}
	if len(batches) > 0 {
		return batches, nil // what can't be read behind them is told when it is its turn
	}
	return nil, cmp.Or(err, failed)
}

// book notes a batch as sent, or says when to ask again.
func (o *Outbox) book(from uint64, b Batch, now time.Time) (*Batch, time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.core.send(from, b) {
		return nil, now
	}
	o.stats.Batches++
	o.stats.Replaced += uint64(b.Replaced)
	if b.Hole > 0 {
		o.stats.Holes++
		o.log.Warn("the journal has let go events that were to be sent", slog.Uint64("from", from), slog.Uint64("first", b.First))
	}
	return &b, time.Time{}
}

// pause waits until something happens, at most until wake; zero: for ever.
func (o *Outbox) pause(ctx context.Context, wake time.Time) {
	var alarm <-chan time.Time
	if !wake.IsZero() {
		t := time.NewTimer(time.Until(wake))
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-o.wake:
	case <-alarm:
	case <-ctx.Done():
	}
}

// watch nudges Run whenever the journal grows.
func (o *Outbox) watch(ctx context.Context) {
	for {
		next := o.j.Next()
		o.nudge()
		if o.j.Wait(ctx, next) != nil {
			return
		}
	}
}
