package crash

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/hal/sim"
)

const (
	readyWithin  = 30 * time.Second // a start on a busy machine
	answerWithin = 20 * time.Second
	askAgain     = 200 * time.Millisecond // a board that was told half a frame says nothing
)

// hardware is what a SIGKILL does not touch: boards, doors and scanners on ptys
// of the test's own, the data directory, and what the test remembers.
type hardware struct {
	t        *testing.T
	dir      string
	config   string
	line     *sim.Line
	scanners []*sim.Scanner
	turn     int
	client   *control.Client
	daemon   *exec.Cmd
	stderr   *output
	gone     chan error
	last     error // how the last process ended
}

// output is what the program says, read while it speaks.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

const killConfig = `version  = 1
bank     = "lon-042"
data_dir = %q

[[bus]]
name   = "a"
driver = "xor8a"
port   = %q
reply_timeout = "100ms"
poll   = "50ms"

[[locker]]
number = 1
bus    = "a"
size   = "M"
doors  = 8
boards = [ { address = 1, channels = 8, first_door = 1 } ]

[[scanner]]
name   = "front"
driver = "serial"
port   = %q

[[scanner]]
name   = "back"
driver = "serial"
port   = %q

[open]
pulse = "50ms"
prove = "400ms"
reopen_window = "4s"

[control]
socket = %q
`

// killDoors is how many doors that bank has: the first half is stock, the
// others are named by codes.
const killDoors = 8

func newHardware(t *testing.T) *hardware {
	t.Helper()
	dir, err := os.MkdirTemp("", "lockerkill-") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	h := &hardware{t: t, dir: dir, config: filepath.Join(dir, "lockerd.toml")}
	h.line, err = sim.NewLine(sim.LineConfig{
		Family: "xor8a", Link: filepath.Join(dir, "bus"),
		Boards: []sim.BoardConfig{{Address: 1, Channels: killDoors, Pulse: 50 * time.Millisecond}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.line.Close() })
	for _, name := range []string{"front", "back"} {
		s, err := sim.NewScanner(filepath.Join(dir, name), "\r")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		h.scanners = append(h.scanners, s)
	}
	socket := filepath.Join(dir, "s")
	text := fmt.Sprintf(killConfig, filepath.Join(dir, "data"), h.line.Path(), h.scanners[0].Path(), h.scanners[1].Path(), socket)
	if err := os.WriteFile(h.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h.client = control.NewClient(socket, "test")
	t.Cleanup(h.kill)
	return h
}

// start starts the program. The ready line comes through the channel.
func (h *hardware) start() <-chan error {
	h.t.Helper()
	h.stderr = &output{}
	h.daemon = exec.Command(executable(h.t), "run", "--config", h.config)
	h.daemon.Stderr = h.stderr
	out, err := h.daemon.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.daemon.Start(); err != nil {
		h.t.Fatal(err)
	}
	ready, gone := make(chan error, 1), make(chan error, 1)
	h.gone = gone
	daemon := h.daemon
	go func() {
		line, err := bufio.NewReader(out).ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "ready ") {
			err = fmt.Errorf("lockerd said %q", line)
		}
		ready <- err
		gone <- daemon.Wait()
	}()
	return ready
}

// up starts the program and waits until doors can be opened.
func (h *hardware) up() {
	h.t.Helper()
	select {
	case err := <-h.start():
		if err != nil {
			h.kill()
			h.t.Fatalf("lockerd did not start: %v\n%s", err, h.stderr)
		}
	case <-time.After(readyWithin):
		h.kill()
		h.t.Fatalf("lockerd is not ready within %s\n%s", readyWithin, h.stderr)
	}
}

// kill ends the program as nobody can catch it.
func (h *hardware) kill() {
	if h.daemon == nil {
		return
	}
	_ = h.daemon.Process.Kill() // it may have died by itself: the next start tells
	h.last = <-h.gone
	h.daemon = nil
}

// drain returns when the boards have got all that a dead process has said: they answer
// in order, so it asks for a lock that lockerd does not ask for by itself.
func (h *hardware) drain() {
	h.t.Helper()
	f, err := os.OpenFile(h.line.Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // the boards' side stays
	ask := []byte{0x80, 1, killDoors, 0x33}
	ask = append(ask, ask[0]^ask[1]^ask[2]^ask[3])
	var heard []byte
	for limit := time.Now().Add(answerWithin); time.Now().Before(limit); {
		if _, err := f.Write(ask); err != nil {
			h.t.Fatal(err)
		}
		if err := f.SetReadDeadline(time.Now().Add(askAgain)); err != nil {
			h.t.Fatal(err)
		}
		for b := make([]byte, 64); ; {
			n, err := f.Read(b)
			if heard = append(heard, b[:n]...); bytes.Contains(heard, ask[:3]) {
				return
			}
			if err != nil {
				break // asked again
			}
		}
	}
	h.t.Fatalf("the boards do not answer: % X", heard)
}

// stop ends the program in an orderly way.
func (h *hardware) stop() error {
	if err := h.daemon.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := <-h.gone
	h.daemon = nil
	return err
}

// scan presents a text at the scanners in turn: at one of them the same text
// within 1.5 s would be one scan.
func (h *hardware) scan(text string) {
	h.t.Helper()
	h.turn++
	if err := h.scanners[h.turn%len(h.scanners)].Scan(text); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hardware) door(n int) *sim.Door { return h.line.Door(hal.Lock{Address: 1, Channel: n}) }

// moved returns the doors that sprung open since an entry of the log, and how
// many pulses there were.
func (h *hardware) moved(since int) (opened []int, pulses int) {
	for _, e := range h.line.Log().Entries() {
		switch {
		case e.Seq <= since:
		case e.What == sim.Pulse:
			pulses++
		case e.What == sim.Opened:
			opened = append(opened, e.Lock.Channel)
		}
	}
	return opened, pulses
}

func (h *hardware) logged() int {
	all := h.line.Log().Entries()
	if len(all) == 0 {
		return 0
	}
	return all[len(all)-1].Seq
}

// shutAll shuts every door and waits until the bank has seen it.
func (h *hardware) shutAll() {
	h.t.Helper()
	for n := 1; n <= killDoors; n++ {
		h.door(n).Shut()
	}
	h.until("all doors are shut", func() bool {
		all, err := h.client.Doors(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		for _, d := range all {
			if d.State != "closed" {
				return false
			}
		}
		s, err := h.client.Status(h.t.Context())
		return err == nil && len(s.Visits) == 0
	})
}

func (h *hardware) until(what string, is func() bool) {
	h.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(answerWithin)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			h.t.Fatalf("waited %s, and still not: %s\n%s", answerWithin, what, h.stderr)
		}
	}
}

func (h *hardware) next() uint64 {
	h.t.Helper()
	s, err := h.client.Status(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Journal.Next
}

// event waits for the first event from a seq on that is wanted.
func (h *hardware) event(from uint64, wanted func(*locker.Event) bool) locker.Event {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), answerWithin)
	defer cancel()
	e, err := h.client.Await(ctx, from, wanted)
	if err != nil {
		h.t.Fatalf("no event came that was waited for from %d on: %v\n%s", from, err, h.stderr)
	}
	return e
}

func (h *hardware) issue(n bank.NewCode) bank.IssuedCode {
	h.t.Helper()
	n.TTL = 48 * time.Hour
	c, err := h.client.NewCode(h.t.Context(), n)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}
