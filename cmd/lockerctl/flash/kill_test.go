package flash

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockerd/cmd/lockerctl/flash/flashtest"
)

// dieEnv has a run of lockerctl flash die by a signal: SIGNAL:OPERATION.
const dieEnv = "LOCKERCTL_FLASH_TEST_DIE"

func TestMain(m *testing.M) {
	die, ok := os.LookupEnv(dieEnv)
	if !ok {
		os.Exit(m.Run())
	}
	e := here(os.Stdin, os.Stderr)
	e.now = func() time.Time { return today }
	if die != "" {
		e.open = func(path string) (target, error) {
			dev, err := openDevice(path)
			d := &dying{target: dev}
			if _, err := fmt.Sscanf(die, "%d:%d", &d.signal, &d.left); err != nil {
				panic(err)
			}
			return d, err
		}
	}
	os.Exit(runWith(e, os.Args[1:], os.Stdout))
}

// dying is a card at which the program is hit by a signal, in the middle of an operation.
type dying struct {
	target
	signal syscall.Signal
	left   int
}

func (d *dying) hit() bool {
	d.left--
	return d.left == 0
}

func (d *dying) die() {
	if err := syscall.Kill(os.Getpid(), d.signal); err != nil {
		panic(err)
	}
	if d.signal == syscall.SIGKILL {
		select {} // what comes after is never done
	}
}

// WriteAt implements card.Device.
func (d *dying) WriteAt(p []byte, off int64) (int, error) {
	if d.hit() {
		if half := len(p) / 1024 * 512; half > 0 {
			if _, err := d.target.WriteAt(p[:half], off); err != nil {
				panic(err)
			}
		}
		d.die()
	}
	return d.target.WriteAt(p, off)
}

// Zero implements card.Device.
func (d *dying) Zero(off, n int64) error {
	if d.hit() {
		if half := n / 1024 * 512; half > 0 {
			if err := d.target.Zero(off, half); err != nil {
				panic(err)
			}
		}
		d.die()
	}
	return d.target.Zero(off, n)
}

// Sync implements card.Device.
func (d *dying) Sync() error {
	if d.hit() {
		d.die()
	}
	return d.target.Sync()
}

// ReadAt implements card.Device.
func (d *dying) ReadAt(p []byte, off int64) (int, error) {
	if d.hit() {
		d.die()
	}
	return d.target.ReadAt(p, off)
}

// child is a process that flashes the rig's card.
func (r *rig) child(die string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := exec.Command(os.Args[0], r.image, r.card, "--seed", r.seed, "--yes", "--json")
	cmd.Env = append(os.Environ(), dieEnv+"="+die, "GORACE=atexit_sleep_ms=0")
	cmd.Stdout = &out
	return cmd, &out
}

// judge fails the test if the card could boot, and is neither as it was nor whole.
func (r *rig) judge(when string) (boots bool) {
	r.t.Helper()
	b := r.holds()
	switch {
	case !flashtest.Boots(b):
		return false
	case bytes.Equal(b, r.old), r.isWhole(b):
		return true
	}
	r.t.Fatalf("killed %s: it boots, and is neither as it was nor whole", when)
	return true
}

// kills is how often a program is killed: LOCKERD_KILLS, or few.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("LOCKERD_KILLS")); err == nil && n > 0 {
		return n
	}
	return 10
}

// operations counts what a whole run does at the card.
func (r *rig) operations() int {
	r.t.Helper()
	counted := &dying{}
	r.open = func(path string) (target, error) {
		var err error
		counted.target, err = openDevice(path)
		return counted, err
	}
	defer func() { r.open = openDevice }()
	if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitDone {
		r.t.Fatalf("exit %d\n%s", code, r.said.String())
	}
	return -counted.left
}

// reset puts back what the card held before.
func (r *rig) reset() {
	r.t.Helper()
	f, err := os.OpenFile(r.card, os.O_WRONLY, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := f.WriteAt(r.old, 0); err != nil {
		r.t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		r.t.Fatal(err)
	}
}

// Killed within an operation, the card is as it was, whole, or doesn't boot; the next run
// makes it whole. With LOCKERD_KILLS=1000 that is each operation.
func TestKilled(t *testing.T) {
	onCards(t, small, func(r *rig) {
		all := r.operations()
		step := max(1, all/kills())
		blank, killed := 0, 0
		for n := 1; n <= all; n += step {
			r.reset()
			cmd, _ := r.child(fmt.Sprintf("%d:%d", syscall.SIGKILL, n))
			err := cmd.Run()
			if state, ok := errors.AsType[*exec.ExitError](err); !ok || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				r.t.Fatalf("operation %d: %v", n, err)
			}
			killed++
			if !r.judge("at operation " + strconv.Itoa(n)) {
				blank++
			}
			if killed%4 == 0 {
				if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitDone {
					r.t.Fatalf("again, exit %d\n%s", code, r.said.String())
				}
				r.whole()
			}
		}
		if blank < killed/2 {
			r.t.Errorf("of %d kills %d left a card that doesn't boot: too few for a proof", killed, blank)
		}
	})
}

// Killed at any time.
func TestKilledAnyTime(t *testing.T) {
	onCards(t, small, func(r *rig) {
		begun := time.Now()
		cmd, _ := r.child("")
		if err := cmd.Run(); err != nil {
			r.t.Fatal(err)
		}
		took := time.Since(begun)
		for range kills() / 2 {
			r.reset()
			cmd, _ := r.child("")
			if err := cmd.Start(); err != nil {
				r.t.Fatal(err)
			}
			after := rand.N(took)
			timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) // it may be done
			_ = cmd.Wait()                                                    // killed, or done
			timer.Stop()
			r.judge(fmt.Sprintf("after %v of %v", after, took))
		}
		if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitDone {
			r.t.Fatalf("again, exit %d\n%s", code, r.said.String())
		}
		r.whole()
	})
}

// SIGINT and SIGTERM end it in order: it says what the card is, and is right.
func TestInterrupted(t *testing.T) {
	r := onFile(t, small)
	for n := 1; ; n += 11 {
		r.reset()
		signal := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[n%2]
		cmd, out := r.child(fmt.Sprintf("%d:%d", signal, n))
		err := cmd.Run()
		if err == nil {
			r.whole()
			if strings.Contains(out.String(), "stopped") {
				t.Errorf("operation %d: %s", n, out.String())
			}
			if n < 20 {
				t.Errorf("only %d interruptions", n)
			}
			return
		}
		if state, ok := errors.AsType[*exec.ExitError](err); !ok || state.ExitCode() != exitFailed {
			t.Fatalf("operation %d: %v", n, err)
		}
		if !strings.Contains(out.String(), `"text":"stopped"`) || !strings.Contains(out.String(), `"card":"blank"`) || flashtest.Boots(r.holds()) {
			t.Fatalf("operation %d: boots %v, %s", n, flashtest.Boots(r.holds()), out.String())
		}
	}
}
