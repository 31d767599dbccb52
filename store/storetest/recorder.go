package storetest

import (
	"encoding/gob"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stopWithin is how long the serving process may take to end.
const stopWithin = 10 * time.Second

// Recorder is a mounted directory whose every change is written down.
type Recorder struct {
	tb  testing.TB
	dir string

	mu  sync.Mutex
	enc *gob.Encoder
	dec *gob.Decoder
	ops []op // as far as they were fetched
}

// Mount mounts a recorder over a fresh directory until the test ends. It skips
// the test, saying why, where mounting needs rights that are missing.
func Mount(tb testing.TB) *Recorder {
	tb.Helper()
	if os.Getenv(serveEnv) != "" {
		tb.Fatal("cannot mount a recorder in the process that serves one: call storetest.Serve first in TestMain")
	}
	if os.Geteuid() != 0 {
		tb.Skip("cannot mount a recorder without root: run the tests as root")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		tb.Skipf("cannot mount a recorder: %v: load the kernel module fuse, or give the container /dev/fuse", err)
	}
	r := &Recorder{tb: tb, dir: tb.TempDir()}
	if err := r.start(); err != nil {
		tb.Fatalf("cannot start the serving process: %v", err)
	}
	var hello reply
	if err := r.dec.Decode(&hello); err != nil {
		tb.Fatalf("cannot mount a recorder: the serving process ended (%v): "+
			"func TestMain(m *testing.M) { storetest.Serve(); os.Exit(m.Run()) } is missing", err)
	}
	if hello.Denied {
		tb.Skipf("cannot mount a recorder: %s: the tests need the right to mount (CAP_SYS_ADMIN)", hello.Failed)
	}
	if hello.Failed != "" {
		tb.Fatalf("cannot mount a recorder: %s", hello.Failed)
	}
	return r
}

// start runs this test binary again, with a pipe each way.
func (r *Recorder) start() error {
	requests, ask, err := os.Pipe()
	if err != nil {
		return err
	}
	answers, replies, err := os.Pipe()
	if err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	// No test is run by a binary whose TestMain does not call Serve.
	p, err := os.StartProcess("/proc/self/exe", []string{os.Args[0], "-test.run=^$"}, &os.ProcAttr{
		Dir:   "/",
		Env:   append([]string{serveEnv + "=" + r.dir, raceEnv()}, os.Environ()...), // the first of a name counts
		Files: []*os.File{null, null, os.Stderr, requestFD: requests, replyFD: replies},
	})
	for _, f := range []*os.File{requests, replies, null} {
		_ = f.Close()
	}
	if err != nil {
		return err
	}
	r.enc, r.dec = gob.NewEncoder(ask), gob.NewDecoder(answers)
	r.tb.Cleanup(func() { r.stop(p, ask, answers) })
	return nil
}

// raceEnv spares the serving process the second that the race detector waits at
// its end.
func raceEnv() string { return "GORACE=" + os.Getenv("GORACE") + " atexit_sleep_ms=0" }

// stop unmounts and waits for the serving process.
func (r *Recorder) stop(p *os.Process, ask, answers *os.File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := unix.Unmount(r.dir, 0); err == unix.EBUSY {
		r.tb.Logf("cannot unmount the recorder at once: %v: is a file still open? It goes when the last one is closed", err)
		_ = unix.Unmount(r.dir, unix.MNT_DETACH)
	}
	_ = ask.Close() // ends the serving process
	defer time.AfterFunc(stopWithin, func() { _ = p.Kill() }).Stop()
	if _, err := p.Wait(); err != nil {
		r.tb.Errorf("cannot wait for the serving process: %v", err)
	}
	_ = answers.Close()
}

// Dir returns the mounted directory.
func (r *Recorder) Dir() string { return r.dir }

// Mark puts a label into the log, behind everything that was answered so far,
// and returns its position: it has been passed in images whose At is greater.
func (r *Recorder) Mark(label string) int {
	a, err := r.ask(request{Mark: true, Label: label})
	if err != nil {
		r.tb.Errorf("cannot set mark %q: %v", label, err)
	}
	return a.At
}

// Len returns the number of operations so far, marks included.
func (r *Recorder) Len() int { return r.Log().Len() }

// Log returns what has been recorded so far.
func (r *Recorder) Log() *Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		a, err := r.askLocked(request{From: len(r.ops)})
		if err != nil {
			r.tb.Errorf("cannot fetch the log: %v", err)
			return &Log{}
		}
		r.ops = append(r.ops, a.Ops...)
		if len(r.ops) >= a.Len {
			return &Log{ops: slices.Clip(r.ops)}
		}
	}
}

func (r *Recorder) ask(q request) (reply, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.askLocked(q)
}

func (r *Recorder) askLocked(q request) (reply, error) {
	if err := r.enc.Encode(q); err != nil {
		return reply{}, err
	}
	var a reply
	if err := r.dec.Decode(&a); err != nil {
		return reply{}, fmt.Errorf("the serving process is gone: %w", err)
	}
	return a, nil
}
