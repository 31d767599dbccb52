package daemon_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockerd/daemon"
	"lockerd/daemon/config"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/hal/sim"
)

// Bounds of the load tests.
const (
	loadLockers  = 6
	loadDoors    = 34
	loadPatience = 60 * time.Second // a machine that is busy with other tests, too
)

// loadRig is a running daemon on a simulated bank: a bus and a scanner for each
// locker.
type loadRig struct {
	t        *testing.T
	ctx      context.Context //nolint:containedctx // of the test, which the rig is part of
	lines    []*sim.Line
	scanners []*sim.Scanner
	client   *control.Client
	dir      string
}

// newLoadRig plugs the hardware in; start starts the daemon on it.
func newLoadRig(t *testing.T, lockers int) *loadRig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*loadPatience)
	t.Cleanup(cancel)
	r := &loadRig{t: t, ctx: ctx, dir: t.TempDir()}
	for n := 1; n <= lockers; n++ {
		l, err := sim.NewLine(sim.LineConfig{
			Family: "xor8a", Link: r.path("bus-%d", n), ByteTime: sim.Byte9600,
			Boards: []sim.BoardConfig{{Address: 1, Channels: 24}, {Address: 2, Channels: 10}},
		})
		if err != nil {
			t.Skipf("no ptys here: %v", err)
		}
		t.Cleanup(func() { _ = l.Close() })
		s, err := sim.NewScanner(r.path("scanner-%d", n), "\r")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		r.lines, r.scanners = append(r.lines, l), append(r.scanners, s)
	}
	return r
}

func (r *loadRig) path(format string, n int) string {
	return filepath.Join(r.dir, fmt.Sprintf(format, n))
}

func (r *loadRig) data() string { return filepath.Join(r.dir, "data") }

// config is the bank as its file has it.
func (r *loadRig) config() *config.Config {
	r.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "version = 1\nbank = \"load\"\ndata_dir = %q\n[control]\nsocket = %q\n", r.data(), filepath.Join(r.dir, "s"))
	for i := range r.lines {
		n := i + 1
		fmt.Fprintf(&b, "[[bus]]\nname = \"b%d\"\ndriver = \"xor8a\"\nport = %q\n", n, r.lines[i].Path())
		fmt.Fprintf(&b, "[[locker]]\nnumber = %d\nbus = \"b%d\"\nsize = \"M\"\ndoors = %d\n", n, n, loadDoors)
		b.WriteString("boards = [ { address = 1, channels = 24, first_door = 1 }, { address = 2, channels = 10, first_door = 25 } ]\n")
		fmt.Fprintf(&b, "[[scanner]]\nname = \"s%d\"\ndriver = \"serial\"\nport = %q\nsuffix = \"\\r\"\n", n, r.scanners[i].Path())
	}
	c, err := config.Parse([]byte(b.String()), "load.toml")
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// start runs the daemon until the test ends and waits for its ready line.
func (r *loadRig) start() string {
	r.t.Helper()
	c := r.config()
	ctx, stop := context.WithCancel(context.Background())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := daemon.Run(ctx, daemon.Options{Config: c, Version: "test", Log: slog.New(slog.DiscardHandler), Ready: write})
		_ = write.CloseWithError(io.EOF) // whoever waits for ready hears of it
		ended <- err
	}()
	r.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			r.t.Errorf("the daemon ended with %v", err)
		}
	})
	line := make([]byte, 256)
	n, err := read.Read(line)
	if err != nil {
		r.t.Fatal("the daemon does not become ready: ", err)
	}
	r.client = control.NewClient(c.Control.Socket, "test")
	return string(line[:n])
}

// lock is where a door of a locker is wired.
func lock(door int) hal.Lock {
	if door > 24 {
		return hal.Lock{Address: 2, Channel: door - 24}
	}
	return hal.Lock{Address: 1, Channel: door}
}

func (r *loadRig) door(n, door int) *sim.Door { return r.lines[n-1].Door(lock(door)) }

// visit is one scan for a door of its scanner's own locker.
type visit struct {
	locker, door int
	text         string
	at           time.Time
}

func doorID(n, door int) locker.DoorID { return locker.DoorID{Locker: uint8(n), Door: uint8(door)} }

// pulsed waits for the first pulse of a visit's door and returns how long it
// came after the scan.
func (r *loadRig) pulsed(v *visit) time.Duration {
	r.t.Helper()
	e, err := r.wait(sim.Pulse, v)
	if err != nil {
		r.t.Fatal(err)
	}
	return e.At.Sub(v.at)
}

func (r *loadRig) wait(what sim.What, v *visit) (sim.Entry, error) {
	ctx, cancel := context.WithTimeout(r.ctx, loadPatience)
	defer cancel()
	return r.lines[v.locker-1].Log().Wait(ctx, what, lock(v.door), 1)
}

func (r *loadRig) scan(v *visit) {
	r.t.Helper()
	v.at = time.Now()
	if err := r.scanners[v.locker-1].Scan(v.text); err != nil {
		r.t.Fatal(err)
	}
}

// until reads the journal from its beginning, and waits, till is is true.
func (r *loadRig) until(is func(*locker.Event) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, loadPatience)
	defer cancel()
	if _, err := r.client.Await(ctx, 0, is); err != nil {
		r.t.Fatalf("what was waited for does not come: %v", err)
	}
}

// told waits until the bank has journaled something of a visit's door.
func (r *loadRig) told(v *visit, kind string) {
	r.t.Helper()
	id := locker.DoorID{}
	if v.door != 0 {
		id = doorID(v.locker, v.door)
	}
	r.until(func(e *locker.Event) bool { return e.Type == kind && e.Door == id })
}
