package bench

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	watched = 10 * time.Second // over which the idle load is taken
	starts  = 5                // of which the median counts
)

// BenchmarkIdle: anonymous memory and CPU of an idle daemon that sweeps 204
// doors, and its start, with 100,000 and 1,000,000 codes.
func BenchmarkIdle(b *testing.B) {
	var out strings.Builder
	fmt.Fprintf(&out, "\nidle daemon, 204 doors swept%10s%12s%12s\n", "anonymous", "CPU", "start")
	var anon []float64
	for _, n := range []int{100_000, 1_000_000} {
		dir := scratch(b, "")
		data := filepath.Join(dir, "data")
		fillStore(b, data, n)
		l := newLine(b)
		argv := []string{"run", "--config", config(b, dir, data, l.scannerPort, l.busPort)}
		began := medianStart(b, "lockerd", argv...)
		p := start(b, "lockerd", argv...)
		time.Sleep(5 * time.Second) // what the start has left behind is given back
		cpu := cpuOf(b, p, watched)
		anon = append(anon, anonymousOf(b, p))
		p.stop()
		fmt.Fprintf(&out, "%22d codes%9.1fM%11.2f%%%12s\n", n, anon[len(anon)-1], cpu*100, began.Round(time.Millisecond))
		b.ReportMetric(cpu*100, fmt.Sprintf("cpu%%/%d", n))
		if n == 1_000_000 {
			pythonStart(b, &out, dir, n, began)
		}
	}
	fmt.Fprintf(&out, "memory with 1,000,000 / with 100,000 codes: %.2fx\n", anon[1]/anon[0])
	fmt.Print(out.String())
}

func pythonStart(b *testing.B, out *strings.Builder, dir string, n int, ours time.Duration) {
	b.Helper()
	if !hasPython() {
		return
	}
	db, py := filepath.Join(dir, "codes.sqlite"), newLine(b)
	fillSQLite(b, db, n)
	theirs := medianStart(b, "", "/usr/bin/python3", "testdata/reference.py", db, py.scannerPort, py.busPort)
	fmt.Fprintf(out, "start with %d codes: python %s, ours / python %.2fx\n", n, theirs.Round(time.Millisecond), float64(ours)/float64(theirs))
}

func medianStart(b *testing.B, role string, argv ...string) time.Duration {
	b.Helper()
	var all []time.Duration
	for range starts {
		p := start(b, role, argv...)
		all = append(all, p.ready)
		p.stop()
	}
	return quantile(all, 0.5)
}

// cpuOf returns what part of one core a process takes.
func cpuOf(b *testing.B, p *process, d time.Duration) float64 {
	b.Helper()
	ticks := func() int {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			b.Fatal(err)
		}
		f := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+2:]))
		u, _ := strconv.Atoi(f[11])
		s, _ := strconv.Atoi(f[12])
		return u + s
	}
	was := ticks()
	time.Sleep(d)
	return float64(ticks()-was) / 100 / d.Seconds() // USER_HZ is 100 on every Linux we build for
}

// anonymousOf returns the anonymous memory of a process in MiB.
func anonymousOf(b *testing.B, p *process) float64 {
	b.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if w := strings.Fields(sc.Text()); slices.Contains(w, "Anonymous:") {
			kb, _ := strconv.Atoi(w[1])
			return float64(kb) / 1024
		}
	}
	b.Fatal("no line Anonymous in smaps_rollup")
	return 0
}
