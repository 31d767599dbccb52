package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
	"lockerd/hal/sim"
)

const quick = 100 * time.Millisecond // for a simulated board to answer

// rig is a line in virtual time, so that no load of this machine makes a board
// late.
type rig struct {
	*sim.Line

	t    *testing.T
	wire *sim.Wire
}

func (r *rig) dial(string, int) (rs485.Port, error) {
	r.wire.Reopen()
	return r.wire, nil
}

// on runs a test of one line in a bubble.
func on(t *testing.T, cfg sim.LineConfig, f func(l *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l, w, err := sim.NewWire(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
		f(&rig{l, t, w})
	})
}

func scanned(t *testing.T, l *rig, opt Options) (*Bus, Found) {
	t.Helper()
	opt.Reply = quick
	b, f, err := Scan(t.Context(), l.dial, "mem", opt)
	if err != nil {
		t.Fatal(err)
	}
	if b != nil {
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return b, f
}

// TestEveryFamilyIsFoundAmongAll asks boards of each family in the words of all,
// and holds that no lock moves by being looked for.
func TestEveryFamilyIsFoundAmongAll(t *testing.T) {
	for _, c := range []struct {
		family   string
		board    sim.BoardConfig
		channels int
	}{
		{"xor8a", sim.BoardConfig{Address: 2, Channels: 20}, 24},
		{"xor8a", sim.BoardConfig{Address: 1, Channels: 40}, 50},
		{"cu16", sim.BoardConfig{Address: 0, Channels: 12}, 16},
		{"cu48", sim.BoardConfig{Address: 0, Channels: 3}, 48},
		{"wkly", sim.BoardConfig{Address: 1, Channels: 24}, 24},
		{"dc", sim.BoardConfig{Address: 2, Channels: 12}, 12},
		{"dc", sim.BoardConfig{Address: 2, Channels: 20}, 24},
		{"waveshare", sim.BoardConfig{Address: 1, Channels: 8}, 8},
		{"winnsen", sim.BoardConfig{Address: 1, Channels: 16, ReplyA5: true}, 16},
	} {
		t.Run(fmt.Sprintf("%s of %d", c.family, c.channels), func(t *testing.T) {
			on(t, sim.LineConfig{Family: c.family, Boards: []sim.BoardConfig{c.board}}, func(l *rig) {
				t := l.t
				b, f := scanned(t, l, Options{Last: 3})
				want := Board{Address: c.board.Address, Channels: c.channels, Answers: Once}
				if f.Family != c.family || len(f.Boards) != 1 || f.Boards[0] != want {
					t.Fatalf("found %+v, want a %s board %+v", f, c.family, want)
				}
				if p := l.Log().Pulses(); len(p) > 0 {
					t.Errorf("looking moved locks: %+v", p)
				}
				lock := hal.Lock{Address: c.board.Address, Channel: 2}
				if _, _, err := b.Pulse(t.Context(), lock, 300*time.Millisecond); err != nil {
					t.Error(err)
				}
				if _, err := l.Log().WaitPulse(t.Context(), lock); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestNoFamilyMovesAnother looks for every family where there are boards of
// another one: they may not find it, and no lock may move.
func TestNoFamilyMovesAnother(t *testing.T) {
	for there := range families.All() {
		for sought := range families.All() {
			if there == sought {
				continue
			}
			t.Run(sought+" among "+there, func(t *testing.T) {
				on(t, sim.LineConfig{Family: there, Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}}, func(l *rig) {
					t := l.t
					if b, f := scanned(t, l, Options{Families: []string{sought}, Last: 2}); b != nil {
						t.Errorf("found %+v", f)
					}
					if p := l.Log().Pulses(); len(p) > 0 {
						t.Errorf("looking moved locks: %+v", p)
					}
				})
			})
		}
	}
}

// TestTwoBoardsAtOneAddress has them answer one after the other, and at once.
func TestTwoBoardsAtOneAddress(t *testing.T) {
	boards := []sim.BoardConfig{{Address: 1, Channels: 2}, {Address: 2, Channels: 2}, {Address: 2, Channels: 2}}
	on(t, sim.LineConfig{Family: "cu16", Boards: boards}, func(l *rig) {
		t := l.t
		_, f := scanned(t, l, Options{Families: []string{"cu16"}, Last: 3})
		if len(f.Boards) != 2 || f.Boards[0].Answers != Once || f.Boards[1].Answers != Twice {
			t.Errorf("found %+v", f.Boards)
		}
	})
}

// TestSizeAfterALostReply loses the reply that tells of all channels.
func TestSizeAfterALostReply(t *testing.T) {
	on(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 50}}}, func(l *rig) {
		t := l.t
		b, _ := scanned(t, l, Options{Families: []string{"xor8a"}, Last: 1})
		l.Boards()[0].Fail(sim.Fault{Mute: true, Times: 1})
		if n, err := b.size(t.Context(), 1); n != 50 || err != nil {
			t.Errorf("%d channels, want 50: %v", n, err)
		}
	})
}

// TestModesAfterALostReply has a board miss every word of being put to rest, and the
// first question about its modes.
func TestModesAfterALostReply(t *testing.T) {
	on(t, sim.LineConfig{Family: "waveshare", Boards: []sim.BoardConfig{{Address: 1, Channels: 8, Linkage: true}}}, func(l *rig) {
		t := l.t
		b, _ := scanned(t, l, Options{Families: []string{"waveshare"}, Last: 1})
		board := l.Boards()[0]
		board.PowerCycle()
		board.Fail(sim.Fault{Silent: true, Times: readTries + 1})
		if changed, err := b.start(t.Context(), 1); !changed || err != nil {
			t.Errorf("a mode was changed: %v, want that: %v", changed, err)
		}
		if got := board.Modes(); slices.Max(got) > 0 {
			t.Errorf("the modes are %v", got)
		}
	})
}

func TestGarbledReplies(t *testing.T) {
	on(t, sim.LineConfig{Family: "cu16", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}}, func(l *rig) {
		t := l.t
		l.Boards()[0].Fail(sim.Fault{Flip: 1})
		b, f := scanned(t, l, Options{Families: []string{"cu16"}, Last: 2})
		if b != nil || len(f.Boards) != 1 || f.Boards[0].Answers != Garbled {
			t.Errorf("found %+v", f)
		}
	})
}

// TestNobodyAnswers looks at a real port.
func TestNobodyAnswers(t *testing.T) {
	l, err := sim.NewLine(sim.LineConfig{Family: "cu16", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	l.Boards()[0].Fail(sim.Fault{Silent: true})
	b, f, err := Scan(t.Context(), rs485.Dial, l.Path(), Options{Families: []string{"cu16"}, Last: 2, Reply: quick})
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	if b != nil || len(f.Boards) > 0 || f.Noise > 0 {
		t.Errorf("found %+v", f)
	}
	if n := l.Boards()[0].Requests(); n > 1 {
		t.Errorf("a silent board was asked %d times, want once", n)
	}
}

// TestLineThatHearsItself takes no echo for a reply: one that is missing is told.
func TestLineThatHearsItself(t *testing.T) {
	on(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}}, func(l *rig) {
		t := l.t
		l.Echo(true)
		b, f := scanned(t, l, Options{Families: []string{"xor8a"}, Last: 2})
		if len(f.Boards) != 1 || f.Boards[0].Answers != Once {
			t.Fatalf("found %+v", f)
		}
		l.Boards()[0].Fail(sim.Fault{Mute: true, UnlocksOnly: true})
		if _, _, err := b.Pulse(t.Context(), hal.Lock{Address: 1, Channel: 1}, 300*time.Millisecond); !errors.Is(err, hal.ErrNoReply) {
			t.Errorf("error %v", err)
		}
		if n := len(l.Log().Pulses()); n != 1 {
			t.Errorf("%d pulses, want one: never again by itself", n)
		}
	})
}

// TestReadsBothWays reads one reply in every view.
func TestReadsBothWays(t *testing.T) {
	on(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 24}}}, func(l *rig) {
		t := l.t
		b, _ := scanned(t, l, Options{Families: []string{"xor8a"}, Last: 1})
		l.Boards()[0].Door(1).Force()
		r, err := b.Read(t.Context(), 1, 24)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Views) != 2 || r.Views[0][0] != hal.Open || r.Views[1][16] != hal.Open || r.Views[1][0] != hal.Closed {
			t.Errorf("views %v of %v", r.Views, b.Views())
		}
	})
}

// TestPulseIsOver holds that no lock is under power any more when it is said to be
// without: a board begins when it has heard the request, not when it is sent.
func TestPulseIsOver(t *testing.T) {
	const answer = 60 * time.Millisecond
	on(t, sim.LineConfig{Family: "xor8a", ByteTime: sim.Byte9600, Boards: []sim.BoardConfig{{Address: 1, Channels: 24, AnswerAfter: answer}}}, func(l *rig) {
		t := l.t
		b, _ := scanned(t, l, Options{Families: []string{"xor8a"}, Last: 1})
		for n, wait := range []time.Duration{time.Second, answer / 2} { // answered, and interrupted
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			begun, over, err := b.Pulse(ctx, hal.Lock{Address: 1, Channel: 3 + n}, 500*time.Millisecond)
			cancel()
			if begun.IsZero() || (err != nil) != (n == 1) {
				t.Fatalf("the pulse of %v was to be sent, and answered within %v: %v", begun, wait, err)
			}
			e, err := l.Log().WaitPulse(t.Context(), hal.Lock{Address: 1, Channel: 3 + n})
			if err != nil {
				t.Fatal(err)
			}
			const request = 5 // bytes, which the simulator hears at once
			if end := e.At.Add(e.Length + request*sim.Byte9600); over.Before(end) {
				t.Errorf("said to be over %v before the board ends it", end.Sub(over))
			}
		}
	})
}
