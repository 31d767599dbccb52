package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	"lockerd/hal/rs485/families"
	"lockerd/hal/sim"
)

const quick = 100 * time.Millisecond // for a simulated board to answer

func line(t *testing.T, cfg sim.LineConfig) *sim.Line {
	t.Helper()
	l, err := sim.NewLine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func scanned(t *testing.T, l *sim.Line, opt Options) (*Bus, Found) {
	t.Helper()
	opt.Reply = quick
	b, f, err := Scan(t.Context(), rs485.Dial, l.Path(), opt)
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
			t.Parallel()
			l := line(t, sim.LineConfig{Family: c.family, Boards: []sim.BoardConfig{c.board}})
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
				t.Parallel()
				l := line(t, sim.LineConfig{Family: there, Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}})
				if b, f := scanned(t, l, Options{Families: []string{sought}, Last: 2}); b != nil {
					t.Errorf("found %+v", f)
				}
				if p := l.Log().Pulses(); len(p) > 0 {
					t.Errorf("looking moved locks: %+v", p)
				}
			})
		}
	}
}

// TestTwoBoardsAtOneAddress has them answer one after the other, and at once.
func TestTwoBoardsAtOneAddress(t *testing.T) {
	boards := []sim.BoardConfig{{Address: 1, Channels: 2}, {Address: 2, Channels: 2}, {Address: 2, Channels: 2}}
	l := line(t, sim.LineConfig{Family: "cu16", Boards: boards})
	_, f := scanned(t, l, Options{Families: []string{"cu16"}, Last: 3})
	if len(f.Boards) != 2 || f.Boards[0].Answers != Once || f.Boards[1].Answers != Twice {
		t.Errorf("found %+v", f.Boards)
	}
}

// TestSizeAfterALostReply loses the reply that tells of all channels.
func TestSizeAfterALostReply(t *testing.T) {
	l := line(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 50}}})
	b, _ := scanned(t, l, Options{Families: []string{"xor8a"}, Last: 1})
	l.Boards()[0].Fail(sim.Fault{Mute: true, Times: 1})
	if n, err := b.size(t.Context(), 1); n != 50 || err != nil {
		t.Errorf("%d channels, want 50: %v", n, err)
	}
}

// TestModesAfterALostReply has a board miss every word of being put to rest, and the
// first question about its modes.
func TestModesAfterALostReply(t *testing.T) {
	l := line(t, sim.LineConfig{Family: "waveshare", Boards: []sim.BoardConfig{{Address: 1, Channels: 8, Linkage: true}}})
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
}

func TestGarbledReplies(t *testing.T) {
	l := line(t, sim.LineConfig{Family: "cu16", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}})
	l.Boards()[0].Fail(sim.Fault{Flip: 1})
	b, f := scanned(t, l, Options{Families: []string{"cu16"}, Last: 2})
	if b != nil || len(f.Boards) != 1 || f.Boards[0].Answers != Garbled {
		t.Errorf("found %+v", f)
	}
}

func TestNobodyAnswers(t *testing.T) {
	l := line(t, sim.LineConfig{Family: "cu16", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}})
	l.Boards()[0].Fail(sim.Fault{Silent: true})
	if b, f := scanned(t, l, Options{Families: []string{"cu16"}, Last: 2}); b != nil || len(f.Boards) > 0 || f.Noise > 0 {
		t.Errorf("found %+v", f)
	}
}

// TestLineThatHearsItself takes no echo for a reply: one that is missing is told.
func TestLineThatHearsItself(t *testing.T) {
	l := line(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 2}}})
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
}

// TestReadsBothWays reads one reply in every view.
func TestReadsBothWays(t *testing.T) {
	l := line(t, sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{{Address: 1, Channels: 24}}})
	b, _ := scanned(t, l, Options{Families: []string{"xor8a"}, Last: 1})
	l.Boards()[0].Door(1).Force()
	r, err := b.Read(t.Context(), 1, 24)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Views) != 2 || r.Views[0][0] != hal.Open || r.Views[1][16] != hal.Open || r.Views[1][0] != hal.Closed {
		t.Errorf("views %v of %v", r.Views, b.Views())
	}
}

// TestPulseIsOver holds that no lock is under power any more when it is said to be
// without: a board begins when it has heard the request, not when it is sent.
func TestPulseIsOver(t *testing.T) {
	l := line(t, sim.LineConfig{Family: "xor8a", ByteTime: sim.Byte9600, Boards: []sim.BoardConfig{{Address: 1, Channels: 24, AnswerAfter: 60 * time.Millisecond}}})
	b, _ := scanned(t, l, Options{Families: []string{"xor8a"}, Last: 1})
	b.reply = time.Minute // nothing but us ends the wait for a reply
	pulse := func(ctx context.Context, channel int, want error) {
		lock := hal.Lock{Address: 1, Channel: channel}
		_, over, err := b.Pulse(ctx, lock, 500*time.Millisecond)
		if !errors.Is(err, want) {
			t.Fatalf("pulse of channel %d: %v, want %v", channel, err, want)
		}
		e, err := l.Log().WaitPulse(t.Context(), lock)
		if err != nil {
			t.Fatal(err)
		}
		if end := e.At.Add(e.Length); over.Before(end) {
			t.Errorf("said to be over %v before the board ends it", end.Sub(over))
		}
	}
	pulse(t.Context(), 3, nil)
	l.Boards()[0].Fail(sim.Fault{Mute: true, UnlocksOnly: true})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel() // as soon as the board has heard it
		if _, err := l.Log().WaitPulse(t.Context(), hal.Lock{Address: 1, Channel: 4}); err != nil {
			t.Error(err)
		}
	}()
	pulse(ctx, 4, context.Canceled)
}
