package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/hal/sim"
)

// hardware is a board of eight doors and two scanners, on ptys. Nobody shuts a
// door but the script.
type hardware struct {
	line     *sim.Line
	scanners map[string]*sim.Scanner
}

func plugIn(ts *testscript.TestScript, _ bool, _ []string) {
	w := worldOf(ts)
	l, err := sim.NewLine(sim.LineConfig{
		Family: "xor8a", Link: filepath.Join(w.dir, "bus"),
		Boards: []sim.BoardConfig{{Address: 1, Channels: 8}},
	})
	ts.Check(err)
	w.hw = &hardware{line: l, scanners: map[string]*sim.Scanner{}}
	ts.Defer(func() { _ = l.Close() })
	for _, name := range []string{"front", "side"} {
		s, err := sim.NewScanner(filepath.Join(w.dir, name), "\r")
		ts.Check(err)
		w.hw.scanners[name] = s
		ts.Defer(func() { _ = s.Close() })
	}
}

// scan waits until lockerd has the scanner's port open: what is scanned before
// is thrown away.
func scan(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2, "scan SCANNER FILE")
	text, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	w := worldOf(ts)
	w.poll(ts, "scanner "+args[0]+" is there", func(ctx context.Context) error { return w.scannerThere(ctx, args[0]) })
	ts.Check(w.hw.scanners[args[0]].Scan(strings.TrimSpace(string(text))))
}

func (w *world) scannerThere(ctx context.Context, name string) error {
	st, err := w.client.Status(ctx)
	if err != nil {
		return err
	}
	for _, s := range st.Scanners {
		if s.Name == name && s.State == "ok" {
			return nil
		}
	}
	return fmt.Errorf("scanner %s: %+v", name, st.Scanners)
}

func lockOf(ts *testscript.TestScript, text string) hal.Lock {
	id, err := locker.ParseDoorID(text)
	ts.Check(err)
	return hal.Lock{Address: 1, Channel: int(id.Door)}
}

// onDoor is a command that does something to one door.
func onDoor(what func(d *sim.Door)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		need(ts, args, 1, "jam, free, shut or force DOOR")
		what(worldOf(ts).hw.line.Door(lockOf(ts, args[0])))
	}
}

// pulses looks at the wire, not at what lockerd says. A pulse that has been
// answered for is in the log already.
func pulses(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2, "pulses DOOR N")
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	w := worldOf(ts)
	got := w.hw.line.Log().Count(sim.Pulse, lockOf(ts, args[0]))
	if got > want {
		want += w.triesAgain(ts, args[0])
	}
	if got != want {
		ts.Fatalf("door %s was pulsed %d times, want %d", args[0], got, want)
	}
}

// triesAgain returns how often lockerd says it pulsed a door once more because no
// proof came in its time, as on a machine so busy that the board is late. An
// opening that was proven sooner than that excuses nothing.
func (w *world) triesAgain(ts *testscript.TestScript, door string) (n int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ts.Check(w.client.Events(ctx, 1, false, func(line []byte) error {
		var e struct {
			Type, Door string
			Tries      int
			MS         json.RawMessage // a number only in some events
		}
		if err := json.Unmarshal(line, &e); err != nil || e.Type != locker.EvDoorOpened || e.Door != door {
			return err
		}
		took, err := time.ParseDuration(string(e.MS) + "ms")
		if again := e.Tries - 1; took >= time.Duration(again)*prove {
			n += again
		}
		return err
	}))
	if n > 0 {
		ts.Logf("door %s was pulsed %d times more: no proof had come within %v", door, n, prove)
	}
	return n
}
