package outbox

import (
	"math"
	"time"
)

// sent is a batch on its way.
type sent struct {
	first, last uint64
	taken       bool // by the broker; from then on the backend's time runs
}

// core is the state of the outbox: what is acknowledged, what is on its way,
// when to lose patience. It does no I/O, has no clock and no mutex.
type core struct {
	acked uint64 // last event the backend has
	next  uint64 // first event to send
	sent  []sent // ascending, at most Window
	up    bool   // there is a connection
	spoke bool   // events went out on it
	since uint64 // last event sent since the last resync
	most  int    // events in a batch

	base  time.Duration // ack_timeout
	quiet time.Duration // see Options
	wait  time.Duration // now: doubled by each timeout
	due   time.Time     // when patience ends; zero while the broker has taken nothing

	doubt doubt
}

func newCore(acked uint64, ackTimeout time.Duration) core {
	return core{acked: acked, next: acked + 1, since: math.MaxUint64, most: MaxEvents, base: ackTimeout, quiet: DefaultQuiet, wait: ackTimeout, sent: make([]sent, 0, Window)}
}

// connected begins a connection: all that is not acknowledged goes again.
func (c *core) connected(now time.Time) {
	c.up, c.spoke = true, false
	c.wait = c.base
	c.doubt.connected(now.Add(c.quiet))
	c.rewind()
}

// lost ends a connection. blame tells that the broker ended it with a batch in
// its hands. One that ended without events speaks for them.
func (c *core) lost(now time.Time, blame bool) {
	switch {
	case blame && len(c.sent) > 0:
		c.doubt.strike(c.suspect(), now)
	case !c.spoke && !c.doubt.held(now):
		c.doubt.acquit()
	}
	c.up = false
}

// suspect returns the batch that the connection seems to have ended for: the first
// that the broker has not taken. Those before it only lack the backend's word.
func (c *core) suspect() sent {
	for _, s := range c.sent {
		if !s.taken {
			return s
		}
	}
	return c.sent[0]
}

func (c *core) rewind() {
	c.next = c.acked + 1
	c.sent = c.sent[:0]
	c.due = time.Time{}
}

// ack notes that the backend has all up to upto, and tells whether that is
// news. It may be more than what has been sent since a rewind, but not since a
// resync: then it is of before, and the backend has asked for what it acknowledged.
func (c *core) ack(upto uint64, now time.Time) bool {
	if upto = min(upto, c.since); upto <= c.acked {
		return false
	}
	c.acked = upto
	c.most = min(c.most+1, MaxEvents)
	c.next = max(c.next, upto+1)
	n := 0
	for n < len(c.sent) && c.sent[n].last <= upto {
		n++
	}
	c.sent = append(c.sent[:0], c.sent[n:]...)
	c.wait = c.base
	c.arm(now)
	c.doubt.acked(upto)
	return true
}

// resync goes back, or ahead, to where the backend asks to begin. If that is where
// things stand, what was sent from there on was lost.
func (c *core) resync(from uint64) {
	if from == c.acked+1 && len(c.sent) > 0 {
		c.shrink()
	}
	c.acked = max(from, 1) - 1
	c.since = c.acked
	c.wait = c.base
	c.rewind()
}

// taken notes that the broker has the batch that ends at last.
func (c *core) taken(last uint64, now time.Time) {
	c.doubt.taken(last)
	for i := range c.sent {
		if c.sent[i].last == last {
			c.sent[i].taken = true
		}
	}
	if c.due.IsZero() {
		c.arm(now)
	}
}

// arm lets the time run if the broker has something that the backend has not
// acknowledged. A slow link spends no patience while it still carries a batch.
func (c *core) arm(now time.Time) {
	c.due = time.Time{}
	if len(c.sent) > 0 && c.sent[0].taken {
		c.due = now.Add(c.wait)
	}
}

// shrink makes batches smaller: a broker may take one that is too large for it, and
// lose it. With acknowledgements they grow again.
func (c *core) shrink() { c.most = max(1, c.most/2) }

// tick goes back to the first event not acknowledged if patience has ended.
func (c *core) tick(now time.Time) bool {
	if c.due.IsZero() || now.Before(c.due) {
		return false
	}
	if c.wait >= MaxAckTimeout || c.most < MaxEvents {
		c.shrink()
	}
	c.wait = min(2*c.wait, max(MaxAckTimeout, c.base))
	c.rewind()
	return true
}

// want tells from which event on the next batch is to be made, of how many, and
// whether it may go now.
func (c *core) want(now time.Time) (from uint64, most int, ok bool) {
	window, most := Window, c.most
	if c.wait >= MaxAckTimeout && c.wait > c.base {
		window = 1
	}
	if c.doubt.single() {
		window, most = 1, 1
	}
	return c.next, most, c.up && len(c.sent) < window && !now.Before(c.doubt.notBefore())
}

// send notes that a batch made for want goes out, and tells whether it still
// may: whatever came between may have moved the place.
func (c *core) send(from uint64, b Batch) bool {
	if !c.up || c.next != from || len(c.sent) >= Window {
		return false
	}
	c.spoke = true
	c.sent = append(c.sent, sent{first: b.First, last: b.Last})
	c.next = b.Last + 1
	c.since = max(c.since, b.Last)
	return true
}

// wake returns when want or tick may say something else; zero: only when
// something happens.
func (c *core) wake(now time.Time) time.Time {
	if at := c.doubt.notBefore(); now.Before(at) {
		return at
	}
	return c.due
}
