package rs485_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"time"

	"lockerd/hal"
)

func TestMissingPortIsLookedForForEver(t *testing.T) {
	c := &cabinet{boards: []int{1, 2}, latency: 5 * time.Millisecond}
	bubble(t, xorConfig(1, 2), xorCodec(t), nil, func(r *rig) {
		t := r.t
		r.unlock(1, 1, 1)
		pass(time.Minute)
		if p := r.outcome(t, 1); !errors.Is(p.Err, hal.ErrNotSent) {
			t.Errorf("pulsed %+v", p)
		}
		tries := r.dials()
		if n := len(tries); n < 12 || n > 20 {
			t.Errorf("tried %d times in a minute", n)
		}
		if gap := tries[len(tries)-1].Sub(tries[len(tries)-2]); gap != 5*time.Second {
			t.Errorf("the last pause was %v", gap)
		}
		if s := r.Stats(); s.Up || s.LastError == "" {
			t.Errorf("stats %+v", s)
		}
		r.plug(newLine(c.answer))
		pass(6 * time.Second)
		for _, a := range c.boards {
			if got := r.sink.reports(a); !slices.Equal(got, []bool{true, false}) {
				t.Errorf("board %d was reported %v", a, got)
			}
		}
	})
}

func TestUnplugAndBack(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(time.Second)
		r.unlock(1, 1, 1)
		pass(50 * time.Millisecond) // on the wire
		r.unlock(2, 1, 2)           // behind it
		r.plug(nil)
		l.fail(syscall.EIO)
		pass(10 * time.Second)
		if p := r.outcome(t, 1); !errors.Is(p.Err, hal.ErrNoReply) {
			t.Errorf("pulsed %+v", p)
		}
		if p := r.outcome(t, 2); !errors.Is(p.Err, hal.ErrNotSent) {
			t.Errorf("pulsed %+v", p)
		}
		r.plug(newLine(c.answer))
		pass(6 * time.Second)
		if got := r.sink.reports(1); !slices.Equal(got, []bool{false, true, false}) {
			t.Errorf("reported %v", got)
		}
		if s := r.Stats(); !s.Up || s.Reopened != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestStalledWriteReopensThePort(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(700 * time.Millisecond)
		l.stall()
		r.plug(newLine(c.answer))
		r.unlock(1, 1, 1)
		pass(5 * time.Second)
		if p := r.outcome(t, 1); !errors.Is(p.Err, hal.ErrNotSent) || !p.At.IsZero() {
			t.Errorf("pulsed %+v", p)
		}
		if got := r.sink.reports(1); !slices.Equal(got, []bool{false, true, false}) {
			t.Errorf("reported %v", got)
		}
		r.unlock(2, 1, 1)
		pass(time.Second)
		if p := r.outcome(t, 2); p.Err != nil {
			t.Errorf("pulsed %+v", p)
		}
	})
}

func TestEchoIsToldFromReply(t *testing.T) {
	tests := []struct {
		name string
		echo bool
		dead bool
		at   time.Duration // of the unlock
		err  error
	}{
		{"plain line", false, false, time.Second, nil},
		{"plain line, at once", false, false, 0, nil},
		{"plain line, dead", false, true, time.Second, hal.ErrNoReply},
		{"echoing line", true, false, time.Second, nil},
		{"echoing line, at once", true, false, 0, nil},
		{"echoing line, dead later", true, true, time.Second, hal.ErrNoReply},
		{"echoing line, dead from the start", true, true, 0, hal.ErrNoReply},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			board := &relays{address: 1, echo: tc.echo, dead: tc.dead && tc.at == 0}
			l := newLine(board.answer)
			bubble(t, wsConfig(), wsCodec(t), l, func(r *rig) {
				t := r.t
				pass(tc.at)
				r.change(func() { board.dead = tc.dead })
				r.unlock(1, 1, 1)
				pass(2 * time.Second)
				if p := r.outcome(t, 1); !errors.Is(p.Err, tc.err) || p.At.IsZero() {
					t.Errorf("pulsed %+v, want %v", p, tc.err)
				}
				if n := len(l.frames(1, 5, 2)); n != 1 {
					t.Errorf("sent %d times", n)
				}
				if s := r.Stats(); s.Echoes > 0 != tc.echo || tc.dead && tc.at == 0 && s.Replies > 0 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

func TestEchoingLineOfXor8a(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond, echo: true, silent: map[int]bool{}}
	bubble(t, xorConfig(1), xorCodec(t), newLine(c.answer), func(r *rig) {
		t := r.t
		pass(time.Second)
		r.unlock(1, 1, 1)
		pass(2 * time.Second)
		if p := r.outcome(t, 1); p.Err != nil {
			t.Errorf("pulsed %+v", p)
		}
		r.change(func() { c.silent[1] = true })
		r.unlock(2, 1, 1)
		pass(2 * time.Second)
		if p := r.outcome(t, 2); !errors.Is(p.Err, hal.ErrNoReply) {
			t.Errorf("pulsed %+v", p)
		}
		if s := r.Stats(); s.Echoes < 5 || s.Foreign > 0 || s.Garbage > 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// An echo that comes or goes while the port is open is found out.
func TestEchoIsLearntAgain(t *testing.T) {
	board := &relays{address: 1}
	bubble(t, wsConfig(), wsCodec(t), newLine(board.answer), func(r *rig) {
		t := r.t
		pass(time.Second)
		for i, echo := range []bool{true, false, true} {
			r.change(func() { board.echo = echo })
			pass(2 * time.Second)
			id := uint64(2 * i)
			r.unlock(id, 1, 1)
			pass(time.Second)
			if p := r.outcome(t, id); p.Err != nil {
				t.Errorf("echo %v: pulsed %+v", echo, p)
			}
			r.change(func() { board.dead = true })
			r.unlock(id+1, 1, 1)
			pass(time.Second)
			if p := r.outcome(t, id+1); !errors.Is(p.Err, hal.ErrNoReply) {
				t.Errorf("echo %v, dead: pulsed %+v", echo, p)
			}
			r.change(func() { board.dead = false })
			pass(5 * time.Second)
		}
	})
}

func TestBoardsAreAtRestAtBothEnds(t *testing.T) {
	tests := []struct {
		name  string
		modes []byte
		write int
	}{
		{"no modes", nil, 0},
		{"normal", make([]byte, 16), 0},
		{"linkage", []byte{0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1}, 1},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			board := &relays{address: 1, modes: tc.modes}
			l := newLine(board.answer)
			bubble(t, wsConfig(), wsCodec(t), l, func(r *rig) {
				t := r.t
				pass(2 * time.Second)
				if n := len(l.frames(1, 5, 0, 0xFF, 0, 0)); n != 1+tc.write {
					t.Errorf("put to rest %d times", n)
				}
				if n := len(l.frames(1, 0x10)); n != tc.write {
					t.Errorf("modes written %d times", n)
				}
				if n := len(r.sink.seen(1)); n < 4 {
					t.Errorf("read %d times", n)
				}
				r.unlock(1, 1, 1)
				r.unlock(2, 1, 2)
				pass(50 * time.Millisecond)
				begun := time.Now()
				if err := r.Close(); err != nil || time.Since(begun) > 2*time.Second {
					t.Errorf("close: %v after %v", err, time.Since(begun))
				}
				if n := len(l.frames(1, 5, 0, 0xFF, 0, 0)); n != 2+tc.write {
					t.Errorf("put to rest %d times", n)
				}
				if p := r.outcome(t, 1); p.Err != nil {
					t.Errorf("pulsed %+v", p)
				}
				if p := r.outcome(t, 2); !errors.Is(p.Err, hal.ErrNotSent) {
					t.Errorf("pulsed %+v", p)
				}
			})
		})
	}
}

func TestCloseIsQuickWhateverTheLine(t *testing.T) {
	for _, missing := range []bool{false, true} {
		cfg := wsConfig()
		cfg.ReplyTimeout = 5 * time.Second
		l := newLine(func([]byte) []chunk { return nil })
		if missing {
			l = nil
		}
		bubble(t, cfg, wsCodec(t), l, func(r *rig) {
			t := r.t
			pass(20 * time.Millisecond)
			begun := time.Now()
			if err := r.Close(); err != nil || time.Since(begun) > 1500*time.Millisecond {
				t.Errorf("close: %v after %v", err, time.Since(begun))
			}
		})
	}
}

// A board that cannot say its states is lost, once, however well it does the
// rest.
func TestBoardWithoutInputsIsLost(t *testing.T) {
	board := &relays{address: 1}
	l := newLine(board.answer)
	bubble(t, wsConfig(), wsCodec(t), l, func(r *rig) {
		t := r.t
		pass(time.Second)
		r.change(func() { board.blind = true })
		pass(2 * time.Minute)
		if got := r.sink.reports(1); !slices.Equal(got, []bool{false, true}) {
			t.Errorf("reported %v", got)
		}
		r.change(func() { board.blind = false })
		n := len(l.frames(1, 5, 0, 0xFF, 0, 0))
		pass(31 * time.Second)
		if got := r.sink.reports(1); !slices.Equal(got, []bool{false, true, false}) {
			t.Errorf("reported %v", got)
		}
		if got := len(l.frames(1, 5, 0, 0xFF, 0, 0)) - n; got != 1 {
			t.Errorf("put to rest %d times on its return", got)
		}
	})
}
