package rs485_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"lockerd/hal"
)

func TestSweepReadsAllBoards(t *testing.T) {
	c := &cabinet{boards: []int{1, 2, 3}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1, 2, 3), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(9800 * time.Millisecond)
		for _, a := range c.boards {
			if n := len(r.sink.seen(a)); n < 19 || n > 21 {
				t.Errorf("board %d was read %d times in 20 periods", a, n)
			}
			if got := r.sink.reports(a); !slices.Equal(got, []bool{false}) {
				t.Errorf("board %d was reported %v", a, got)
			}
			o := r.sink.seen(a)[0]
			if len(o.States) != 24 || o.States[23] != hal.Closed || o.Begun.IsZero() {
				t.Errorf("observed %+v", o)
			}
		}
		s := r.Stats()
		if !s.Up || s.Timeouts != 0 || s.Garbage != 0 || s.Foreign != 0 || s.SweepMS < 15 || s.Requests != s.Replies {
			t.Errorf("stats %+v", s)
		}
	})
}

// A dead board costs one timeout per pause, not one per sweep.
func TestDeadBoardDoesNotSlowTheOthers(t *testing.T) {
	c := &cabinet{boards: []int{1, 2, 3}, latency: 5 * time.Millisecond, silent: map[int]bool{2: true}}
	l := newLine(c.answer)
	bubble(t, xorConfig(1, 2, 3), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(2 * time.Minute)
		if n := len(l.frames(0x80, 2)); n < 8 || n > 12 { // 3 to lose it, then after 1 2 4 8 16 30 30 s
			t.Errorf("the dead board was asked %d times", n)
		}
		for _, a := range []int{1, 3} {
			if n := len(r.sink.seen(a)); n < 235 {
				t.Errorf("board %d was read %d times in 240 periods", a, n)
			}
		}
		if got := r.sink.reports(2); !slices.Equal(got, []bool{true}) {
			t.Errorf("reported %v", got)
		}
		r.change(func() { delete(c.silent, 2) })
		pass(31 * time.Second)
		if got := r.sink.reports(2); !slices.Equal(got, []bool{true, false}) {
			t.Errorf("reported %v", got)
		}
		n := len(r.sink.seen(2))
		pass(5 * time.Second)
		if got := len(r.sink.seen(2)) - n; got < 9 {
			t.Errorf("read %d times in 10 periods after it came back", got)
		}
	})
}

func TestOneSilenceLosesNothing(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	n := 0
	c.mangle = func(_, reply []byte) []chunk {
		if n++; n%3 == 0 {
			return nil
		}
		return []chunk{{c.latency, reply}}
	}
	bubble(t, xorConfig(1), xorCodec(t), newLine(c.answer), func(r *rig) {
		t := r.t
		pass(20 * time.Second)
		if got := r.sink.reports(1); !slices.Equal(got, []bool{false}) {
			t.Errorf("reported %v", got)
		}
		if r.Stats().Timeouts < 10 {
			t.Errorf("stats %+v", r.Stats())
		}
	})
}

func TestFocusReadsOftenAndFairly(t *testing.T) {
	c := &cabinet{boards: []int{1, 2, 3, 4}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1, 2, 3, 4), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(time.Second)
		was := map[int]int{}
		for _, a := range c.boards {
			was[a] = len(r.sink.seen(a))
		}
		until := time.Now().Add(3 * time.Second)
		r.Focus(2, until)
		r.Focus(3, until)
		r.Focus(99, until)
		pass(3 * time.Second)
		read := func(a int) int { return len(r.sink.seen(a)) - was[a] }
		if read(2) < 80 || read(2) > 160 || read(3) < 80 || read(3) > 160 {
			t.Errorf("focused boards were read %d and %d times in 3 s", read(2), read(3))
		}
		if read(1) < 5 || read(4) < 5 {
			t.Errorf("the others were read %d and %d times in 6 periods", read(1), read(4))
		}
		n := len(l.frames())
		pass(10 * time.Second)
		if got := len(l.frames()) - n; got > 85 {
			t.Errorf("%d requests in 20 periods after the focus ended", got)
		}
	})
}

func TestReplyIsFoundInNoise(t *testing.T) {
	tests := []struct {
		name    string
		mangle  func(reply []byte) []chunk
		garbage bool
		foreign bool
	}{
		{"noise before", func(p []byte) []chunk { return []chunk{{5e6, append([]byte{0x00, 0xF8, 0x80, 0x01, 0x80}, p...)}} }, true, false},
		{"noise after", func(p []byte) []chunk { return []chunk{{5e6, append(p, 0x80, 0x01)}} }, true, false},
		{"byte by byte", func(p []byte) []chunk {
			var out []chunk
			for i := range p {
				out = append(out, chunk{time.Duration(5+i) * time.Millisecond, p[i : i+1]})
			}
			return out
		}, false, false},
		{"another board's first", func(p []byte) []chunk {
			return []chunk{{5e6, sealX(0x80, 9, 0, 0, 0, 0x33)}, {8e6, p}}
		}, false, true},
		{"an open's reply first", func(p []byte) []chunk { return []chunk{{5e6, sealX(0x8A, 1, 3, 0)}, {8e6, p}} }, false, true},
		{"noise that starts like a frame", func(p []byte) []chunk {
			return []chunk{{5e6, []byte{0x80, 0x01, 0xFF}}, {8e6, p}}
		}, true, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := &cabinet{boards: []int{1}}
			c.mangle = func(_, reply []byte) []chunk { return tc.mangle(reply) }
			bubble(t, xorConfig(1), xorCodec(t), newLine(c.answer), func(r *rig) {
				t := r.t
				pass(10 * time.Second)
				if n := len(r.sink.seen(1)); n < 19 {
					t.Errorf("read %d times in 20 periods", n)
				}
				if s := r.Stats(); s.Timeouts > 0 || s.Garbage > 0 != tc.garbage || s.Foreign > 0 != tc.foreign {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// Replies that only nearly fit leave the board unread and lost.
func TestWrongRepliesCountForNothing(t *testing.T) {
	tests := []struct {
		name  string
		reply []byte
	}{
		{"another board", sealX(0x80, 2, 0xFF, 0xFF, 0xFF, 0x33)},
		{"another function", sealX(0x8A, 1, 1, 0x11)},
		{"another lock", sealX(0x80, 1, 2, 0x11)},
		{"wrong checksum", []byte{0x80, 1, 0xFF, 0xFF, 0xFF, 0x33, 0x00}},
		{"short", []byte{0x80, 1, 0xFF, 0xFF, 0xFF, 0x33}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := &cabinet{boards: []int{1}}
			c.mangle = func(_, _ []byte) []chunk { return []chunk{{5e6, bytes.Clone(tc.reply)}} }
			bubble(t, xorConfig(1), xorCodec(t), newLine(c.answer), func(r *rig) {
				t := r.t
				pass(10 * time.Second)
				if n := len(r.sink.seen(1)); n > 0 {
					t.Errorf("read %d times", n)
				}
				if got := r.sink.reports(1); !slices.Equal(got, []bool{true}) {
					t.Errorf("reported %v", got)
				}
			})
		})
	}
}

// A reply that lies in the buffer before its request was sent is not its.
func TestEarlierBytesAreFlushed(t *testing.T) {
	c := &cabinet{boards: []int{1}, latency: 5 * time.Millisecond}
	l := newLine(c.answer)
	bubble(t, xorConfig(1), xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(750 * time.Millisecond) // between two sweeps
		r.change(func() { c.silent = map[int]bool{1: true} })
		n := len(r.sink.seen(1))
		l.say(sealX(0x80, 1, 0, 0, 0, 0x33))
		pass(time.Second)
		if got := len(r.sink.seen(1)) - n; got > 0 {
			t.Errorf("read %d times off a silent board", got)
		}
		if s := r.Stats(); s.Foreign != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// Slow boards in focus leave the others their turns.
func TestFocusDoesNotStarveTheSweep(t *testing.T) {
	c := &cabinet{boards: []int{1, 2, 3, 4}, latency: 50 * time.Millisecond}
	bubble(t, xorConfig(1, 2, 3, 4), xorCodec(t), newLine(c.answer), func(r *rig) {
		t := r.t
		pass(time.Second)
		was := len(r.sink.seen(1)) + len(r.sink.seen(4))
		until := time.Now().Add(10 * time.Second)
		r.Focus(2, until)
		r.Focus(3, until)
		pass(10 * time.Second)
		if n := len(r.sink.seen(1)) + len(r.sink.seen(4)) - was; n < 30 {
			t.Errorf("the others were read %d times in 10 s", n)
		}
	})
}

// The late answer to one read must not be taken for that to the next, which is
// the same byte by byte.
func TestLateStatusCountsForNothing(t *testing.T) {
	c := &cabinet{boards: []int{1}}
	n := 0
	c.mangle = func(_, reply []byte) []chunk {
		switch n++; n {
		case 5:
			return []chunk{{160 * time.Millisecond, reply}} // given up after 105 ms
		case 6:
			return nil
		}
		return []chunk{{5 * time.Millisecond, reply}}
	}
	l := newLine(c.answer)
	cfg := xorConfig(1)
	cfg.Poll = 110 * time.Millisecond
	bubble(t, cfg, xorCodec(t), l, func(r *rig) {
		t := r.t
		pass(5 * time.Second)
		asked := l.frames(0x80)
		for _, o := range r.sink.seen(1) {
			if o.Begun.Equal(asked[4].at) || o.Begun.Equal(asked[5].at) {
				t.Errorf("observed %+v", o)
			}
		}
		if n := len(r.sink.seen(1)); n < 30 {
			t.Errorf("read %d times", n)
		}
	})
}
