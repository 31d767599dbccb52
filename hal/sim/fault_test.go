package sim

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestFaults(t *testing.T) {
	const clean = "8A 01 01 00 8A" // after 80 ms, the door has sprung open
	tests := []struct {
		name   string
		fault  Fault
		after  time.Duration
		want   string
		pulses int
	}{
		{"sound", Fault{}, 90 * time.Millisecond, clean, 1},
		{"sound, not yet", Fault{}, 70 * time.Millisecond, "", 1},
		{"silent", Fault{Silent: true}, time.Second, "", 0},
		{"mute", Fault{Mute: true}, time.Second, "", 1},
		{"late", Fault{Late: time.Second}, 1070 * time.Millisecond, "", 1},
		{"late at last", Fault{Late: time.Second}, 1090 * time.Millisecond, clean, 1},
		{"lead", Fault{Lead: []byte{0xFF, 0x8A}}, time.Second, "FF 8A " + clean, 1},
		{"cut", Fault{Cut: 2}, time.Second, "8A 01 01", 1},
		{"cut away", Fault{Cut: 9}, time.Second, "", 1},
		{"another's name", Fault{Shift: 2}, time.Second, "8A 03 01 00 88", 1},
		{"xor8a can't refuse", Fault{Refuse: true}, time.Second, clean, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, one("xor8a", 8))
				b.Board(1).Fail(tt.fault)
				if got := b.ask(open11, tt.after); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if n := len(b.log.Pulses()); n != tt.pulses {
					t.Errorf("%d pulses, want %d", n, tt.pulses)
				}
			})
		})
	}
}

// TestLateIsOld wants a late reply to say what was when it was due.
func TestLateIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		b.Board(1).Fail(Fault{Late: time.Second})
		b.later(time.Second/2, func() { b.boards[0].doors[0].swing() })
		if got := b.ask(askAll, 2*time.Second); got != answerAll {
			t.Errorf("got %s, want %s", got, answerAll)
		}
	})
}

func TestFaultsEnd(t *testing.T) {
	const ask, clean = "80 01 00 33 B2", "80 01 FF 33 4D"
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 8))
		b.Board(1).Fail(Fault{Silent: true, Times: 2})
		for i, want := range []string{"", "", clean} {
			if got := b.ask(ask, 0); got != want {
				t.Errorf("request %d: got %q, want %q", i, got, want)
			}
		}
		b.Board(1).Fail(Fault{Mute: true, UnlocksOnly: true})
		if got := b.ask(ask, 0); got != clean {
			t.Errorf("a read under a fault of unlocks: %q", got)
		}
		if got := b.ask(open11, time.Second); got != "" {
			t.Errorf("an unlock under it: %q", got)
		}
		b.Board(1).Heal()
		if got := b.ask("8A 01 02 11 98", time.Second); got == "" {
			t.Error("a healed board is silent")
		}
		if n := b.Board(1).Requests(); n != 6 {
			t.Errorf("%d requests were counted, want 6", n)
		}
	})
}

func TestFlip(t *testing.T) {
	clean := unhex("80 01 FF 33 4D")
	for range 100 {
		f := Fault{Flip: 1}
		got := f.spoil(xor8a{}, 1, unhex("80 01 FF 33 4D"))
		bits := 0
		for i := range got {
			for d := got[i] ^ clean[i]; d != 0; d &= d - 1 {
				bits++
			}
		}
		if bits != 1 {
			t.Fatalf("%d bits are flipped, want one", bits)
		}
	}
}

func TestWaveshareRefusesWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("waveshare", 8))
		b.Board(1).Fail(Fault{Refuse: true})
		if got, want := b.modbus(1, 5, 2, 0, 0, 3), tohex(mbSeal(1, 0x85, mbFailed)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if n := len(b.log.Pulses()); n != 0 {
			t.Errorf("%d pulses, want none", n)
		}
	})
}

func TestBuildErrors(t *testing.T) {
	for _, cfg := range []LineConfig{
		{Family: "cu17"},
		{Family: "xor8a", Boards: []BoardConfig{{Address: 1}}},
		{Family: "cu48", Boards: []BoardConfig{{Address: 1, Channels: 49}}},
	} {
		if l, err := NewLine(cfg); err == nil {
			_ = l.Close()
			t.Errorf("%+v was built", cfg)
		}
	}
}
