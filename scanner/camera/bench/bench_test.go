package bench

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lockerd/scanner/camera/read"
)

// folders are where the pictures lie; make bench-camera gives them.
const folders = "LOCKERD_PICTURES"

// row is one line of the table, a column for each engine.
type row struct {
	n       int
	engines [3]tally // ours, zxing-cpp, zbar
	allocs  uint64
	frames  int
}

type tally struct {
	hits, wrong int
	cpu         time.Duration
}

func (y *tally) add(p *picture, o outcome) {
	hit, wrong := p.judge(o.texts)
	if hit {
		y.hits++
	}
	y.wrong += wrong
	y.cpu += o.cpu
}

// TestPictures reads every still with our reader, zxing-cpp and zbar.
func TestPictures(t *testing.T) {
	dirs := os.Getenv(folders)
	if dirs == "" {
		t.Skipf("run make bench-camera: %s names no folders of pictures", folders)
	}
	ref := startReference(t)
	rows := map[string]*row{}
	for dir := range strings.FieldsSeq(dirs) {
		for _, p := range load(t, dir) {
			if rows[p.set] == nil {
				rows[p.set] = &row{}
			}
			rows[p.set].add(t, p, ref)
		}
	}
	show(rows)
}

func (r *row) add(t *testing.T, p *picture, ref *reference) {
	t.Helper()
	zxing, zbar := ref.read(t, &p.luma)
	ours := r.ours(p)
	r.n++
	for i, o := range []outcome{ours, zxing, zbar} {
		r.engines[i].add(p, o)
	}
	if os.Getenv("LOCKERD_VERBOSE") != "" {
		describe(p, ours, zxing, zbar)
	}
}

// describe prints what each engine made of a picture: + read, - missed.
func describe(p *picture, all ...outcome) {
	line := ""
	for _, o := range all {
		hit, wrong := p.judge(o.texts)
		line += map[bool]string{true: "+", false: "-"}[hit || p.none] + strings.Repeat("w", wrong)
	}
	fmt.Printf("%-8s %6d us %s", line, all[0].cpu.Microseconds(), p.path)
	if _, wrong := p.judge(all[0].texts); wrong > 0 {
		fmt.Printf(" read %q want %q", all[0].texts, p.expect)
	}
	fmt.Println()
}

// ours shows a still to a reader as often as it has turns, as a code held
// before the glass is seen. The time is that of one frame.
func (r *row) ours(p *picture) outcome {
	var o outcome
	reader := read.New()
	reader.Frame(&p.luma) // scratch memory is made once in a camera's life
	reader = reader.Fresh()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := cpu()
	for range read.Turns {
		for _, res := range reader.Frame(&p.luma) {
			if !slices.Contains(o.texts, res.Text) {
				o.texts = append(o.texts, res.Text)
			}
		}
	}
	o.cpu = (cpu() - began) / read.Turns
	runtime.ReadMemStats(&after)
	r.allocs += after.Mallocs - before.Mallocs
	r.frames += read.Turns
	return o
}

// cpu returns the processor time of this process.
func cpu() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u) // fails for a wrong argument only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func show(rows map[string]*row) {
	var names []string
	for name := range rows {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Printf("%-14s %4s | %-22s | %-22s | %-22s | %s\n", "set", "n", "lockerd, a frame", "zxing-cpp", "zbar", "allocations")
	for _, name := range names {
		r := rows[name]
		fmt.Printf("%-14s %4d |", name, r.n)
		for _, e := range r.engines {
			fmt.Printf(" %4d wrong %d %6.2f ms |", e.hits, e.wrong, float64(e.cpu.Microseconds())/1e3/float64(r.n))
		}
		fmt.Printf(" %5d\n", int(r.allocs)/max(r.frames, 1))
	}
}
