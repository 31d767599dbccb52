package rs485

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"lockerd/hal"
)

// unlock is a request to pulse, ready to be sent.
type unlock struct {
	hal.Unlock

	board  *board
	req    Request
	probed bool // its board was asked how the line is, once
}

// accept takes over what was queued, and answers what was refused.
func (b *bus) accept() {
	b.mu.Lock()
	queue, refused := b.queue, b.refused
	b.queue, b.refused = nil, nil
	for a, until := range b.focus {
		b.byAddr[a].focus = until
		delete(b.focus, a)
	}
	b.mu.Unlock()
	for _, u := range refused {
		b.pulsed(u, time.Time{}, fail(u.Lock, hal.ErrNotSent, "another unlock of it is under way, or too many are"))
	}
	for _, u := range queue {
		b.prepare(u)
	}
}

func (b *bus) prepare(u hal.Unlock) {
	w, err := b.ready(u)
	if err != nil {
		b.over(u, time.Time{}, fail(u.Lock, hal.ErrNotSent, err.Error()))
		return
	}
	b.pending = append(b.pending, w)
}

// ready makes the request of an unlock.
func (b *bus) ready(u hal.Unlock) (*unlock, error) {
	d := b.byAddr[u.Lock.Address]
	if d == nil || u.Lock.Channel < 1 || u.Lock.Channel > d.Channels {
		return nil, errors.New("the bus has no such lock")
	}
	req, err := b.codec.Unlock(u.Lock, u.Pulse)
	if err != nil {
		return nil, err
	}
	return &unlock{Unlock: u, board: d, req: req}, nil
}

// over ends an unlock that was accepted.
func (b *bus) over(u hal.Unlock, at time.Time, err error) {
	b.mu.Lock()
	delete(b.outstanding, u.Lock)
	b.mu.Unlock()
	b.pulsed(u, at, err)
}

func (b *bus) pulsed(u hal.Unlock, at time.Time, err error) {
	if err != nil {
		b.log.Warn("unlock failed", slog.Uint64("id", u.ID), slog.String("error", err.Error()))
	}
	b.sink.Pulsed(b.cfg.Name, hal.Pulsed{ID: u.ID, Lock: u.Lock, At: at, Err: err})
}

// forget ends all waiting unlocks unsent.
func (b *bus) forget(why string) {
	b.accept()
	for _, u := range b.pending {
		b.over(u.Unlock, time.Time{}, fail(u.Lock, hal.ErrNotSent, why))
	}
	b.pending = nil
}

// expire ends the unlocks that nobody waits for any more.
func (b *bus) expire(now time.Time) {
	b.pending = slices.DeleteFunc(b.pending, func(u *unlock) bool {
		stale := !u.Expires.After(now)
		if stale {
			b.over(u.Unlock, time.Time{}, fail(u.Lock, hal.ErrNotSent, "it expired while it waited"))
		}
		return stale
	})
}

// remove takes an unlock out of the waiting ones.
func (b *bus) remove(u *unlock) {
	b.pending = slices.DeleteFunc(b.pending, func(v *unlock) bool { return v == u })
}

// unlock sends one pulse, once.
func (s *session) unlock(u *unlock) error {
	s.b.remove(u)
	r := s.exchange(&u.req, u.Expires, time.Time{})
	s.b.settle(u, r)
	return r.err
}

// settle says what became of a pulse. An error leaves the board to be put to
// rest, when the pulse it may have begun is over.
func (b *bus) settle(u *unlock, r result) {
	d := u.board
	if r.expired {
		b.over(u.Unlock, r.begun, fail(u.Lock, hal.ErrNotSent, "it expired while it waited"))
		return
	}
	if r.begun.IsZero() {
		b.over(u.Unlock, r.begun, fail(u.Lock, hal.ErrNotSent, r.err.Error()))
		return
	}
	b.pulses = append(b.pulses, pulse{u.Lock, r.begun.Add(u.req.Pulse)})
	switch {
	case r.replied && r.answer.Refused == "":
		b.answered(d)
		b.over(u.Unlock, r.begun, nil)
	case r.replied:
		b.answered(d)
		b.rest(d)
		b.over(u.Unlock, r.begun, fail(u.Lock, hal.ErrRefused, r.answer.Refused))
	case u.req.Optional && r.err == nil:
		if u.req.Grace > 0 {
			d.hold = r.begun.Add(u.req.Grace + b.cfg.ReplyTimeout)
		}
		b.over(u.Unlock, r.begun, nil)
	default:
		d.hold = time.Now().Add(b.cfg.ReplyTimeout)
		b.rest(d)
		b.over(u.Unlock, r.begun, fail(u.Lock, hal.ErrNoReply, "the lock may have moved: read its state"))
		b.failed(d, b.silent(d))
	}
}

func fail(l hal.Lock, sentinel error, why string) error {
	return fmt.Errorf("cannot unlock board %d channel %d: %w: %s", l.Address, l.Channel, sentinel, why)
}
