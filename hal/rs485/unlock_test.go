package rs485_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"lockerd/hal"
)

func TestUnlockIsAcknowledged(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(700 * time.Millisecond)
		before := time.Now()
		r.unlock(7, 1, 12)
		pass(time.Second)
		p := r.outcome(t, 7)
		if p.Err != nil || p.At.Before(before) || p.At.Sub(before) > time.Millisecond {
			t.Errorf("pulsed %+v, asked at %v", p, before)
		}
		if got := l.frames(0x8A); len(got) != 1 || !bytes.Equal(got[0].bytes, sealX(0x8A, 1, 12, 0x11)) {
			t.Errorf("wrote %v", got)
		}
	})
}

func TestUnlockGoesAheadOfTheSweep(t *testing.T) {
	c := &cabinet{latency: 50 * time.Millisecond}
	for a := 1; a <= 12; a++ {
		c.boards = append(c.boards, a)
	}
	l := newLine(c.answer)
	bubble(t, xorConfig(c.boards...), xorCodec(t), l, func(r *rig) {
		t := r.t
		for len(l.frames(0x80)) < 5 {
			pass(time.Millisecond)
		}
		asked := time.Now()
		r.unlock(1, 12, 1)
		pass(time.Second)
		if at := r.outcome(t, 1).At; at.Sub(asked) > 60*time.Millisecond {
			t.Errorf("sent %v after it was asked for: behind more than one exchange", at.Sub(asked))
		}
	})
}

func TestUnansweredUnlockIsNeverRepeated(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	c.mangle = func(req, reply []byte) []chunk {
		if req[0] == 0x8A {
			return nil
		}
		return []chunk{{c.latency, reply}}
	}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		r.unlock(1, 1, 3)
		pass(10 * time.Second)
		if p := r.outcome(t, 1); !errors.Is(p.Err, hal.ErrNoReply) || p.At.IsZero() {
			t.Errorf("pulsed %+v", p)
		}
		if n := len(l.frames(0x8A)); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}

// On a machine so busy that the receiver did not run, what has come by the
// deadline counts all the same.
func TestReplyThatNobodyHadTimeToTake(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		pass(700 * time.Millisecond)
		r.change(func() { l.idle = true })
		r.unlock(1, 1, 3)
		pass(2 * time.Second)
		if p := r.outcome(r.t, 1); p.Err != nil {
			r.t.Errorf("pulsed %+v", p)
		}
		if s := r.Stats(); s.Timeouts > 0 || s.Garbage > 0 {
			r.t.Errorf("stats %+v", s)
		}
	})
}

// A reply that comes after its request was given up must not acknowledge the
// next, identical one, which is itself not answered.
func TestLateReplyCountsForNothing(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	first := true
	c.mangle = func(req, reply []byte) []chunk {
		switch {
		case req[0] == 0x80:
			return []chunk{{c.latency, reply}}
		case first:
			first = false
			return []chunk{{480 * time.Millisecond, reply}} // given up after 405 ms
		}
		return nil
	}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(700 * time.Millisecond)
		r.unlock(1, 1, 3)
		pass(406 * time.Millisecond)
		r.unlock(2, 1, 3)
		pass(2 * time.Second)
		for id := range uint64(2) {
			if p := r.outcome(t, id+1); !errors.Is(p.Err, hal.ErrNoReply) {
				t.Errorf("pulsed %+v", p)
			}
		}
		if r.Stats().Foreign == 0 {
			t.Error("the late reply was not counted as foreign")
		}
	})
}

func TestNothingStaleFires(t *testing.T) {
	tests := []struct {
		name   string
		unlock hal.Unlock
	}{
		{"expired", hal.Unlock{Lock: hal.Lock{Address: 1, Channel: 1}, Expires: time.Unix(1, 0)}},
		{"never valid", hal.Unlock{Lock: hal.Lock{Address: 1, Channel: 1}}},
		{"no such board", hal.Unlock{Lock: hal.Lock{Address: 9, Channel: 1}, Expires: time.Unix(1<<40, 0)}},
		{"no such channel", hal.Unlock{Lock: hal.Lock{Address: 1, Channel: 25}, Expires: time.Unix(1<<40, 0)}},
		{"all channels", hal.Unlock{Lock: hal.Lock{Address: 1}, Expires: time.Unix(1<<40, 0)}},
		{"too long a pulse", hal.Unlock{Lock: hal.Lock{Address: 1, Channel: 1}, Pulse: 2 * time.Second, Expires: time.Unix(1<<40, 0)}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
			l := newLine(c.answer)
			bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
				t := r.t
				pass(time.Second)
				r.Unlock(tc.unlock)
				pass(time.Second)
				if p := r.outcome(t, 0); !errors.Is(p.Err, hal.ErrNotSent) || !p.At.IsZero() {
					t.Errorf("pulsed %+v", p)
				}
				if n := len(l.frames(0x8A)); n != 0 {
					t.Errorf("sent %d frames", n)
				}
			})
		})
	}
}

func TestOneOutstandingForALock(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(time.Second)
		r.unlock(1, 1, 3)
		r.unlock(2, 1, 3)
		pass(time.Second)
		if p := r.outcome(t, 1); p.Err != nil {
			t.Errorf("pulsed %+v", p)
		}
		if p := r.outcome(t, 2); !errors.Is(p.Err, hal.ErrNotSent) {
			t.Errorf("pulsed %+v", p)
		}
	})
}

func TestCoilsLimitPulsesAtOneTime(t *testing.T) {
	for coils := 1; coils <= 3; coils++ {
		cfg := wsConfig()
		cfg.Coils = coils
		l := newLine((&relays{address: 1}).answer)
		bubble(t, cfg, wsCodec(t), l, func(r *rig) {
			t := r.t
			pass(time.Second)
			reads := len(l.frames(1, 2))
			for ch := 1; ch <= 8; ch++ {
				r.unlock(uint64(ch), 1, ch)
			}
			pass(4 * time.Second)
			at := l.frames(1, 5, 2)
			if len(at) != 8 {
				t.Fatalf("%d pulses", len(at))
			}
			for i := range at {
				if i >= coils && at[i].at.Sub(at[i-coils].at) < 300*time.Millisecond {
					t.Errorf("coils=%d: pulse %d comes %v after pulse %d", coils, i, at[i].at.Sub(at[i-coils].at), i-coils)
				}
				if p := r.outcome(t, uint64(i+1)); p.Err != nil {
					t.Errorf("pulsed %+v", p)
				}
			}
			if n := len(l.frames(1, 2)) - reads; n < 7 {
				t.Errorf("only %d reads in 4 s while unlocks waited", n)
			}
		})
	}
}

func TestExpiresWhileWaitingForACoil(t *testing.T) {
	l := newLine((&relays{address: 1}).answer)
	bubble(t, wsConfig(), wsCodec(t), l, func(r *rig) {
		t := r.t
		pass(time.Second)
		r.unlock(1, 1, 1)
		r.Unlock(hal.Unlock{ID: 2, Lock: hal.Lock{Address: 1, Channel: 2}, Pulse: 300 * time.Millisecond, Expires: time.Now().Add(200 * time.Millisecond)})
		pass(time.Second)
		if p := r.outcome(t, 2); !errors.Is(p.Err, hal.ErrNotSent) {
			t.Errorf("pulsed %+v", p)
		}
		if n := len(l.frames(1, 5, 2)); n != 1 {
			t.Errorf("%d pulses", n)
		}
	})
}

// What expires between the decision to send it and its first byte stays.
func TestExpiresAtTheMomentOfSending(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(700 * time.Millisecond)
		r.change(func() { l.slow = 50 * time.Millisecond })
		r.Unlock(hal.Unlock{Lock: hal.Lock{Address: 1, Channel: 1}, Expires: time.Now().Add(20 * time.Millisecond)})
		pass(time.Second)
		if p := r.outcome(t, 0); !errors.Is(p.Err, hal.ErrNotSent) || !p.At.IsZero() {
			t.Errorf("pulsed %+v", p)
		}
		if n := len(l.frames(0x8A)); n != 0 {
			t.Errorf("sent %d frames", n)
		}
	})
}

func TestRefusedUnlock(t *testing.T) {
	l := newLine((&relays{address: 1, refuse: true}).answer)
	bubble(t, wsConfig(), wsCodec(t), l, func(r *rig) {
		t := r.t
		pass(time.Second)
		off := len(l.frames(1, 5, 0, 0xFF))
		r.unlock(1, 1, 1)
		pass(2 * time.Second)
		if p := r.outcome(t, 1); !errors.Is(p.Err, hal.ErrRefused) {
			t.Errorf("pulsed %+v", p)
		}
		if n := len(l.frames(1, 5, 0, 0xFF)); n != off+1 {
			t.Errorf("the board was put to rest %d times after the error", n-off)
		}
	})
}

// Half a minute of noise at line rate must prove nothing and open nothing.
func TestNoiseProvesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	l := newLine(func([]byte) []chunk { return nil })
	bubble(t, xorConfig(1, 2), xorCodec(t), l, func(r *rig) {
		t := r.t
		for i := range 3000 {
			noise := make([]byte, 10)
			for j := range noise {
				noise[j] = byte(random.Uint32())
			}
			l.say(noise)
			pass(10 * time.Millisecond)
			if i%300 == 0 {
				r.unlock(uint64(i), 1, 1)
			}
		}
		pass(2 * time.Second)
		for _, p := range r.sink.pulses() {
			if p.Err == nil {
				t.Errorf("noise acknowledged %+v", p)
			}
		}
		if n := len(r.sink.seen(1)) + len(r.sink.seen(2)); n > 0 {
			t.Errorf("noise read %d times", n)
		}
		if s := r.Stats(); s.Garbage < 25000 || s.Replies > 0 {
			t.Errorf("stats %+v", s)
		}
	})
}
