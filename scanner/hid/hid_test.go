package hid

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holoplot/go-evdev"
	"golang.org/x/sys/unix"

	"lockerd/scanner/device"
	"lockerd/scanner/scannertest"
)

// wire is an event device on a real descriptor: a socket pair.
type wire struct {
	device *os.File // lockerd's end
	kernel *os.File
}

func newWire(t *testing.T) wire {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := wire{os.NewFile(uintptr(fds[0]), "event0"), os.NewFile(uintptr(fds[1]), "kernel")}
	t.Cleanup(func() { _, _ = w.device.Close(), w.kernel.Close() })
	return w
}

func (w wire) write(t *testing.T, s *stream) {
	t.Helper()
	if _, err := w.kernel.Write(s.bytes); err != nil {
		t.Fatal(err)
	}
}

func native() *stream { return newStream((eventSize - eventBody) / 2) }

// dialEach gives one device after the other.
func dialEach(devices ...io.ReadCloser) func(string) (io.ReadCloser, error) {
	return func(string) (io.ReadCloser, error) {
		if len(devices) == 0 {
			return nil, errors.New("no such device")
		}
		d := devices[0]
		devices = devices[1:]
		return d, nil
	}
}

func openHID(t *testing.T, cfg Config, dial func(string) (io.ReadCloser, error)) (*device.Source, *scannertest.Log) {
	t.Helper()
	cfg.Name = "front"
	if cfg.Layout == "" {
		cfg.Layout = "us"
	}
	l := scannertest.NewLog()
	s, err := Open(cfg, l, Options{Dial: dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, l
}

func want(t *testing.T, l *scannertest.Log, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if got := l.Wait(t); got != line {
			t.Errorf("told %q, want %q", got, line)
		}
	}
}

func TestScansAndReplug(t *testing.T) {
	first, second := newWire(t), newWire(t)
	_, l := openHID(t, Config{Port: "x", Suffix: "\r"}, dialEach(first.device, second.device))
	const code = "12345678901234567890123456"
	first.write(t, native().tap(evdev.KEY_ENTER).typed(t, "us", code).tap(evdev.KEY_ENTER))
	first.write(t, native().typed(t, "us", "Label-7_x").event(evdev.EV_KEY, evdev.KEY_ENTER, pressed))
	first.write(t, native().typed(t, "us", "AB").event(evdev.EV_SYN, evdev.SYN_DROPPED, 0).typed(t, "us", "CD").tap(evdev.KEY_ENTER))
	want(t, l, "front back", code, "Label-7_x", "malformed")
	first.write(t, native().typed(t, "us", "half").key(evdev.KEY_LEFTSHIFT, pressed))
	_ = first.kernel.Close()
	want(t, l, `front lost: cannot read keyboard "x": EOF; check the cable`, "front back")
	second.write(t, native().typed(t, "us", "whole").tap(evdev.KEY_ENTER))
	want(t, l, "whole")
}

// TestCloseEndsRead holds that a read under way on a silent device ends with
// Close, of the descriptor as openDevice makes it.
func TestCloseEndsRead(t *testing.T) {
	fifo := newFIFO(t)
	writer, err := os.OpenFile(fifo, os.O_RDWR, 0) // without it every read ends at once
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close() //nolint:errcheck // nothing was written
	s, l := openHID(t, Config{Port: fifo, Suffix: "\r"}, func(name string) (io.ReadCloser, error) {
		return openFor(name, func(int) error { return nil })
	})
	want(t, l, "front back")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func newFIFO(t *testing.T) string {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return fifo
}

func TestSilenceEndsAScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s, l := openHID(t, Config{Port: "x", Suffix: ""}, dialEach(r))
		if _, err := w.Write(native().tap(evdev.KEY_ENTER).typed(t, "us", "ABCD").tap(evdev.KEY_ENTER).bytes); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want(t, l, "front back", "ABCD")
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestNoEventDevice opens what is there but can't be grabbed, and what is not.
func TestNoEventDevice(t *testing.T) {
	fifo := newFIFO(t)
	for port, says := range map[string]string{
		fifo:            "cannot grab it",
		fifo + "-event": "no such file",
	} {
		_, l := openHID(t, Config{Port: port, Suffix: "\r"}, nil)
		if got := l.Wait(t); !strings.HasPrefix(got, "front lost: cannot open keyboard") || !strings.Contains(got, says) {
			t.Errorf("told %q, want %q", got, says)
		}
	}
}

func TestFaults(t *testing.T) {
	if err := grabFault(unix.EBUSY); !strings.Contains(err.Error(), "another program") {
		t.Error(err)
	}
	if _, err := Open(Config{Layout: "klingon"}, scannertest.NewLog(), Options{}); err == nil {
		t.Error("a layout that is none was taken")
	}
}
