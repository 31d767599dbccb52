package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lockerd/store/storetest"
)

// Sizes of the bit rot test.
const (
	flipsShort  = 40
	flipsNormal = 300
	rotLimit    = 90 * time.Second // of one child: a daemon that hangs has died
	maxBad      = 5
	stateFile   = "state.db"
	statePage   = 4096
	metaBytes   = 80 // page header and meta of bbolt
)

// rot is the bit rot test while it runs.
type rot struct {
	t     *testing.T
	exe   string
	dir   string // a scratch directory
	sound string // the data before it rots

	mu       sync.Mutex
	bad      int
	accepted int
	refused  int
	died     int
	noticed  map[string]int
}

// TestBitRot flips single bits of the data directory. Each damaged copy has a
// process of its own; one that dies of it must come up when it is started again.
func TestBitRot(t *testing.T) {
	rng, _ := seeded(t)
	r := &rot{t: t, exe: executable(t), dir: shm(t), noticed: map[string]int{}}
	r.sound = filepath.Join(r.dir, "sound")
	if err := os.WriteFile(filepath.Join(r.dir, "before.json"), encode(t, sound(t, r.sound)), 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, err := r.child(r.copy("whole")); err != nil || len(ok.Bad) > 0 || ok.Noticed != "" || ok.Refused > ok.Accepted/4 || ok.Accepted < rotScanned {
		t.Fatalf("data without any flip: %+v %v", ok, err)
	}
	n := size(t, envFlips, flipsShort, flipsNormal)
	begun := time.Now()
	r.all(r.draw(rng, n))
	t.Logf("%d flips in %s: unused codes accepted %d, refused %d; %d children died; noticed %v",
		n, time.Since(begun).Round(time.Second), r.accepted, r.refused, r.died, r.noticed)
	if r.accepted <= r.refused {
		t.Error("most unused codes were refused: a bank that opens nothing proves nothing")
	}
}

// draw chooses flips: half of them in the journal, one in twenty in bbolt's two
// meta pages, of which one flip takes back the newest transaction, the others in
// those pages of the state file that hold anything: bbolt makes its file far
// larger than that.
func (r *rot) draw(rng *rand.Rand, n int) []storetest.Flip {
	r.t.Helper()
	logs, err := fs.Glob(os.DirFS(r.sound), "journal/*")
	if err != nil {
		r.t.Fatal(err)
	}
	files := map[string]int64{}
	for _, path := range logs {
		info, err := os.Stat(filepath.Join(r.sound, path))
		if err != nil {
			r.t.Fatal(err)
		}
		files[path] = info.Size()
	}
	flips := storetest.Flips(rng, files, n/2)
	state, err := os.ReadFile(filepath.Join(r.sound, stateFile))
	if err != nil {
		r.t.Fatal(err)
	}
	var pages []int64
	for at := 0; at < len(state); at += statePage {
		if len(bytes.Trim(state[at:min(at+statePage, len(state))], "\x00")) > 0 {
			pages = append(pages, int64(at))
		}
	}
	metas := n / 20
	for _, f := range storetest.Flips(rng, map[string]int64{stateFile: 2 * metaBytes}, metas) {
		f.Bit += f.Bit / (8 * metaBytes) * 8 * (statePage - metaBytes)
		flips = append(flips, f)
	}
	for _, f := range storetest.Flips(rng, map[string]int64{stateFile: int64(len(pages)) * statePage}, n-len(flips)) {
		f.Bit = pages[f.Bit/(8*statePage)]*8 + f.Bit%(8*statePage)
		flips = append(flips, f)
	}
	return flips
}

// all judges flips on all processors.
func (r *rot) all(flips []storetest.Flip) {
	todo := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range todo {
				if err := r.flip(i, flips[i]); err != nil {
					r.mu.Lock()
					if r.bad++; r.bad <= maxBad {
						r.t.Errorf("flip %d of bit %d of %s: %v", i, flips[i].Bit, flips[i].Path, err)
					}
					r.mu.Unlock()
				}
			}
		})
	}
	for i := range flips {
		todo <- i
	}
	close(todo)
	wg.Wait()
}

func (r *rot) flip(i int, f storetest.Flip) error {
	dir := r.copy(fmt.Sprintf("flip-%d", i))
	defer func() { _ = os.RemoveAll(dir) }()
	if err := storetest.ApplyFlip(filepath.Join(dir, f.Path), f.Bit); err != nil {
		return err
	}
	v, err := r.child(dir)
	if err != nil {
		r.mu.Lock()
		r.died++
		r.mu.Unlock()
		r.t.Logf("flip of bit %d of %s: the first child has died: %v", f.Bit, f.Path, err)
		if v, err = r.child(dir, envAgain+"=1"); err != nil {
			return fmt.Errorf("the bank does not come up again: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted += v.Accepted
	r.refused += v.Refused
	r.noticed[v.Noticed]++
	if len(v.Bad) > 0 {
		return fmt.Errorf("(the store: %q) %s", v.Noticed, strings.Join(v.Bad[:min(len(v.Bad), maxBad)], "; "))
	}
	return nil
}

// child judges a directory in a process of its own.
func (r *rot) child(dir string, env ...string) (v verdict, err error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), rotLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.exe, "-test.run=^TestRotten$", "-test.v")
	cmd.Env = append(os.Environ(), envRot+"="+dir, "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return v, fmt.Errorf("%w: %s", err, tail(out))
	}
	_, text, ok := bytes.Cut(out, []byte(verdictMark))
	if !ok {
		return v, fmt.Errorf("the child says nothing: %s", tail(out))
	}
	return v, json.NewDecoder(bytes.NewReader(text)).Decode(&v)
}

func tail(out []byte) []byte { return out[max(0, len(out)-1500):] }

func (r *rot) copy(name string) string {
	dir := filepath.Join(r.dir, name)
	if err := os.CopyFS(dir, os.DirFS(r.sound)); err != nil {
		r.t.Errorf("cannot copy the data: %v", err)
	}
	return dir
}

// shm returns a directory in memory: thousands of copies are not for a disk.
func shm(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "lockerrot-") //nolint:usetesting // TempDir is on a disk
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
