package sim

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// ask sends a Modbus request that lacks its CRC.
func (b *bench) modbus(r ...byte) string { return b.ask(tohex(mbSeal(r...)), 0) }

func TestBurn(t *testing.T) {
	tests := []struct {
		name    string
		family  string
		request []byte // without checksum
		burns   bool
	}{
		{"board's own pulse", "xor8a", []byte{0x8A, 1, 1, 0x11}, false},
		{"one second", "xor8a", []byte{0x8A, 1, 1, 0x11, 1}, false},
		{"two seconds", "xor8a", []byte{0x8A, 1, 1, 0x11, 2}, true},
		{"hold", "xor8a", []byte{0x9A, 1, 1, 0x11}, true},
		{"flash 1 s", "waveshare", []byte{1, 5, 2, 0, 0, 10}, false},
		{"flash 1.1 s", "waveshare", []byte{1, 5, 2, 0, 0, 11}, true},
		{"on", "waveshare", []byte{1, 5, 0, 0, 0xFF, 0}, true},
		{"toggle", "waveshare", []byte{1, 5, 0, 0, 0x55, 0}, true},
		{"flash off", "waveshare", []byte{1, 5, 4, 0, 0, 3}, true},
		{"write coils", "waveshare", []byte{1, 0x0F, 0, 0, 0, 8, 1, 1}, true},
		{"linkage", "waveshare", []byte{1, 6, 0x10, 0, 0, 1}, true},
		{"cu16", "cu16", []byte{2, 0x10, 0x31, 3}, false},
		{"cu48", "cu48", []byte{2, 1, 0, 0x61, 3}, false},
		{"dc", "dc", []byte{1, 0x10, 1, 1}, false},
		{"dc hold", "dc", []byte{1, 0x16, 2, 1, 1}, true},
		{"dc hold many", "dc", []byte{1, 0x1A, 2, 0, 1}, true},
		{"eletechsup momentary", "eletechsup", []byte{1, 6, 0, 1, 5, 0}, false},
		{"eletechsup delay", "eletechsup", []byte{1, 6, 0, 1, 6, 2}, true},
		{"eletechsup on", "eletechsup", []byte{1, 6, 0, 1, 1, 0}, true},
		{"eletechsup toggle", "eletechsup", []byte{1, 6, 0, 1, 3, 0}, true},
		{"eletechsup latch", "eletechsup", []byte{1, 6, 0, 1, 4, 0}, true},
		{"winnsen", "winnsen", []byte{5, 1, 1}, false},
		{"wkly", "wkly", []byte{1, 0x82, 1}, false},
		{"wkly hold", "wkly", []byte{1, 0x88, 1}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, one(tt.family, 8))
				b.Door(at(1, 1)).Jam(-1)
				b.ask(tohex(sealed(tt.family, tt.request)), 5*time.Second)
				if got := b.log.Count(Burn, at(1, 1)) > 0; got != tt.burns {
					t.Errorf("burn is %v, want %v; log %v", got, tt.burns, whats(&b.log))
				}
				if n := b.log.Count(Pulse, at(1, 1)); n != 1 {
					t.Errorf("%d pulses, want 1", n)
				}
			})
		})
	}
}

func TestRelaysSwitchOff(t *testing.T) {
	off := map[string][]byte{
		"coil":  {1, 5, 0, 0, 0, 0},
		"all":   {1, 5, 0, 0xFF, 0, 0},
		"many":  {1, 0x0F, 0, 0, 0, 8, 1, 0},
		"turn":  {1, 5, 0, 0, 0x55, 0},
		"flash": {1, 5, 2, 0, 0, 3}, // a held relay is let go when the flash is over
	}
	for name, request := range off {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, one("waveshare", 8))
				b.Board(1).Hold(1)
				if b.Board(1).CoilsOn() != 1 {
					t.Fatal("the coil is not held")
				}
				b.modbus(request...)
				time.Sleep(300 * time.Millisecond)
				synctest.Wait()
				if n := b.Board(1).CoilsOn(); n != 0 {
					t.Errorf("%d coils are still on", n)
				}
			})
		})
	}
}

// TestEletechsupOff ends everything but a delay.
func TestEletechsupOff(t *testing.T) {
	for command, left := range map[byte]int{1: 0, 3: 0, 4: 0, 5: 0, 6: 1} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, one("eletechsup", 8))
			b.modbus(1, 6, 0, 2, command, 9)
			b.modbus(1, 6, 0, 0, 8, 0)
			if n := b.Board(1).CoilsOn(); n != left {
				t.Errorf("%d coils are on after all-off upon %02X, want %d", n, command, left)
			}
			b.modbus(1, 6, 0, 2, 6, 0)
			if n := b.Board(1).CoilsOn(); n != 0 {
				t.Errorf("%d coils are on after a delay of nothing upon %02X", n, command)
			}
		})
	}
}

func TestModes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, LineConfig{Family: "waveshare", Boards: []BoardConfig{{Address: 1, Channels: 4, Inverted: true, Linkage: true}}})
		board := b.Board(1)
		if want := []uint16{1, 1, 1, 1, 1, 1, 1, 1}; !slices.Equal(board.Modes(), want) {
			t.Fatalf("modes at power-on are %v", board.Modes())
		}
		board.Door(1).Force() // inverted: an open door's contact is made
		if board.CoilsOn() != 1 {
			t.Error("the relay does not follow its input")
		}
		if got, want := b.modbus(1, 0x10, 0x10, 0, 0, 2, 4, 0, 0, 0, 2), tohex(mbSeal(1, 0x10, 0x10, 0, 0, 2)); got != want {
			t.Errorf("writing modes is answered %s, want %s", got, want)
		}
		if board.CoilsOn() != 1 {
			t.Error("leaving linkage let the relay go")
		}
		b.modbus(1, 5, 0, 0xFF, 0, 0)
		board.Door(2).Force()
		board.Door(2).Shut()
		if board.CoilsOn() != 1 {
			t.Error("in mode toggle an input that came does not turn the relay over")
		}
		board.PowerCycle()
		if got := board.Modes()[1]; got != modeLinkage {
			t.Errorf("after a power cycle the mode is %d", got)
		}
	})
}

func TestSetAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("waveshare", 8))
		b.ask(tohex(mbSeal(0, 6, 0x40, 0, 0, 7)), 0)
		if got, want := b.modbus(7, 3, 0x40, 0, 0, 1), tohex(mbSeal(7, 3, 2, 0, 7)); got != want {
			t.Errorf("the new address answers %q, want %q", got, want)
		}
		if got := b.modbus(1, 3, 0x40, 0, 0, 1); got != "" {
			t.Errorf("the old address answers %q", got)
		}
	})
}

func TestOpenAll(t *testing.T) {
	for family, request := range map[string][]byte{
		"xor8a": {0x8A, 1, 0, 0x11}, "cu48": {2, 1, 0x30, 0x61, 3}, "cu16": {2, 0x10, 0x33, 3},
		"wkly": {1, 0x86}, "dc": {1, 0x14, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg := one(family, 8)
			cfg.Boards[0].UnlockReply = true
			b := newBench(t, cfg)
			got := b.ask(tohex(sealed(family, request)), 20*time.Second)
			if n := len(b.log.All(Opened)); n != 8 {
				t.Errorf("%s opened %d doors, want 8", family, n)
			}
			if got == "" || b.log.Overlap(0) != 1 {
				t.Errorf("%s answered %q with %d coils at a time, want one", family, got, b.log.Overlap(0))
			}
		})
	}
}

func TestOpenMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, one("xor8a", 24))
		b.ask("90 01 02 02 02 93", time.Second)
		for _, ch := range []int{2, 10, 18} {
			if !b.Door(at(1, ch)).IsOpen() {
				t.Errorf("door %d is shut", ch)
			}
		}
		if n := b.log.Overlap(0); n != 3 {
			t.Errorf("%d coils were on at a time, want 3", n)
		}
	})
}
