package sim

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/simonvetter/modbus"
)

// master is somebody else's Modbus RTU on the line, so that our two sides, who
// read the same papers, are not both wrong in the same way.
func master(t *testing.T, l *Line) *modbus.ModbusClient {
	t.Helper()
	c, err := modbus.NewClient(&modbus.ClientConfiguration{
		URL: "rtu://" + l.Path(), Speed: 9600, DataBits: 8, Parity: modbus.PARITY_NONE, StopBits: 1, Timeout: patience / 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.SetUnitId(1); err != nil {
		t.Fatal(err)
	}
	return c
}

func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestWaveshareAgainstAnotherMaster(t *testing.T) {
	l := newTestLine(t, LineConfig{Family: "waveshare", Boards: []BoardConfig{{Address: 1, Channels: 8, Linkage: true}}})
	c, b := master(t, l), l.Board(1)
	regs := must[[]uint16](t)
	if got := regs(c.ReadRegisters(0x1000, 8, modbus.HOLDING_REGISTER)); !slices.Equal(got, []uint16{1, 1, 1, 1, 1, 1, 1, 1}) {
		t.Errorf("modes %v, want linkage", got)
	}
	if err := c.WriteRegisters(0x1000, make([]uint16, 8)); err != nil {
		t.Error(err)
	}
	if err := c.WriteCoilValue(0x00FF, 0); err != nil { // all off
		t.Error(err)
	}
	if n := b.CoilsOn(); n != 0 || slices.Contains(b.Modes(), 1) {
		t.Errorf("%d coils are on, modes %v", n, b.Modes())
	}
	for ch := 1; ch <= 8; ch++ { // linkage has sprung them all
		b.Door(ch).Shut()
	}
	b.Door(3).Force()
	bools := must[[]bool](t)
	if got := bools(c.ReadDiscreteInputs(0, 8)); !slices.Equal(got, []bool{true, true, false, true, true, true, true, true}) {
		t.Errorf("inputs %v, want all made but the third", got)
	}
	if err := c.WriteCoilValue(0x0200+4, 3); err != nil { // flash relay 5 for 300 ms
		t.Error(err)
	}
	if _, err := l.Log().Wait(t.Context(), Released, at(1, 5), 2); err != nil || l.Log().Pulses()[8].Length != 300*time.Millisecond {
		t.Errorf("pulses %+v, %v", l.Log().Pulses(), err)
	}
	if err := c.WriteCoilValue(0x0200+4, 0x7FFF); err != nil { // longer than any machine takes to look
		t.Error(err)
	}
	if got := bools(c.ReadCoils(0, 8)); !slices.Equal(got, []bool{false, false, false, false, true, false, false, false}) {
		t.Errorf("coils %v, want the fifth on", got)
	}
	if got := regs(c.ReadRegisters(0x8000, 1, modbus.HOLDING_REGISTER)); got[0] != 200 {
		t.Errorf("version %v", got)
	}
}

func TestEletechsupAgainstAnotherMaster(t *testing.T) {
	l := newTestLine(t, one("eletechsup", 8))
	c := master(t, l)
	l.Door(at(1, 8)).Force()
	regs := must[[]uint16](t)
	if got := regs(c.ReadRegisters(0x0081, 8, modbus.HOLDING_REGISTER)); !slices.Equal(got, []uint16{1, 1, 1, 1, 1, 1, 1, 0}) {
		t.Errorf("inputs %v", got)
	}
	if err := c.WriteRegister(2, 0x0500); err != nil { // momentary
		t.Error(err)
	}
	if p := l.Log().Pulses(); len(p) != 1 || p[0].Lock != at(1, 2) || p[0].Length != time.Second {
		t.Errorf("pulses %+v", p)
	}
	if err := c.WriteRegister(2, 0x0100); err != nil { // on, for as long as a busy machine takes to look
		t.Error(err)
	}
	if got := regs(c.ReadRegisters(1, 3, modbus.HOLDING_REGISTER)); !slices.Equal(got, []uint16{0, 1, 0}) {
		t.Errorf("relays %v", got)
	}
	if err := c.WriteRegister(0, 0x0800); err != nil { // all off
		t.Error(err)
	}
	if n := l.Board(1).CoilsOn(); n != 0 {
		t.Errorf("%d coils are on", n)
	}
}

// What is refused is refused in the words of the specification.
func TestExceptionsForAnotherMaster(t *testing.T) {
	l := newTestLine(t, LineConfig{Family: "waveshare", Boards: []BoardConfig{{Address: 1, Channels: 8}}})
	c := master(t, l)
	if _, err := c.ReadRegisters(0, 1, modbus.INPUT_REGISTER); !errors.Is(err, modbus.ErrIllegalFunction) {
		t.Errorf("FC04: %v", err)
	}
	if err := c.WriteCoil(8, true); !errors.Is(err, modbus.ErrIllegalDataAddress) {
		t.Errorf("coil 9: %v", err)
	}
	if err := c.WriteCoilValue(0x0200, 0x8000); !errors.Is(err, modbus.ErrIllegalDataValue) {
		t.Errorf("a flash too long: %v", err)
	}
	l.Board(1).Fail(Fault{Flip: 1, Times: 1})
	if _, err := c.ReadCoils(0, 8); err == nil {
		t.Error("a reply with a bit turned over was taken")
	}
}
