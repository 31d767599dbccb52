//go:build nightly

package qemutest

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kernel is a module that holds a kernel for arm64: PL061, evdev and USB
// keyboards built in.
const kernel = "github.com/gokrazy/kernel.arm64@v0.0.0-20260705071517-37841c4d6ff1"

// bootMax bounds a run: a loaded machine boots in half a minute.
const bootMax = 5 * time.Minute

// suites are the packages whose tests run in the guest.
var suites = []string{"lockerd/hal/gpio", "lockerd/scanner/hid"}

func TestOnAKernel(t *testing.T) {
	if _, err := exec.LookPath("qemu-system-aarch64"); err != nil {
		t.Skip("qemu-system-aarch64 is not here: apt-get install qemu-system-arm")
	}
	image := kernelImage(t)
	dir := t.TempDir()
	initrd := filepath.Join(dir, "initrd")
	if err := os.WriteFile(initrd, fileSystem(t, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	monitor := filepath.Join(dir, "monitor")
	cmd := exec.CommandContext(t.Context(), "qemu-system-aarch64",
		"-M", "virt", "-cpu", "cortex-a53", "-m", "512", "-display", "none", "-no-reboot", "-nic", "none",
		"-device", "qemu-xhci", "-device", "usb-kbd,id=kbd",
		"-serial", "stdio", "-monitor", "unix:"+monitor+",server=on,wait=off",
		"-kernel", image, "-initrd", initrd, "-append", "console=ttyAMA0 quiet rdinit=/init panic=-1")
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(bootMax, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	passed := watch(t, out, monitor)
	if err := cmd.Wait(); err != nil {
		t.Errorf("qemu: %v", err)
	}
	if passed != len(suites) {
		t.Errorf("%d of %d suites have passed in the guest", passed, len(suites))
	}
}

// kernelImage fetches the kernel through the module proxy.
func kernelImage(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", kernel)
	cmd.Dir = t.TempDir() // not lockerd's own go.mod
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
	out, err := cmd.Output()
	var m struct{ Dir string }
	if err != nil || json.Unmarshal(out, &m) != nil {
		t.Fatalf("cannot fetch the kernel: %v\n%s", err, out)
	}
	return filepath.Join(m.Dir, "vmlinuz")
}

// fileSystem is the guest's: its init and the test binaries.
func fileSystem(t *testing.T, dir string) []byte {
	t.Helper()
	var a archive
	for _, d := range []string{"dev", "proc", "sys", "tmp", "tests"} {
		a.dir(d)
	}
	a.file("init", build(t, dir, "build", "lockerd/hal/gpio/qemutest/guest"))
	for _, s := range suites {
		a.file("tests/"+strings.ReplaceAll(s, "/", "-"), build(t, dir, "test", "-c", s))
	}
	return a.end()
}

// build builds a program for the guest.
func build(t *testing.T, dir, verb string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(dir, "built")
	cmd := exec.CommandContext(t.Context(), "go", append([]string{verb, "-tags", "nightly", "-ldflags", "-s -w", "-o", out}, args...)...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build %v: %v\n%s", args, err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// watch follows the console, does what tests ask for, and counts the suites
// that have passed.
func watch(t *testing.T, console io.Reader, monitor string) (passed int) {
	t.Helper()
	lines := bufio.NewScanner(console)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		t.Log(line)
		if strings.HasPrefix(line, "suite passed: ") {
			passed++
		}
		if _, command, ok := strings.Cut(line, "@host "); ok {
			if err := tell(monitor, command); err != nil {
				t.Errorf("cannot tell qemu %q: %v", command, err)
			}
		}
	}
	return passed
}

// tell gives qemu's monitor a command and waits for its prompt.
func tell(monitor, command string) error {
	c, err := net.Dial("unix", monitor)
	if err != nil {
		return err
	}
	defer c.Close() //nolint:errcheck // it was read to its end
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	r := bufio.NewReader(c)
	if err := prompt(r); err != nil {
		return err
	}
	if _, err := c.Write([]byte(command + "\n")); err != nil {
		return err
	}
	return prompt(r)
}

func prompt(r *bufio.Reader) error {
	var seen []byte
	for !strings.HasSuffix(string(seen), "(qemu) ") {
		b, err := r.ReadByte()
		if err != nil {
			return err
		}
		seen = append(seen, b)
	}
	return nil
}
