package sim

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"lockerd/hal"

	"golang.org/x/sys/unix"
)

const patience = 10 * time.Second

// host has a port open as a program would, with plain system calls.
type host struct {
	t *testing.T
	f *os.File
}

func dial(t *testing.T, name string) *host {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &host{t, f}
}

func (h *host) write(b []byte) {
	h.t.Helper()
	if err := h.f.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.f.Write(b); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) read(n int) []byte {
	h.t.Helper()
	if err := h.f.SetReadDeadline(time.Now().Add(patience)); err != nil {
		h.t.Fatal(err)
	}
	b := make([]byte, n)
	if m, err := io.ReadFull(h.f, b); err != nil {
		h.t.Fatalf("after % X: %v", b[:m], err)
	}
	return b
}

func newTestLine(t *testing.T, cfg LineConfig) *Line {
	t.Helper()
	l, err := NewLine(cfg)
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

const (
	askAll    = "80 01 00 33 B2"
	answerAll = "80 01 FF 33 4D"
)

func TestLineOnPTY(t *testing.T) {
	l := newTestLine(t, one("xor8a", 8))
	h := dial(t, l.Path())
	h.write(unhex(askAll))
	if got := tohex(h.read(5)); got != answerAll {
		t.Errorf("got %s, want %s", got, answerAll)
	}
	h.write(unhex(open11))
	if got := tohex(h.read(5)[:3]); got != "8A 01 01" { // what it says of the door is a race here
		t.Errorf("unlock: got %s", got)
	}
	if _, err := l.Log().Wait(t.Context(), Opened, at(1, 1), 1); err != nil {
		t.Error(err)
	}
	l.Inject([]byte{0x0D, 0x00, 0x11, 0x13, 0x03, 0xFF}) // what a cooked terminal would eat
	if got := tohex(h.read(6)); got != "0D 00 11 13 03 FF" {
		t.Errorf("injected: got %s", got)
	}
	l.Echo(true)
	h.write(unhex(askAll))
	if got := tohex(h.read(10)); got != askAll+" 80 01 FE 33 4C" {
		t.Errorf("with echo: got %s", got)
	}
}

func TestUnplug(t *testing.T) {
	l := newTestLine(t, one("xor8a", 8))
	for range 3 {
		h := dial(t, l.Path())
		h.write(unhex(askAll))
		h.read(5)
		l.Unplug()
		l.Unplug()
		if _, err := os.Lstat(l.Path()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the name is still there: %v", err)
		}
		if n, err := h.f.Read(make([]byte, 1)); err == nil {
			t.Errorf("%d bytes were read from a port that is gone", n)
		}
		if _, err := h.f.Write([]byte{1}); err == nil {
			t.Error("a port that is gone was written to")
		}
		if err := l.Stall(true); err == nil {
			t.Error("a port that is gone was stalled")
		}
		for range 2 {
			if err := l.Plug(); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantWhats(t, l.Log(), Plugged, Unplugged, Plugged, Unplugged, Plugged, Unplugged, Plugged)
}

func TestStall(t *testing.T) {
	l := newTestLine(t, one("xor8a", 8))
	h := dial(t, l.Path())
	if err := l.Stall(true); err != nil {
		t.Fatal(err)
	}
	if err := h.f.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := h.f.Write(unhex(askAll)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stalled line took %d bytes: %v", n, err)
	}
	if err := l.Stall(false); err != nil {
		t.Fatal(err)
	}
	h.write(unhex(askAll))
	if got := tohex(h.read(5)); got != answerAll {
		t.Errorf("after the stall: got %s", got)
	}
}

func TestPacing(t *testing.T) {
	cfg := one("xor8a", 8)
	cfg.ByteTime = 10 * time.Millisecond
	l := newTestLine(t, cfg)
	h := dial(t, l.Path())
	begun := time.Now()
	h.write(unhex(askAll))
	h.read(5)
	if took := time.Since(begun); took < 95*time.Millisecond {
		t.Errorf("ten bytes of 10 ms took %v", took)
	}
}

func TestNoise(t *testing.T) {
	l := newTestLine(t, one("xor8a", 8))
	h := dial(t, l.Path())
	l.Noise(true, 1)
	begun := time.Now()
	first := h.read(200)
	if took := time.Since(begun); took < 100*time.Millisecond {
		t.Errorf("200 bytes of noise took %v; 9600 baud has 208 ms", took)
	}
	if slices.Equal(first[:100], first[100:]) {
		t.Error("the noise repeats itself")
	}
	h.write(unhex(askAll))
	var heard []byte
	for !bytes.Contains(heard, unhex(answerAll)) && len(heard) < 10000 {
		heard = append(heard, h.read(1)...)
	}
	if len(heard) >= 10000 {
		t.Error("no reply comes through the noise")
	}
	l.Noise(false, 0)
}

// TestNobodyListens lets more be sent than a terminal holds.
func TestNobodyListens(t *testing.T) {
	l := newTestLine(t, one("xor8a", 8))
	h := dial(t, l.Path())
	for range 100 {
		l.Inject(make([]byte, 1000))
	}
	l.Unplug()
	if _, err := h.f.Write([]byte{1}); err == nil {
		t.Error("a port that is gone was written to")
	}
}

func TestScanner(t *testing.T) {
	s, err := NewScanner("", "\r")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"12345", "]Q3abc"} {
		h := dial(t, s.Path())
		if err := s.Scan(text); err != nil {
			t.Fatal(err)
		}
		if got := string(h.read(len(text) + 1)); got != text+"\r" {
			t.Errorf("got %q, want %q and a return", got, text)
		}
		s.Unplug()
		if err := s.Scan(text); err == nil {
			t.Error("an unplugged scanner scanned")
		}
		if err := s.Plug(); err != nil {
			t.Fatal(err)
		}
	}
	name := s.Path()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Plug(); !errors.Is(err, errClosed) {
		t.Errorf("plugging a closed scanner in: %v", err)
	}
	if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a closed scanner is still there: %v", err)
	}
}

func TestStart(t *testing.T) {
	dir := t.TempDir()
	cfg := hal.Config{
		Name: "a", Driver: "sim", Baud: 19200,
		Boards:  []hal.BoardConfig{{Address: 3, Channels: 10}},
		Profile: map[string]string{"family": "xor8a", "person": "off", "baud_pacing": "on", "closed_bit": "0"},
	}
	b, err := Start(cfg, Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	got := b.Config()
	if got.Driver != "xor8a" || got.Port != dir+"/sim-a" || len(got.Profile) != 1 || got.Profile["closed_bit"] != "0" {
		t.Errorf("the driver's configuration is %+v", got)
	}
	if len(cfg.Profile) != 4 {
		t.Error("the caller's profile was changed")
	}
	h := dial(t, got.Port)
	h.write(unhex("80 03 00 33 B0"))
	if got := tohex(h.read(6)); got != "80 03 00 00 33 B0" {
		t.Errorf("status is %s", got)
	}
	if b.Line.cfg.ByteTime != 10*time.Second/19200 || b.Line.person != (Person{}) {
		t.Errorf("byte time %v, person %+v", b.Line.cfg.ByteTime, b.Line.person)
	}
}

func TestStartDefaults(t *testing.T) {
	b, err := Start(hal.Config{Name: "a", Boards: []hal.BoardConfig{{Address: 1, Channels: 24}}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if b.Config().Driver != "xor8a" || b.Line.person.Shut != defaultShut || b.Line.cfg.ByteTime != 0 {
		t.Errorf("family %s, person %+v, byte time %v", b.Config().Driver, b.Line.person, b.Line.cfg.ByteTime)
	}
}

func TestStartRefuses(t *testing.T) {
	for key, value := range map[string]string{
		KeyFamily: "kerong", KeyPerson: "maybe", KeyShut: "soon", KeyPacing: "1",
	} {
		b, err := Start(hal.Config{Name: "a", Profile: map[string]string{key: value}}, Options{})
		if err == nil {
			_ = b.Close()
			t.Errorf("%s = %q was taken", key, value)
		}
	}
}
