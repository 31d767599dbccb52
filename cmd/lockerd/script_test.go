package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/daemon/control"
	"lockerd/hal/sim"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

// slowSpring is long enough for a signal to come between pulse and proof, and
// shorter than the time for the proof.
const slowSpring = 400 * time.Millisecond

// prove is the bank's time for the proof.
const prove = 700 * time.Millisecond

// patience is for anything a script awaits on a slow machine.
const patience = 20 * time.Second

// TestScripts runs lockerd as a process of its own, on simulated hardware, and
// lockerctl against it. Each script begins with lockerd.toml, a bank of eight
// doors with two scanners, $LOCKERD_SOCKET its socket, and $FIXTURES. The
// commands beside testscript's own:
//
//	hardware              plugs in boards and scanners
//	start NAME [FILE]     runs lockerd until it is ready; NAME.out and NAME.err are its output
//	[!] end NAME [SIG]    ends it by SIGTERM or SIG; it must exit 0 within 5 s (!: must not exit 0)
//	exits CODE CMD...     runs a command that must exit with CODE
//	issue FILE ARGS...    lockerctl code new; the text goes into FILE, the tag into FILE.tag, the id into $FILE (in capitals)
//	scan SCANNER FILE     holds the text in FILE before a scanner
//	await REGEXP          waits for the next event whose JSON matches
//	eventually CMD...     repeats a command until it exits 0
//	jam DOOR, free DOOR, shut DOOR, force DOOR, slow DOOR (springs open late)
//	pulses DOOR N         the door's coil was pulsed N times since the script began
//	secret FILE PATH...   no file at PATHs holds the text in FILE
//	mode PERM PATH        checks a file's permissions
//	scrape NAME FILE RE   waits until RE matches the metrics of lockerd NAME; FILE gets them
//	listen                is the supervisor: makes $NOTIFY_SOCKET
//	notified TEXT         waits for a message of lockerd to the supervisor
func TestScripts(t *testing.T) {
	fixtures, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			socket := filepath.Join(e.WorkDir, "data", "control.sock")
			e.Setenv("TZ", "UTC")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each program under -race ends a second late
			e.Setenv("FIXTURES", fixtures)
			e.Setenv("LOCKERD_SOCKET", socket)
			e.Values[worldKey{}] = &world{dir: e.WorkDir, client: control.NewClient(socket, ""), running: map[string]*process{}}
			return os.WriteFile(filepath.Join(e.WorkDir, "lockerd.toml"), []byte(configOf(e.WorkDir)), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hardware": plugIn, "start": start, "end": end, "exits": exits, "issue": issue, "scan": scan, "await": await,
			"eventually": eventually, "pulses": pulses,
			"jam":    onDoor(func(d *sim.Door) { d.Jam(-1) }),
			"free":   onDoor(func(d *sim.Door) { d.Jam(0) }),
			"shut":   onDoor((*sim.Door).Shut),
			"force":  onDoor((*sim.Door).Force),
			"slow":   onDoor(func(d *sim.Door) { d.SpringAfter(slowSpring) }),
			"secret": secret, "mode": mode, "scrape": scrape, "listen": listen, "notified": notified,
		},
	})
}

// configOf is the bank of the scripts. The proof has time on a slow machine,
// and a jam is seen within some seconds.
func configOf(dir string) string {
	return fmt.Sprintf(`version  = 1
bank     = "lon-042"
data_dir = "%[1]s/data"

[open]
prove         = "%[2]v"
ajar_warn     = "30s"
reopen_window = "0s"

[[bus]]
name   = "a"
driver = "xor8a"
port   = "%[1]s/bus"

[[locker]]
number = 1
bus    = "a"
size   = "M"
doors  = 8
boards = [ { address = 1, channels = 8, first_door = 1 } ]

[[scanner]]
name   = "front"
driver = "serial"
port   = "%[1]s/front"

[[scanner]]
name   = "side"
driver = "serial"
port   = "%[1]s/side"
`, dir, prove)
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func need(ts *testscript.TestScript, args []string, n int, usage string) {
	if len(args) < n {
		ts.Fatalf("usage: %s", usage)
	}
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2, "exits CODE CMD...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := run(ts, args[1:]); err != nil {
		var e *exec.ExitError
		if !errors.As(err, &e) {
			ts.Fatalf("%v", err)
		}
		code = e.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// run runs a command in the script's environment; its output is the script's
// stdout and stderr.
func run(ts *testscript.TestScript, args []string) error {
	cmd := command(ts, args...)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	return cmd.Run()
}

func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = os.Environ()
	for _, name := range []string{"TZ", "GORACE", "LOCKERD_SOCKET", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

var servedAt = regexp.MustCompile(`metrics are served.* listen=(\S+)`)

func scrape(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 3, "scrape NAME FILE REGEXP")
	want := regexp.MustCompile("(?m)" + args[2])
	worldOf(ts).poll(ts, "metrics with "+args[2], func(ctx context.Context) error {
		log, err := os.ReadFile(ts.MkAbs(args[0] + ".err"))
		at := servedAt.FindSubmatch(log)
		if err != nil || at == nil {
			return fmt.Errorf("it does not say where: %w", err)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+string(at[1])+"/metrics", nil)
		if err != nil {
			return err
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer func() { _ = a.Body.Close() }() // was only read
		b, err := io.ReadAll(a.Body)
		if err != nil || !want.Match(b) {
			return fmt.Errorf("%d: %w\n%s", a.StatusCode, err, b)
		}
		return os.WriteFile(ts.MkAbs(args[1]), b, 0o600)
	})
}

func mode(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2, "mode PERM PATH")
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}
