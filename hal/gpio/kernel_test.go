//go:build nightly

package gpio

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"

	"lockerd/hal"
	"lockerd/hal/haltest"
)

// TestKernelHold is the process that is killed in TestKernelKilled.
func TestKernelHold(t *testing.T) {
	if os.Getenv("HOLD") == "" {
		t.Skip("for TestKernelKilled")
	}
	if _, err := (kernel{}).Output("gpiochip0/2", gpio.High); err != nil {
		t.Fatal(err)
	}
	fmt.Println("held")
	select {}
}

// levelAt tells what the kernel says of a line of the chip: "out hi", or "" if
// nobody has it.
func levelAt(t *testing.T, number int) string {
	t.Helper()
	text, err := os.ReadFile("/sys/kernel/debug/gpio")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.SplitSeq(string(text), "\n") {
		if m := regexp.MustCompile(`gpio-(\d+) .*\) +(in|out) +(hi|lo)`).FindStringSubmatch(l); m != nil && m[1] == fmt.Sprint(base(t, string(text))+number) {
			return m[2] + " " + m[3]
		}
	}
	return ""
}

// base is the number of the chip's first line in that file.
func base(t *testing.T, text string) (n int) {
	t.Helper()
	m := regexp.MustCompile(`gpiochip0: (?:GPIOs (\d+)-)?`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no chip: %s", text)
	}
	if m[1] != "" {
		_, _ = fmt.Sscan(m[1], &n)
	}
	return n
}

// TestKernelOutput holds that a line has its level from its request on, and the
// other one when told.
func TestKernelOutput(t *testing.T) {
	for _, at := range []gpio.Level{gpio.High, gpio.Low} {
		out, err := kernel{}.Output("gpiochip0/0", at)
		if err != nil {
			t.Fatal(err)
		}
		want := map[gpio.Level]string{gpio.High: "out hi", gpio.Low: "out lo"}
		if got := levelAt(t, 0); got != want[at] {
			t.Errorf("requested %s, the kernel says %q", at, got)
		}
		if err := out.Out(!at); err != nil {
			t.Error(err)
		}
		if got := levelAt(t, 0); got != want[!at] {
			t.Errorf("set %s, the kernel says %q", !at, got)
		}
		if err := out.Halt(); err != nil {
			t.Error(err)
		}
	}
}

// TestKernelFaults holds what is said of lines that can't be had. Line 3 is the
// power key of this machine.
func TestKernelFaults(t *testing.T) {
	for name, says := range map[string]string{
		"gpiochip0/3":  "another driver or program has it",
		"gpiochip0/99": "cannot request line",
		"gpiochip7/0":  "no such file",
		"GPIO17":       "no chip has a line of this name",
	} {
		if _, err := (kernel{}).Output(name, gpio.Low); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", name, err, says)
		}
	}
}

// TestKernelDoor opens a door on the real chip. Its feedback is the line of the
// power key, which the machine's monitor can raise for 100 ms.
func TestKernelDoor(t *testing.T) {
	if err := os.WriteFile("/sys/bus/platform/drivers/gpio-keys/unbind", []byte("gpio-keys"), 0o200); err != nil {
		t.Fatal(err)
	}
	sink := &haltest.Recorder{}
	b, err := Open(Config{Name: "g", Poll: time.Minute, Doors: []Door{
		{Relay: Line{Name: "gpiochip0/0", Low: true}, Feedback: Line{Name: "gpiochip0/3", Low: true}},
	}}, sink, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, at := sink.Await(t, "a closed door", 0, func(e haltest.Event) bool { return e.Observed != nil && e.Observed.States[0] == hal.Closed })
	if got := levelAt(t, 0); got != "out hi" {
		t.Errorf("an active-low relay at rest is %q", got)
	}
	asked := time.Now()
	b.Unlock(hal.Unlock{ID: 1, Lock: hal.Lock{Address: 1, Channel: 1}, Pulse: pulse, Expires: time.Now().Add(time.Minute)})
	sink.Await(t, "the pulse", at, func(e haltest.Event) bool { return e.Pulsed != nil && e.Pulsed.Err == nil })
	if got := levelAt(t, 0); got != "out lo" && time.Since(asked) < pulse {
		t.Errorf("the relay in its pulse is %q", got)
	}
	for levelAt(t, 0) != "out hi" {
		if time.Since(asked) > PulseMax {
			t.Fatal("the pulse does not end")
		}
	}
	t.Logf("the relay was at rest again %s after the order", time.Since(asked))
	fmt.Println("@host system_powerdown") // an edge: without one nothing is read for a minute
	_, at = sink.Await(t, "an open door, by its edge", at, func(e haltest.Event) bool { return e.Observed != nil && e.Observed.States[0] == hal.Open })
	sink.Await(t, "a closed door, by its edge", at, func(e haltest.Event) bool { return e.Observed != nil && e.Observed.States[0] == hal.Closed })
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if got := levelAt(t, 0); got != "" {
		t.Errorf("the line was not given back: %q", got)
	}
}

// TestKernelKilled tells what this chip does with the line of a process that is
// killed, and that it can be had, at rest, at once.
func TestKernelKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestKernelHold$", "-test.v")
	cmd.Env = append(os.Environ(), "HOLD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	held := make([]byte, 256)
	for n := 0; !strings.Contains(string(held[:n]), "held"); {
		m, err := out.Read(held[n:])
		if err != nil {
			t.Fatalf("%v: %s", err, held)
		}
		n += m
	}
	if got := levelAt(t, 2); got != "out hi" {
		t.Errorf("while it is held: %q", got)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	in, err := kernel{}.Input("gpiochip0/2", AsIs, func() {})
	if err != nil {
		t.Fatal(err)
	}
	l, err := in.Read()
	t.Logf("after its process was killed the line is given back and reads %s: %v", l, err)
	if err := errors.Join(err, in.Halt()); err != nil {
		t.Error(err)
	}
}
