package sim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lockerd/hal"
	"lockerd/hal/rs485"
	driver "lockerd/hal/rs485/waveshare"
)

// slave is somebody else's Modbus RTU on the boards' side of a line, Debian's
// libmodbus, so that our driver is not only judged by our simulator.
type slave struct {
	path  string // of the master's end of the line
	heard chan string
}

// buildSlave compiles testdata/slave.c. Where Debian can install the library,
// which is in CI, it has to be there.
func buildSlave(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "slave")
	build := exec.Command("cc", "-O1", "-o", bin, "testdata/slave.c", "-lmodbus")
	if out, err := build.CombinedOutput(); err != nil {
		text := fmt.Sprintf("libmodbus is not here (apt-get install gcc libmodbus-dev): %v\n%s", err, out)
		if os.Getenv("LOCKERD_CI") == "1" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	return bin
}

// startSlave starts it on a line of its own: two ptys, joined.
func startSlave(t *testing.T, bin string, args ...string) *slave {
	t.Helper()
	s := &slave{heard: make(chan string, 4096)}
	var near string
	s.path, near = join(t)
	cmd := exec.Command(bin, append([]string{near}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.heard <- lines.Text()
		}
	})
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		reader.Wait()
		_ = cmd.Wait() // it was killed
	})
	s.want(t, "ready")
	return s
}

// join makes a line with an end for each of two programs.
func join(t *testing.T) (a, b string) {
	t.Helper()
	var ours, theirs [2]*os.File
	for i := range ours {
		var err error
		if ours[i], theirs[i], err = openPTY(); err != nil {
			t.Skipf("no pty here: %v", err)
		}
	}
	var wires sync.WaitGroup
	for i := range ours {
		wires.Go(func() { _, _ = io.Copy(ours[1-i], ours[i]) }) // until they are closed
	}
	t.Cleanup(func() {
		for i := range ours {
			_ = ours[i].Close()
			_ = theirs[i].Close()
		}
		wires.Wait()
	})
	return theirs[0].Name(), theirs[1].Name()
}

// want waits for a line of the slave.
func (s *slave) want(t *testing.T, line string) {
	t.Helper()
	var before []string
	for {
		got := receive(t, fmt.Sprintf("%q after %q", line, before), s.heard)
		if got == line {
			return
		}
		before = append(before, got)
	}
}

func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// told is a sink that keeps what a bus says. Status reads that nobody takes are
// dropped.
type told struct {
	pulsed chan hal.Pulsed
	reads  chan hal.Observed
	boards chan hal.Board
}

func (s *told) Pulsed(_ string, p hal.Pulsed) { s.pulsed <- p }
func (s *told) Board(_ string, b hal.Board)   { s.boards <- b }
func (s *told) Observed(_ string, o hal.Observed) {
	select {
	case s.reads <- o:
	default:
	}
}

// drive runs the daemon's driver on the slave.
func (s *slave) drive(t *testing.T, channels int) (hal.Bus, *told) {
	t.Helper()
	codec, err := driver.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	sink := &told{make(chan hal.Pulsed, 64), make(chan hal.Observed, 64), make(chan hal.Board, 64)}
	cfg := hal.Config{
		Name: "a", Driver: "waveshare", Port: s.path, ReplyTimeout: time.Second, Poll: 100 * time.Millisecond,
		Coils: 1, Boards: []hal.BoardConfig{{Address: 1, Channels: channels}},
	}
	bus, err := rs485.Open(cfg, codec, sink, rs485.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	return bus, sink
}

// states writes a status read as a digit for each channel.
func states(o hal.Observed) string {
	text := ""
	for _, s := range o.States {
		text += map[bool]string{true: "0", false: "1"}[s == hal.Open]
	}
	return text
}

// TestWaveshareAgainstAnotherSlave holds that a slave that was written by others
// understands what the driver sends, up to the command that Modbus doesn't know:
// that is refused, and the refusal is understood.
func TestWaveshareAgainstAnotherSlave(t *testing.T) {
	bin := buildSlave(t)
	for _, c := range []struct{ channels, open int }{{8, 2}, {16, 15}, {32, 8}} {
		t.Run(strconv.Itoa(c.channels), func(t *testing.T) {
			s := startSlave(t, bin, strconv.Itoa(c.channels), strconv.Itoa(c.open))
			bus, sink := s.drive(t, c.channels)
			s.want(t, fmt.Sprintf("010500FF0000 0 %d", c.channels)) // all relays off
			s.want(t, fmt.Sprintf("01031000%04X 0 %d", c.channels, c.channels))
			s.want(t, fmt.Sprintf("01101000%04X%02X%s 0 0", c.channels, 2*c.channels, strings.Repeat("0000", c.channels)))
			if b := receive(t, "the board", sink.boards); b.Lost {
				t.Fatalf("lost: %v", b.Err)
			}
			s.want(t, fmt.Sprintf("01020000%04X 0 0", c.channels))
			want := strings.Repeat("1", c.open) + "0" + strings.Repeat("1", c.channels-c.open-1)
			if got := states(receive(t, "a status", sink.reads)); got != want {
				t.Errorf("read %s, want %s", got, want)
			}
			bus.Unlock(hal.Unlock{ID: 7, Lock: hal.Lock{Address: 1, Channel: 5}, Pulse: 300 * time.Millisecond, Expires: time.Now().Add(patience)})
			p := receive(t, "the refusal", sink.pulsed)
			if p.ID != 7 || !errors.Is(p.Err, hal.ErrRefused) || !strings.Contains(p.Err.Error(), "exception 03") {
				t.Errorf("pulsed %+v, want a refusal: illegal data value", p)
			}
			s.want(t, "010502040003 0 0")
		})
	}
}

// TestWavesharePulseAgainstAnotherSlave has the same slave repeat that command,
// as the vendor's boards do: the frame and its checksum are libmodbus's.
func TestWavesharePulseAgainstAnotherSlave(t *testing.T) {
	s := startSlave(t, buildSlave(t), "8", "none", "flash")
	bus, sink := s.drive(t, 8)
	for ch := 1; ch <= 8; ch++ {
		bus.Unlock(hal.Unlock{ID: uint64(ch), Lock: hal.Lock{Address: 1, Channel: ch}, Pulse: 100 * time.Millisecond, Expires: time.Now().Add(patience)})
		if p := receive(t, "the pulse", sink.pulsed); p.ID != uint64(ch) || p.Err != nil {
			t.Fatalf("pulsed %+v", p)
		}
		s.want(t, fmt.Sprintf("010502%02X0001 0 0", ch-1))
	}
	if got := states(receive(t, "a status", sink.reads)); got != "11111111" {
		t.Errorf("read %s, want all made", got)
	}
}
