package rs485

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"lockerd/hal"
)

// How a silent board is treated.
const (
	lostAfter  = 3 // silences in a row
	doubtAfter = 2 // and after so many it may have lost its power
	// optionalTries is how often a board is asked what it need not answer, before
	// its silence says that it can't: one reply may be lost, and a board whose
	// inputs drive its relays is not to be left so.
	optionalTries = 3

	retryMin = 1 * time.Second  // first pause before a lost board is tried again
	retryMax = 30 * time.Second // longest
)

// board is what the arbiter knows of one board.
type board struct {
	hal.BoardConfig

	status, probe Request

	todo     []Request // to be done before the next status read
	unheard  int       // silences to todo[0], which is optional
	reported bool
	lost     bool
	fails    int           // silences in a row
	pause    time.Duration // between tries while lost
	retry    time.Time     // lost: not before
	hold     time.Time     // a late reply may come until then
	read     time.Time     // when the last read began
	focus    time.Time     // read often until then
	said     []hal.State   // what the last read told
	times    int           // reads in a row that told it
}

// ready tells whether the board may be asked, and from when on if not.
func (d *board) ready(now time.Time) (bool, time.Time) {
	at := d.hold
	if d.lost && d.retry.After(at) {
		at = d.retry
	}
	return !at.After(now), at
}

// answered notes that the board has spoken.
func (b *bus) answered(d *board) {
	d.fails = 0
	if d.reported && !d.lost {
		return
	}
	d.reported, d.lost = true, false
	b.log.Info("board answers", slog.Int("address", d.Address))
	b.sink.Board(b.cfg.Name, hal.Board{Address: d.Address})
}

// failed notes that the board was silent or would not give its states.
func (b *bus) failed(d *board, err error) {
	b.count(func(s *hal.Stats) { s.LastError = err.Error() })
	d.fails++
	switch {
	case d.lost:
		d.pause = min(2*d.pause, retryMax)
		d.todo = b.codec.Start(d.BoardConfig)
	case d.fails >= lostAfter:
		d.pause = retryMin
		b.lose(d, err)
	case d.fails == doubtAfter && len(d.todo) == 0:
		d.todo = b.codec.Start(d.BoardConfig)
		return
	default:
		return
	}
	d.retry = time.Now().Add(d.pause)
}

// lose reports a board lost, once. It may come back from a power cut, so it is
// to be treated like one that has just been found.
func (b *bus) lose(d *board, err error) {
	if d.lost {
		return
	}
	d.reported, d.lost, d.times = true, true, 0
	d.todo = b.codec.Start(d.BoardConfig)
	b.log.Warn("board lost", slog.Int("address", d.Address), slog.String("error", err.Error()))
	b.sink.Board(b.cfg.Name, hal.Board{Address: d.Address, Lost: true, Err: err})
}

// agreed takes what a read told and says whether as many in a row have told it
// as the family needs.
func (b *bus) agreed(d *board, states []hal.State) bool {
	if d.times == 0 || !slices.Equal(d.said, states) {
		d.said, d.times = states, 0
	}
	d.times++
	return !b.unsettled(d)
}

// unsettled tells whether the board's reads do not agree yet: it is read often
// until they do.
func (b *bus) unsettled(d *board) bool { return d.times > 0 && d.times < b.agree }

// reportFocus is how long a board is read often after it has told something
// unasked: long enough for a switch that bounces.
const reportFocus = 300 * time.Millisecond

// told has the boards read at once that reported something. What they said is
// not believed: it may be older than what was read since.
func (b *bus) told(locks []hal.Lock) {
	for _, l := range locks {
		d := b.byAddr[l.Address]
		if until := time.Now().Add(reportFocus); d != nil && until.After(d.focus) {
			d.focus = until
		}
	}
}

// rest asks for the board's relays to be put off before it is read again.
func (b *bus) rest(d *board) {
	if len(d.todo) == 0 {
		d.todo = b.codec.Inert(d.BoardConfig)
	}
}

func (b *bus) silent(d *board) error {
	return fmt.Errorf("cannot reach board %d on bus %q: no reply within %v: check its power, its address and the pair A/B", d.Address, b.cfg.Name, b.cfg.ReplyTimeout)
}

// relax is how much longer a lock is left alone before it is pulsed again: its
// board's clock started after ours, and two pulses without a pause between
// them would be one of twice the length.
const relax = 150 * time.Millisecond

// pulse is a lock under power.
type pulse struct {
	lock  hal.Lock
	until time.Time
}

// running returns how many locks are under power. It forgets the pulses whose
// locks may be pulsed again.
func (b *bus) running(now time.Time) int {
	b.pulses = slices.DeleteFunc(b.pulses, func(p pulse) bool { return !p.until.Add(relax).After(now) })
	n := 0
	for _, p := range b.pulses {
		if p.until.After(now) {
			n++
		}
	}
	return n
}

// pulsing returns until when a lock of the board is under power.
func (b *bus) pulsing(address int) time.Time {
	var until time.Time
	for _, p := range b.pulses {
		if p.lock.Address == address && p.until.After(until) {
			until = p.until
		}
	}
	return until
}
