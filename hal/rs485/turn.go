package rs485

import (
	"fmt"
	"log/slog"
	"time"

	"lockerd/hal"
)

// do makes one exchange and draws the conclusions.
func (s *session) do(j job) error {
	if j.unlock != nil {
		return s.unlock(j.unlock)
	}
	d := j.board
	d.read = time.Now()
	r := s.exchange(j.req, time.Time{}, time.Time{})
	if r.err != nil {
		return r.err
	}
	b := s.b
	if !r.replied {
		d.hold = time.Now().Add(b.cfg.ReplyTimeout)
	}
	if s.conclude(j, r) && j.sweep {
		b.sweep.cursor++
	}
	return nil
}

// conclude takes a read's result and says whether the board has had its turn.
func (s *session) conclude(j job, r result) bool {
	b, d := s.b, j.board
	switch {
	case j.todo && r.answer.Refused != "" && j.req.Note != "":
		b.failed(d, fmt.Errorf("cannot set up board %d on bus %q: %s, but it answers %s", d.Address, b.cfg.Name, j.req.Note, r.answer.Refused))
	case j.todo && !r.replied && j.req.Optional && d.unheard+1 < optionalTries:
		d.unheard++ // lost or late, as any reply may be
	case j.todo && (r.replied || j.req.Optional):
		if r.replied && j.req.Note != "" {
			b.log.Warn("board set up", slog.Int("address", d.Address), slog.String("found", j.req.Note))
		}
		d.advance(r)
		return !r.replied
	case !r.replied:
		b.failed(d, b.silent(d))
	case r.answer.Refused != "":
		b.failed(d, fmt.Errorf("cannot read board %d on bus %q: it answers %s: has it inputs, and as many channels as configured?", d.Address, b.cfg.Name, r.answer.Refused))
	default:
		if r.answer.States == nil || len(d.todo) > 0 && !b.pulsing(d.Address).After(r.begun) {
			d.fails = 0
			return false // a probe, or of a board that is to be brought to rest first
		}
		b.answered(d)
		if !b.agreed(d, r.answer.States) {
			return true
		}
		b.sink.Observed(b.cfg.Name, hal.Observed{Address: d.Address, Begun: r.begun, States: r.answer.States})
	}
	return true
}

// advance goes on to what else is to be done to the board.
func (d *board) advance(r result) {
	then := d.todo[0].Then
	d.todo, d.unheard = d.todo[1:], 0
	if r.replied && r.answer.Refused == "" && then != nil {
		d.todo = append(then(r.answer), d.todo...)
	}
}
