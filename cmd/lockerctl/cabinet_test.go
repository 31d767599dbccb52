package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
	"lockerd/hal"
	"lockerd/hal/sim"
)

// cabinet is the miswired bank of the scripts: twenty doors on three boards, of
// which two have one address; locks 3 and 4 swapped, the lock of door 9 dead,
// the switch of door 13 of the other kind, channels told lowest first.
type cabinet struct {
	line   *sim.Line
	labels map[*sim.Door]locker.DoorID
}

type cabinetKey struct{}

func cabinetOf(ts *testscript.TestScript) *cabinet { return ts.Value(cabinetKey{}).(*cabinet) }

func buildCabinet(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := sim.NewLine(sim.LineConfig{Family: "xor8a", Boards: []sim.BoardConfig{
		{Address: 1, Channels: 10, LowFirst: true},
		{Address: 2, Channels: 6, StatusBytes: 3, LowFirst: true},
		{Address: 2, Channels: 4, StatusBytes: 3, LowFirst: true},
	}})
	ts.Check(err)
	ts.Defer(func() { ts.Check(l.Close()) })
	ts.Setenv("PORT", l.Path())
	c := cabinetOf(ts)
	c.line, c.labels = l, map[*sim.Door]locker.DoorID{}
	n := uint8(0)
	for i, channels := range []int{10, 6, 4} {
		for ch := 1; ch <= channels; ch++ {
			n++
			c.labels[l.Boards()[i].Door(ch)] = locker.DoorID{Locker: 1, Door: n}
		}
	}
	l.Swap(hal.Lock{Address: 1, Channel: 3}, hal.Lock{Address: 1, Channel: 4})
	l.Boards()[0].Door(9).Jam(-1)
	l.Boards()[1].Door(3).Invert()
}

// mendCabinet frees the dead lock.
func mendCabinet(ts *testscript.TestScript, _ bool, _ []string) {
	cabinetOf(ts).line.Boards()[0].Door(9).Jam(0)
}

// coilsOff fails the script while a coil is on, or if one ever was too long.
func coilsOff(ts *testscript.TestScript, _ bool, _ []string) {
	l := cabinetOf(ts).line
	for _, b := range l.Boards() {
		if n := b.CoilsOn(); n > 0 {
			ts.Fatalf("%d coils are on", n)
		}
	}
	if n := len(l.Log().All(sim.Burn)); n > 0 {
		ts.Fatalf("%d coils were on for too long", n)
	}
}

// doorOpen fails the script unless the door with that label, and no other,
// stands open; it shuts it.
func doorOpen(ts *testscript.TestScript, _ bool, args []string) {
	if got := cabinetOf(ts).look(); got != args[0] {
		ts.Fatalf("door %s stands open, want %s", got, args[0])
	}
}

// awaitServed returns when a bank is ready at a socket.
func awaitServed(ts *testscript.TestScript, _ bool, args []string) {
	await(ts, "no bank is ready at "+args[0], func() (bool, error) {
		st, err := control.NewClient(args[0], "").Status(context.Background())
		return err == nil && st.Ready, err
	})
}

// awaitShut returns when the bank at a socket has read all doors shut.
func awaitShut(ts *testscript.TestScript, _ bool, args []string) {
	await(ts, "a door of the bank stands open at "+args[0], func() (bool, error) {
		all, err := control.NewClient(args[0], "").Doors(context.Background())
		open := func(d bank.DoorStatus) bool { return d.State == "open" }
		return err == nil && !slices.ContainsFunc(all, open), err
	})
}

func await(ts *testscript.TestScript, otherwise string, holds func() (bool, error)) {
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ok, err := holds()
		if ok {
			return
		}
		if time.Now().After(limit) {
			ts.Fatalf("%s: %v", otherwise, err)
		}
	}
}

// look returns what the engineer reads on the door that stands open, and shuts
// it.
func (c *cabinet) look() string {
	label := "none"
	for d, id := range c.labels {
		if d.IsOpen() {
			label = id.String()
			d.Shut()
		}
	}
	return label
}

var (
	prompted = regexp.MustCompile(`\] > $`)
	expects  = regexp.MustCompile(`which door opened\? \[Enter = (\S+), or`)
	times    = regexp.MustCompile(`after \d+ ms|begun \S+:`)
)

// answer is what the engineer types at a prompt.
func (c *cabinet) answer(prompt string) string {
	switch {
	case strings.Contains(prompt, "which door opened?"):
		seen := c.look()
		if m := expects.FindStringSubmatch(prompt); m != nil && m[1] == seen {
			return ""
		}
		return seen
	case strings.Contains(prompt, "hang on board 1 "):
		return "1-01..1-10"
	case strings.Contains(prompt, "hang on board 2 "):
		return "1-11..1-16"
	case strings.Contains(prompt, "hang on board 3 "):
		return "1-17..1-20"
	case strings.Contains(prompt, "look again"):
		c.line.Boards()[2].SetAddress(3)
	}
	return ""
}

// engineer runs a command on a terminal and answers its prompts; with
// interrupt=N it presses ^C at the N-th question for a door. What the terminal
// showed goes to stdout, times and ports masked.
func engineer(ts *testscript.TestScript, neg bool, args []string) {
	interrupt := 0
	if n, err := fmt.Sscanf(args[0], "interrupt=%d", &interrupt); n == 1 && err == nil {
		args = args[1:]
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(cmd.Env, "NO_COLOR=1")
	cmd.Dir = ts.Getenv("WORK")
	for _, name := range []string{"TZ", "TERM", "GORACE", "LOCKERD_SOCKET", "PATH"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	tty, err := pty.Start(cmd)
	ts.Check(err)
	shown := cabinetOf(ts).talk(tty, interrupt)
	ts.Check(tty.Close())
	if err := cmd.Wait(); (err != nil) != neg {
		ts.Fatalf("%v\n%s", err, shown)
	}
	shown = strings.ReplaceAll(shown, "\r\n", "\n")
	shown = strings.ReplaceAll(shown, ts.Getenv("PORT"), "PORT")
	shown = times.ReplaceAllStringFunc(shown, func(s string) string { return strings.Fields(s)[0] + " TIME" })
	_, err = io.WriteString(ts.Stdout(), shown)
	ts.Check(err)
}

// talk answers until the terminal is closed.
func (c *cabinet) talk(tty io.ReadWriter, interrupt int) string {
	var shown strings.Builder
	buf, asked, from := make([]byte, 4096), 0, 0
	for {
		n, err := tty.Read(buf)
		shown.Write(buf[:n])
		if err != nil {
			return shown.String()
		}
		text := shown.String()[from:]
		if !prompted.MatchString(text) {
			continue
		}
		from = shown.Len()
		typed := c.answer(text) + "\n"
		if strings.Contains(text, "which door opened?") {
			asked++
			if asked == interrupt {
				typed = "\x03"
			}
		}
		if _, err := io.WriteString(tty, typed); err != nil {
			return shown.String()
		}
	}
}
