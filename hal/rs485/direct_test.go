package rs485_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"lockerd/hal"
)

// atRest runs a test of an unlock that comes between two sweeps.
func atRest(t *testing.T, f func(r *rig, l *line)) {
	t.Helper()
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		pass(700 * time.Millisecond)
		f(r, l)
	})
}

// On a line at rest the frame has left when Unlock returns, once.
func TestUnlockAtRestLeavesAtOnce(t *testing.T) {
	atRest(t, func(r *rig, l *line) {
		r.unlock(1, 1, 3)
		if n := len(l.frames(0x8A)); n != 1 {
			r.t.Errorf("%d frames have left, want 1", n)
		}
		pass(time.Second)
		if p := r.outcome(r.t, 1); p.Err != nil || p.At.IsZero() {
			r.t.Errorf("pulsed %+v", p)
		}
		if n := len(l.frames(0x8A)); n != 1 {
			r.t.Errorf("%d frames have left in the end, want 1", n)
		}
	})
}

// The second of two unlocks waits for the first, and does not keep its caller.
func TestUnlockBehindAnother(t *testing.T) {
	atRest(t, func(r *rig, l *line) {
		began := time.Now()
		r.unlock(1, 1, 3)
		r.unlock(2, 1, 4)
		if n := len(l.frames(0x8A)); n != 1 || time.Since(began) > 0 {
			r.t.Errorf("%d frames have left after %v, want 1 at once", n, time.Since(began))
		}
		pass(2 * time.Second)
		if p := r.outcome(r.t, 2); p.Err != nil {
			r.t.Errorf("pulsed %+v", p)
		}
	})
}

// A line that takes nothing does not keep the caller; the lock can't have moved.
func TestUnlockOfAStalledLineReturnsAtOnce(t *testing.T) {
	atRest(t, func(r *rig, l *line) {
		l.stall()
		began := time.Now()
		r.unlock(1, 1, 3)
		if d := time.Since(began); d > 0 {
			r.t.Errorf("Unlock took %v", d)
		}
		pass(2 * time.Second)
		if p := r.outcome(r.t, 1); !errors.Is(p.Err, hal.ErrNotSent) {
			r.t.Errorf("pulsed %+v", p)
		}
	})
}

// A port that fails behind the frame leaves the outcome unknown, and is told.
func TestPortLostBehindUnlock(t *testing.T) {
	atRest(t, func(r *rig, l *line) {
		r.unlock(1, 1, 3)
		l.fail(io.ErrUnexpectedEOF)
		pass(time.Second)
		if p := r.outcome(r.t, 1); !errors.Is(p.Err, hal.ErrNoReply) || p.At.IsZero() {
			r.t.Errorf("pulsed %+v", p)
		}
	})
}

// Close waits for the reply to what has just left.
func TestCloseBehindUnlock(t *testing.T) {
	atRest(t, func(r *rig, _ *line) {
		r.unlock(1, 1, 3)
		if err := r.Close(); err != nil {
			r.t.Error(err)
		}
		if p := r.outcome(r.t, 1); p.Err != nil || p.At.IsZero() {
			r.t.Errorf("pulsed %+v", p)
		}
	})
}
