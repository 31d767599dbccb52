package rs485

import (
	"time"

	"lockerd/hal"
)

// focusGap is the shortest time between two reads of one focused board: short
// against a door's movement, long enough that an idle line costs no CPU.
const focusGap = 20 * time.Millisecond

// horizon is how long the arbiter sleeps when nothing at all is due.
const horizon = time.Hour

// sweep is the state of the round over all boards.
type sweep struct {
	at      time.Time // when the next round may begin
	begun   time.Time // zero between rounds
	cursor  int
	focused bool // the last read was a focused board's
}

// job is one exchange to be made.
type job struct {
	board  *board
	req    *Request
	unlock *unlock // the unlock that req is
	todo   bool    // req is board.todo[0]
	sweep  bool    // taken by the round
}

// next chooses what goes over the line now: unlocks first, reads not before
// quiet. Without a job it says when there may be one.
func (b *bus) next(now, quiet time.Time, echo echoMode) (job, time.Time) {
	b.expire(now)
	j, until := b.nextUnlock(now, echo)
	if j.board != nil {
		return j, now
	}
	if quiet.After(now) {
		return job{}, earlier(until, quiet)
	}
	j, at := b.nextRead(now, echo)
	return j, earlier(until, at)
}

func (b *bus) nextUnlock(now time.Time, echo echoMode) (job, time.Time) {
	until := now.Add(horizon)
	running := b.running(now)
	for _, u := range b.pending {
		until = earlier(until, u.Expires)
		if u.board.hold.After(now) && !u.req.Optional {
			until = earlier(until, u.board.hold)
			continue
		}
		if !u.board.reported && len(u.board.todo) > 0 {
			continue // just found: nothing moves before it is at rest in its mode
		}
		if running >= b.cfg.Coils || b.underPower(u.Lock) {
			continue
		}
		if u.req.Twin && echo == echoUnknown && !u.probed {
			u.probed = true
			return job{board: u.board, req: &u.board.probe}, now
		}
		return job{board: u.board, req: &u.req, unlock: u}, now
	}
	for _, p := range b.pulses {
		if p.until.After(now) {
			until = earlier(until, p.until)
		} else {
			until = earlier(until, p.until.Add(relax))
		}
	}
	return job{}, until
}

// underPower tells whether a lock is pulsed, or was just now.
func (b *bus) underPower(l hal.Lock) bool {
	for _, p := range b.pulses {
		if p.lock == l {
			return true
		}
	}
	return false
}

// nextRead lets the round and the focused boards take turns.
func (b *bus) nextRead(now time.Time, echo echoMode) (job, time.Time) {
	f, until := b.focusedBoard(now)
	w, at := b.sweepBoard(now)
	until = earlier(until, at)
	s := &b.sweep
	switch {
	case f == nil && w == nil:
		return job{}, until
	case w == nil, f != nil && !s.focused:
		s.focused = true
		return b.read(f, now, echo), now
	}
	s.focused = false
	j := b.read(w, now, echo)
	j.sweep = true
	return j, now
}

// focusedBoard returns the board that waits longest of those to be read often.
func (b *bus) focusedBoard(now time.Time) (*board, time.Time) {
	var best *board
	until := now.Add(horizon)
	for _, d := range b.boards {
		if !d.focus.After(now) && !b.unsettled(d) {
			continue
		}
		_, at := d.ready(now)
		if gap := d.read.Add(focusGap); gap.After(at) {
			at = gap
		}
		switch {
		case at.After(now):
			until = earlier(until, at)
		case best == nil || d.read.Before(best.read):
			best = d
		}
	}
	return best, until
}

// sweepBoard returns the board whose turn it is in the round. Boards that may
// not be asked now are passed over.
func (b *bus) sweepBoard(now time.Time) (*board, time.Time) {
	s := &b.sweep
	if s.begun.IsZero() {
		if s.at.After(now) {
			return nil, s.at
		}
		s.begun, s.cursor = now, 0
	}
	for ; s.cursor < len(b.boards); s.cursor++ {
		if ok, _ := b.boards[s.cursor].ready(now); ok {
			return b.boards[s.cursor], now
		}
	}
	length := now.Sub(s.begun)
	b.count(func(st *hal.Stats) { st.SweepMS = length.Milliseconds() })
	s.at = s.begun.Add(max(b.cfg.Poll, focusGap))
	if gap := now.Add(focusGap); s.at.Before(gap) {
		s.at = gap
	}
	s.begun = time.Time{}
	return nil, s.at
}

// read chooses what a board is asked: how the line is, while that is not known
// (a family's plain status too, for boards that lack the probe); then what is
// still to be done, but not into a running pulse; then its states.
func (b *bus) read(d *board, now time.Time, echo echoMode) job {
	switch {
	case echo == echoUnknown && d.fails%2 == 0:
		return job{board: d, req: &d.probe}
	case echo != echoUnknown && len(d.todo) > 0 && !b.pulsing(d.Address).After(now):
		return job{board: d, req: &d.todo[0], todo: true}
	}
	return job{board: d, req: &d.status}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
