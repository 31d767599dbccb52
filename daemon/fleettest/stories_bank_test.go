package fleettest

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lockerd/daemon"
	"lockerd/daemon/config"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/hal/sim"
	"lockerd/store"
	"lockerd/sync/brokertest"
)

// runAs names the configuration of a test binary that is to be lockerd: a bank that can be killed.
const runAs = "LOCKERD_TEST_RUN"

// runApart is that process. At SIGUSR1 it says how many goroutines it has.
func runApart(file string) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			fmt.Printf("goroutines %d\n", runtime.NumGoroutine())
		}
	}()
	c, err := config.Load(file)
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		err = daemon.Run(ctx, daemon.Options{Config: c, Version: "test", Log: log, Ready: os.Stdout})
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

const (
	storyDoors    = 24
	storyScanners = 3
)

// box is a bank of a story: what no kill touches (boards, doors, scanners, disk, and who shuts
// the doors), and the daemon on it.
type box struct {
	t        *testing.T
	name     string
	dir      string
	line     *sim.Line
	scanners []*sim.Scanner
	link     *brokertest.Proxy
	client   *control.Client
	apart    bool // it runs in a process of its own
	log      *os.File

	mu    sync.Mutex // guards what follows
	up    bool
	stop  context.CancelFunc
	cmd   *exec.Cmd
	gone  chan error
	said  chan string
	moves int // of the link, since the daemon began: each makes its next back-off longer
}

// boxConfig gives boards and doors all the time that a busy machine takes.
const boxConfig = `version  = 1
bank     = %q
data_dir = %q
[control]
socket = %q
[mqtt]
url         = "mqtt://%s"
heartbeat   = "5s"
keepalive   = "2s"
ack_timeout = "1s"
[trust]
keys_file = %q
[open]
pulse = "50ms"
prove = "30s"
tries = 1
reopen_window = "0s"
[[bus]]
name   = "a"
driver = "xor8a"
port   = %q
poll   = "50ms"
reply_timeout = "5s"
[[locker]]
number = 1
bus    = "a"
size   = "M"
doors  = %d
boards = [ { address = 1, channels = 24, first_door = 1 } ]
`

func newBox(t *testing.T, name, trust string, apart bool, broker string) *box {
	t.Helper()
	dir, err := os.MkdirTemp("", "lockerstory-") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &box{t: t, name: name, dir: dir, apart: apart, link: brokertest.NewProxy(t, broker)}
	b.line, err = sim.NewLine(sim.LineConfig{
		Family: "xor8a", Link: filepath.Join(dir, "bus"),
		Boards: []sim.BoardConfig{{Address: 1, Channels: storyDoors, Pulse: 50 * time.Millisecond}},
	})
	if err != nil {
		t.Skipf("no ptys here: %v", err)
	}
	t.Cleanup(func() { _ = b.line.Close() })
	text := fmt.Sprintf(boxConfig, name, b.data(), filepath.Join(dir, "s"), b.link.Addr(), trust, b.line.Path(), storyDoors)
	for d := firstReturn; d <= storyDoors; d++ {
		text += fmt.Sprintf("[[door]]\nid = %q\nuse = \"returns\"\n", doorOf(d))
	}
	for i := range storyScanners {
		s, err := sim.NewScanner(filepath.Join(dir, scannerName(i)), "\r")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		b.scanners = append(b.scanners, s)
		text += fmt.Sprintf("[[scanner]]\nname = %q\ndriver = \"serial\"\nport = %q\n", scannerName(i), s.Path())
	}
	if err := os.WriteFile(b.file(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if b.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.log.Close() })
	b.client = control.NewClient(filepath.Join(dir, "s"), "test")
	for d := 1; d <= storyDoors; d++ {
		b.door(d).SpringAfter(10 * time.Millisecond)
	}
	return b
}

func scannerName(i int) string { return fmt.Sprintf("s%d", i) }

func doorOf(n int) locker.DoorID { return locker.DoorID{Locker: 1, Door: uint8(n)} } //nolint:gosec // 1 to 24

func (b *box) data() string { return filepath.Join(b.dir, "data") }
func (b *box) file() string { return filepath.Join(b.dir, "lockerd.toml") }

func (b *box) door(n int) *sim.Door { return b.line.Door(hal.Lock{Address: 1, Channel: n}) }

// pulses counts what the coil of a door has got.
func (b *box) pulses(door int) int {
	return b.line.Log().Count(sim.Pulse, hal.Lock{Address: 1, Channel: door})
}

// start starts the daemon and returns when it is ready.
func (b *box) start() {
	b.t.Helper()
	if b.isUp() {
		return
	}
	for late := time.Now().Add(storyPatience); ; time.Sleep(10 * time.Millisecond) {
		err := b.tryStart()
		if err == nil {
			break
		}
		// a process that is being made here has the files of the banks here till it is another program
		if b.apart || !strings.Contains(err.Error(), "cannot lock data directory") || time.Now().After(late) {
			b.t.Fatalf("%s does not start: %v", b.name, err)
		}
	}
	b.setUp(true)
}

// tryStart returns nil when the daemon is ready, or why it has ended.
func (b *box) tryStart() error {
	b.t.Helper()
	var ready <-chan string
	if b.apart {
		ready = b.startApart()
	} else {
		ready = b.startHere()
	}
	select {
	case _, ok := <-ready:
		if !ok {
			return cmp.Or(<-b.gone, errors.New("it has ended"))
		}
	case <-time.After(storyPatience):
		b.t.Fatalf("%s is not ready", b.name)
	}
	return nil
}

func (b *box) isUp() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.up
}

func (b *box) setUp(up bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up, b.moves = up, 0
}

func (b *box) startApart() <-chan string {
	b.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runAs+"="+b.file())
	cmd.Stderr = b.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	said, gone := make(chan string, 16), make(chan error, 1)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			said <- s.Text()
		}
		close(said)
		gone <- cmd.Wait()
	}()
	b.cmd, b.gone, b.said = cmd, gone, said
	return said
}

func (b *box) startHere() <-chan string {
	b.t.Helper()
	c, err := config.Load(b.file())
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	said, gone := make(chan string, 16), make(chan error, 1)
	log := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() {
		err := daemon.Run(ctx, daemon.Options{Config: c, Version: "test", Log: log, Ready: readyFunc(func() { said <- "ready" })})
		close(said)
		gone <- err
	}()
	b.stop, b.gone = stop, gone
	return said
}

// end ends the daemon in an orderly way, or as nobody can catch it.
func (b *box) end(kill bool) {
	b.t.Helper()
	if !b.isUp() {
		return
	}
	b.setUp(false)
	switch {
	case !b.apart:
		b.stop()
	case kill:
		_ = b.cmd.Process.Kill() // it may have died by itself: that is told
	default:
		_ = b.cmd.Process.Signal(syscall.SIGTERM) // likewise
	}
	if err := <-b.gone; err != nil && (!b.apart || !kill) {
		b.t.Errorf("%s has ended with %v", b.name, err)
	}
}

// goroutines asks a bank apart.
func (b *box) goroutines() (n int) {
	b.t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Sscanf(<-b.said, "goroutines %d", &n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// attend shuts each door that the bank has seen open, until quit.
func (b *box) attend(quit <-chan struct{}) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-quit:
			return
		}
		if !b.anyOpen() || !b.isUp() {
			continue
		}
		all, err := b.client.Doors(context.Background())
		if err != nil {
			continue // it is killed just now
		}
		for i := range all {
			if d := b.door(i + 1); all[i].State == "open" && d.IsOpen() {
				d.Shut()
			}
		}
	}
}

func (b *box) anyOpen() bool {
	for d := 1; d <= storyDoors; d++ {
		if b.door(d).IsOpen() {
			return true
		}
	}
	return false
}

func (b *box) next() uint64 {
	b.t.Helper()
	s, err := b.client.Status(b.t.Context())
	if err != nil {
		b.t.Fatal(b.name, ": ", err)
	}
	return s.Journal.Next
}

// event waits for the first event from a seq on that is wanted.
func (b *box) event(from uint64, what string, wanted func(*locker.Event) bool) locker.Event {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), storyPatience)
	defer cancel()
	e, err := b.client.Await(ctx, from, wanted)
	if err != nil {
		b.t.Fatalf("%s: no %s from event %d on: %v", b.name, what, from, err)
	}
	return e
}

// journal reads what the bank, which is stopped, has on disk.
func (b *box) journal() (id string, lines []string) {
	b.t.Helper()
	s, err := store.Open(context.Background(), b.data(), store.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	err = s.Lines(1, func(l []byte) bool {
		lines = append(lines, strings.Clone(string(l)))
		return true
	})
	if id = s.JournalID(); err != nil {
		b.t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.t.Fatal(err)
	}
	return id, lines
}

// tail is the end of what the daemon has logged.
func (b *box) tail() string {
	f, err := os.Open(b.log.Name())
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }() // only read
	const most = 6000
	if n, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, n-most), io.SeekStart) // else all of it
	}
	text, _ := io.ReadAll(f) // what can be read
	return string(text)
}
