package rs485_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// linked are the modes of a board as delivered.
func linked() []byte { return bytes.Repeat([]byte{0, 1}, 8) }

// order returns what was sent, by function and first register or coil.
func order(l *line) (out []string) {
	for _, f := range l.frames() {
		switch {
		case f.bytes[1] == 0x05 && f.bytes[2] == 0x02:
			out = append(out, "flash")
		case f.bytes[1] == 0x05:
			out = append(out, "off")
		case f.bytes[1] == 0x03:
			out = append(out, "modes?")
		case f.bytes[1] == 0x10:
			out = append(out, "normal")
		}
	}
	return out
}

// An unlock that is asked for at once waits until the board is at rest and no
// input drives a relay.
func TestNothingMovesBeforeTheModeIsNormal(t *testing.T) {
	board := &relays{address: 1, modes: linked()}
	l := newLine(board.answer)
	bubble(t, wsConfig(), wsCodec(t), l, func(r *rig) {
		r.unlock(1, 1, 3)
		pass(time.Second)
		if p := r.outcome(r.t, 1); p.Err != nil {
			r.t.Error(p.Err)
		}
		if got, want := order(l), []string{"off", "modes?", "normal", "off", "flash"}; !slices.Equal(got, want) {
			r.t.Errorf("sent %v, want %v", got, want)
		}
	})
}

// A door that moves before the mode is set drives its relay, which a mode that is
// set leaves as it is: it is put off once more.
func TestRelayThatFollowedItsDoor(t *testing.T) {
	board, on := &relays{address: 1, modes: linked()}, false
	l := newLine(func(req []byte) []chunk {
		switch {
		case req[1] == 0x03 && board.modes[1] != 0:
			on = true
		case req[1] == 0x05 && req[3] == 0xFF:
			on = false
		}
		return board.answer(req)
	})
	bubble(t, wsConfig(), wsCodec(t), l, func(r *rig) {
		pass(2 * time.Second)
		r.change(func() {
			if on || len(r.sink.seen(1)) == 0 {
				r.t.Errorf("a relay is on: %v; %d reads", on, len(r.sink.seen(1)))
			}
		})
	})
}

// A board that keeps its relays to its inputs is not taken into service.
func TestModeThatCannotBeSet(t *testing.T) {
	board := &relays{address: 1, modes: linked()}
	stubborn := func(req []byte) []chunk {
		if req[1] == 0x10 {
			return []chunk{{5 * time.Millisecond, sealM(req[0], 0x90, 4)}}
		}
		return board.answer(req)
	}
	bubble(t, wsConfig(), wsCodec(t), newLine(stubborn), func(r *rig) {
		pass(5 * time.Second)
		if got := r.sink.reports(1); !slices.Equal(got, []bool{true}) || len(r.sink.seen(1)) > 0 {
			r.t.Errorf("reported %v, observed %d times", got, len(r.sink.seen(1)))
		}
		if text := r.Stats().LastError; !strings.Contains(text, "linkage") || !strings.Contains(text, "exception 04") {
			r.t.Errorf("the last error is %q", text)
		}
	})
}

// Two silences are no loss yet, but time enough for a power cut: the modes are
// read again.
func TestModesAreReadAgainAfterTwoSilences(t *testing.T) {
	board := &relays{address: 1, modes: make([]byte, 16)}
	l := newLine(board.answer)
	bubble(t, wsConfig(), wsCodec(t), l, func(r *rig) {
		pass(2100 * time.Millisecond)
		r.change(func() { board.dead = true })
		pass(time.Second)
		r.change(func() { board.dead, board.modes = false, linked() })
		pass(time.Second)
		if want := make([]byte, 16); !bytes.Equal(board.modes, want) {
			r.t.Errorf("the modes are %x", board.modes)
		}
		if got := r.sink.reports(1); !slices.Equal(got, []bool{false}) {
			r.t.Errorf("reported %v", got)
		}
	})
}

// The answer about the modes may be lost or come late like any other: a board is
// not taken to have none before it has been silent to the question often.
func TestModesThatAreNotHeard(t *testing.T) {
	tests := []struct {
		name   string
		after  time.Duration // of the first answers about the modes; 0: they are lost
		times  int
		asked  int
		normal bool
	}{
		{"lost once", 0, 1, 2, true},
		{"lost twice", 0, 2, 3, true},
		{"always slow", 150 * time.Millisecond, 9, 1, true},
		{"never said", 0, 9, 3, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			board, left := &relays{address: 1, modes: linked()}, tc.times
			l := newLine(func(req []byte) []chunk {
				out := board.answer(req)
				if left == 0 || req[1] != 0x03 {
					return out
				}
				left--
				if tc.after == 0 {
					return nil
				}
				return []chunk{{tc.after, out[0].bytes}}
			})
			cfg := wsConfig()
			cfg.ReplyTimeout = 300 * time.Millisecond
			bubble(t, cfg, wsCodec(t), l, func(r *rig) {
				r.unlock(1, 1, 3)
				pass(4 * time.Second)
				if p := r.outcome(r.t, 1); p.Err != nil {
					r.t.Error(p.Err)
				}
				want := append([]string{"off"}, slices.Repeat([]string{"modes?"}, tc.asked)...)
				if tc.normal {
					want = append(want, "normal", "off")
				}
				if got := order(l); !slices.Equal(got, append(want, "flash")) {
					r.t.Errorf("sent %v, want %v and a flash", got, want)
				}
			})
		})
	}
}
