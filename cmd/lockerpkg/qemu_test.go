package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockerd/cmd/lockerpkg/emulate"
)

// emulated is a kind of board whose processor is emulated.
type emulated struct {
	emulate.Processor
	target string // in the catalogue
}

func boards() []emulated {
	return []emulated{{emulate.ARM1176(), "armhf-v6"}, {emulate.CortexA53(), "arm64"}}
}

// TestQemu runs the packages' programs for ARM, and the proofs that a word's size
// could break, on emulated processors: `make qemu-arm`.
//
// The programs start themselves again (the check of the state file): these children
// are emulated, too.
func TestQemu(t *testing.T) {
	if os.Getenv("LOCKERD_QEMU") == "" {
		t.Skip("takes minutes: make qemu-arm")
	}
	for _, e := range boards() {
		t.Run(e.target, func(t *testing.T) {
			e.need(t)
			b, err := build(t.Context(), e.of(t), "v1.2.0", t.TempDir()) // holds them to their size, too
			if err != nil {
				t.Fatal(err)
			}
			t.Run("version", func(t *testing.T) { e.version(t, b) })
			t.Run("first door", func(t *testing.T) { e.firstDoor(t, b) })
			t.Run("proofs", e.proofs)
		})
	}
	t.Run("armhf-v6/is no v7", func(t *testing.T) { tooNew(t, boards()[0]) })
}

// tooNew shows that the emulated ARMv6 tells: what is built for v7 dies there.
func tooNew(t *testing.T, e emulated) {
	t.Helper()
	e.need(t)
	c, err := choose(targets(), "armhf")
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(t.TempDir(), "lockerd")
	if _, err := golang(t.Context(), c[0], "build", "-o", exe, "lockerd/cmd/lockerd"); err != nil {
		t.Fatal(err)
	}
	out, err := e.Command(t.Context(), exe, "version").CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("SIGILL")) && !bytes.Contains(out, []byte("Illegal instruction")) {
		t.Fatalf("a program for ARMv7 ran on an ARMv6: %v\n%s", err, out)
	}
}

func (e emulated) need(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath(e.Emulator); err != nil {
		t.Skipf("%s is not here: apt-get install qemu-user-static", e.Emulator)
	}
	if out, err := e.Command(t.Context(), "true").CombinedOutput(); err != nil {
		t.Skipf("no binfmt_misc in a user namespace (Linux 6.7 has it): %v\n%s", err, out)
	}
}

func (e emulated) of(t *testing.T) target {
	t.Helper()
	c, err := choose(targets(), e.target)
	if err != nil {
		t.Fatal(err)
	}
	return c[0]
}

// says runs a program to its end and holds what it prints against a pattern.
func (e emulated) says(t *testing.T, want, exe string, args ...string) {
	t.Helper()
	out, err := e.Command(t.Context(), exe, args...).CombinedOutput()
	if err != nil || !regexp.MustCompile(want).Match(out) {
		t.Fatalf("%s %q: %v, want %q\n%s", filepath.Base(exe), args, err, want, out)
	}
}

func (e emulated) version(t *testing.T, b *built) {
	t.Helper()
	e.says(t, `^lockerd v1\.2\.0 .* linux/`+b.target.goarch+"\n$", filepath.Join(b.dir, "lockerd"), "version")
	e.says(t, `lockerctl`, filepath.Join(b.dir, "lockerctl"), "help")
}

// firstDoor is what the README's first page does, twice: the second start has
// the state file of the first checked by a child.
func (e emulated) firstDoor(t *testing.T, b *built) {
	t.Helper()
	dir, err := os.MkdirTemp("", "lq") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	text, err := own.ReadFile("files/examples/sim.toml")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	text = []byte(strings.NewReplacer("/var/lib/lockerd", filepath.Join(dir, "data"), "/run/lockerd/control.sock", socket).Replace(string(text)))
	file := filepath.Join(dir, "lockerd.toml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	daemon, tool := filepath.Join(b.dir, "lockerd"), filepath.Join(b.dir, "lockerctl")
	e.says(t, `(?m)^ok bank=demo-001 doors=8 `, daemon, "check", "--config", file)
	for boot := 1; boot <= 2; boot++ {
		stop := e.start(t, daemon, file)
		e.says(t, fmt.Sprintf(`boot %d, up `, boot), tool, "--socket", socket, "status")
		e.says(t, `^door 1-07 +opened `, tool, "--socket", socket, "open", "1-07", "--reason", "first door")
		e.says(t, `door\.opened +door=1-07 `, tool, "--socket", socket, "events")
		e.says(t, ``, tool, "--socket", socket, "journal", "verify")
		stop()
	}
}

// start starts lockerd, waits for its ready line and returns what ends it.
func (e emulated) start(t *testing.T, exe, file string) (stop func()) {
	t.Helper()
	begun := time.Now()
	cmd := e.Command(t.Context(), exe, "run", "--config", file)
	var told bytes.Buffer
	cmd.Stderr = &told
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(readyMax, func() { _ = cmd.Process.Kill() })
	line := make([]byte, 256)
	n, err := out.Read(line)
	if !late.Stop() || err != nil || !bytes.HasPrefix(line, []byte("ready bank=demo-001 doors=8 ")) {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // told is whole only then
		t.Fatalf("lockerd is not ready: %v %q\n%s", err, line[:n], told.String())
	}
	t.Logf("ready after %s", time.Since(begun).Round(time.Millisecond))
	return func() {
		t.Helper()
		err := cmd.Process.Signal(syscall.SIGTERM)
		if err = errors.Join(err, cmd.Wait()); err != nil || strings.Contains(told.String(), "damaged") {
			t.Fatalf("lockerd has not ended well: %v\n%s", err, told.String())
		}
	}
}

// readyMax is for a start on a loaded machine; proofMax for one package's proofs.
const (
	readyMax = 60 * time.Second
	proofMax = 15 * time.Minute
)

// proof is a package's test program, and what of it runs.
type proof struct{ pkg, run string }

// proofs are of power cuts, and of the formats on disk. Each of the first has a process
// of its own: qemu-user 7.2 keeps its tables of every page that was ever mapped, on arm64
// some 50 MiB for each state.db that is opened, until the process ends.
func (e emulated) proofs(t *testing.T) {
	all := []proof{
		{pkg: "daemon/crash", run: "^TestPowerCuts$"},
		{pkg: "daemon/crash", run: "^TestPowerCutsDown$"},
		{pkg: "daemon/crash", run: "^TestPowerCutsInRecovery$"},
		{pkg: "daemon/crash", run: "^TestPowerCutsInRestore$"},
		{pkg: "store"}, // without TestChildIsBounded, which says why
		{pkg: "store/journal"},
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		t.Run(strings.TrimSuffix(p.pkg+" "+strings.Trim(p.run, "^$"), " "), func(t *testing.T) {
			exe := filepath.Join(t.TempDir(), "test")
			if _, err := golang(t.Context(), e.of(t), "test", "-c", "-o", exe, "lockerd/"+p.pkg); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), proofMax)
			defer cancel()
			cmd := e.Command(ctx, exe, "-test.v", "-test.short", "-test.run", p.run)
			cmd.Dir = filepath.Join(root, p.pkg)
			cmd.Env = append(cmd.Env, "LOCKERD_IMAGES="+cmp.Or(os.Getenv("LOCKERD_IMAGES"), "100"))
			if e.of(t).goarch != "arm" { // see above: three an operation took 24 GiB
				cmd.Env = append(cmd.Env, "LOCKERD_RESTORES="+cmp.Or(os.Getenv("LOCKERD_RESTORES"), "1"))
			}
			out, err := cmd.CombinedOutput()
			told := notable.FindAll(out, -1)
			if err != nil || !bytes.Contains(out, []byte("\n--- PASS: ")) || bytes.Contains(out, []byte("cannot mount a recorder")) {
				t.Fatalf("%v\n%s", err, out)
			}
			if use, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
				t.Logf("%d MiB at most, the emulator's included", use.Maxrss>>10)
			}
			t.Logf("%s", bytes.Join(told, []byte("\n")))
		})
	}
}

// notable are the lines that say how much was tried.
var notable = regexp.MustCompile(`(?m)^.*(\d+ images in|recorded |--- SKIP).*$`)
