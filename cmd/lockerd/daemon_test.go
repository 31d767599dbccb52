package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/daemon/bank"
	"lockerd/daemon/control"
	"lockerd/daemon/locker"
)

// stopWithin is what contract 3 gives lockerd to end after a signal.
const stopWithin = 5 * time.Second

// world is what stands around the programs of one script.
type world struct {
	dir     string
	client  *control.Client
	hw      *hardware
	running map[string]*process
	notify  *net.UnixConn
	seq     uint64 // of the last event that was awaited
}

// process is a lockerd that has been started.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // how it ended; set when ended is closed
}

func start(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 1, "start NAME [FILE]")
	w, name, file := worldOf(ts), args[0], "lockerd.toml"
	if len(args) > 1 {
		file = args[1]
	}
	cmd := command(ts, "lockerd", "run", "--config", file)
	stderr, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	defer stderr.Close() //nolint:errcheck // the process has its own
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	p := &process{cmd: cmd, ended: make(chan struct{})}
	ready := make(chan struct{})
	go p.watch(stdout, ts.MkAbs(name+".out"), ready)
	w.running[name] = p
	ts.Defer(func() {
		if w.running[name] == p {
			_ = cmd.Process.Kill() // the script has failed, or leaves it so
			<-p.ended
		}
	})
	select {
	case <-ready:
	case <-p.ended:
		delete(w.running, name)
		ts.Fatalf("lockerd has ended: %v\n%s", p.err, ts.ReadFile(name+".err"))
	case <-time.After(patience):
		ts.Fatalf("lockerd is not ready\n%s", ts.ReadFile(name+".err"))
	}
}

// watch copies stdout to a file, line by line, closes ready at the first one,
// and reports the end.
func (p *process) watch(stdout interface{ Read([]byte) (int, error) }, file string, ready chan<- struct{}) {
	var all []byte
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		all = append(append(all, lines.Bytes()...), '\n')
		err := os.WriteFile(file, all, 0o600)
		if ready != nil && err == nil {
			close(ready)
			ready = nil
		}
	}
	p.err = p.cmd.Wait()
	close(p.ended)
}

func end(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, args, 1, "end NAME [SIG]")
	w, name, sig := worldOf(ts), args[0], syscall.SIGTERM
	p, ok := w.running[name]
	if !ok {
		ts.Fatalf("%s does not run", name)
	}
	if len(args) > 1 {
		sig = map[string]syscall.Signal{"INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[args[1]]
	}
	ts.Check(p.cmd.Process.Signal(sig))
	select {
	case <-p.ended:
		delete(w.running, name)
		if (p.err != nil) != neg {
			ts.Fatalf("lockerd has ended: %v\n%s", p.err, ts.ReadFile(name+".err"))
		}
	case <-time.After(stopWithin):
		ts.Fatalf("lockerd has not ended within %s\n%s", stopWithin, ts.ReadFile(name+".err"))
	}
}

func issue(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2, "issue FILE ARGS...")
	out, err := command(ts, append([]string{"lockerctl", "--json", "code", "new"}, args[1:]...)...).Output()
	ts.Check(err)
	var c bank.IssuedCode
	ts.Check(json.Unmarshal(out, &c))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(c.Text), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".tag"), []byte(c.Tag.String()+"\n"), 0o600))
	ts.Setenv(strings.ToUpper(args[0]), c.ID)
}

// await takes each event once: scripts tell what happens in its order.
func await(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 1, "await REGEXP")
	w, want := worldOf(ts), regexp.MustCompile(args[0])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var seen [][]byte
	found := errors.New("found")
	err := w.client.Events(ctx, w.seq+1, true, func(line []byte) error {
		var e locker.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		w.seq = e.Seq
		seen = append(seen, bytes.Clone(line))
		if want.Match(line) {
			return found
		}
		return nil
	})
	if !errors.Is(err, found) {
		ts.Fatalf("%q has not come (%v); what came:\n%s", args[0], err, bytes.Join(seen, []byte("\n")))
	}
}

func eventually(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 1, "eventually CMD...")
	worldOf(ts).poll(ts, strings.Join(args, " "), func(context.Context) error {
		if out, err := command(ts, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}

// poll repeats what looks for something that nobody announces.
func (*world) poll(ts *testscript.TestScript, what string, look func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := look(ctx)
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			ts.Fatalf("still not so: %s: %v", what, err)
		}
	}
}

func secret(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 2, "secret FILE PATH...")
	text := bytes.TrimSpace([]byte(ts.ReadFile(args[0]))) // a file of a script ends with a line end, a scan does not
	if len(text) < 20 {
		ts.Fatalf("%s holds no code", args[0])
	}
	files := 0
	for _, root := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			files++
			b, err := os.ReadFile(path)
			if bytes.Contains(b, text) {
				ts.Fatalf("%s holds the text of a code", path)
			}
			return err
		}))
	}
	if files == 0 {
		ts.Fatalf("there is no file at %v", args[1:])
	}
}

func listen(ts *testscript.TestScript, _ bool, _ []string) {
	w := worldOf(ts)
	path := filepath.Join(w.dir, "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	w.notify = c
	ts.Defer(func() { _ = c.Close() })
	ts.Setenv("NOTIFY_SOCKET", path)
}

func notified(ts *testscript.TestScript, _ bool, args []string) {
	need(ts, args, 1, "notified TEXT")
	c := worldOf(ts).notify
	ts.Check(c.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			ts.Fatalf("%q has not come: %v", args[0], err)
		}
		if string(buf[:n]) == args[0] {
			return
		}
	}
}
