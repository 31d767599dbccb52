package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const rest = 15 * time.Millisecond // between scans: a sync at rest costs more than one in a hot loop

// contestant is one way of doing the job of a scan.
type contestant struct {
	name  string
	line  *line
	times []time.Duration
}

// BenchmarkScanToUnlock: from a scan's last byte to the unlock frame's first
// byte, 100,000 codes cached and status sweeps running.
func BenchmarkScanToUnlock(b *testing.B) {
	for _, disk := range []struct {
		name, dir string
		rounds    int
		python    bool
	}{
		{"disk", "", 800, true},
		{"tmpfs", "/dev/shm", 2000, false},
	} {
		b.Run(disk.name, func(b *testing.B) {
			dir := scratch(b, disk.dir)
			all := contestants(b, dir, disk.python)
			measure(b, all, rounds(disk.rounds))
			report(b, disk.name, all)
		})
	}
}

// rounds is n, or what LOCKERD_ROUNDS says.
func rounds(n int) int {
	_, _ = fmt.Sscan(os.Getenv("LOCKERD_ROUNDS"), &n)
	return n
}

// measure scans at all contestants in turn.
func measure(b *testing.B, all []*contestant, n int) {
	b.Helper()
	ds := doors()
	for i := range n {
		for _, c := range all {
			t, err := c.line.scan(ds[i%len(ds)].text)
			if err != nil {
				b.Fatalf("%s, round %d, door %s: %v", c.name, i, ds[i%len(ds)].id, err)
			}
			c.times = append(c.times, t)
			time.Sleep(rest)
		}
	}
}

func contestants(b *testing.B, dir string, python bool) []*contestant {
	b.Helper()
	const codes = 100_000
	data := filepath.Join(dir, "data")
	fillStore(b, data, codes)
	ours, bare := newLine(b), newLine(b)
	p := start(b, "lockerd", "run", "--config", config(b, dir, data, ours.scannerPort, ours.busPort))
	b.Cleanup(p.stop)
	r := start(b, "reference", filepath.Join(dir, "reference.log"), bare.scannerPort, bare.busPort, fmt.Sprint(codes))
	b.Cleanup(r.stop)
	all := []*contestant{{name: "lockerd", line: ours}, {name: "straight line", line: bare}}
	if !python {
		return all
	}
	if !hasPython() {
		b.Log("no python3-serial here: apt-get install python3-serial; the comparison with Python is left out")
		return all
	}
	py, db := newLine(b), filepath.Join(dir, "codes.sqlite")
	fillSQLite(b, db, codes)
	s := start(b, "", "/usr/bin/python3", "testdata/reference.py", db, py.scannerPort, py.busPort)
	b.Cleanup(s.stop)
	return append(all, &contestant{name: "python", line: py})
}

func hasPython() bool {
	return exec.Command("/usr/bin/python3", "-c", "import serial, sqlite3").Run() == nil
}

func scratch(b *testing.B, dir string) string {
	b.Helper()
	d, err := os.MkdirTemp(dir, "lockerd-bench-") //nolint:usetesting // on the disk that is asked for
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(d) })
	return d
}

func quantile(t []time.Duration, q float64) time.Duration {
	s := slices.Sorted(slices.Values(t))
	return s[min(int(q*float64(len(s))), len(s)-1)]
}

func report(b *testing.B, name string, all []*contestant) {
	b.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "\nscan's last byte → unlock's first byte, %s, %d scans each\n%-15s", name, len(all[0].times), "")
	qs := []float64{0.5, 0.9, 0.99}
	for _, q := range qs {
		fmt.Fprintf(&out, "%10s", fmt.Sprintf("p%.0f", q*100))
	}
	out.WriteByte('\n')
	for _, c := range all {
		fmt.Fprintf(&out, "%-15s", c.name)
		for _, q := range qs {
			fmt.Fprintf(&out, "%10s", quantile(c.times, q).Round(time.Microsecond))
		}
		out.WriteByte('\n')
	}
	for _, c := range all[1:] {
		fmt.Fprintf(&out, "%-15s", strings.Fields(all[0].name)[0]+" / "+strings.Fields(c.name)[0])
		for _, q := range qs {
			r := float64(quantile(all[0].times, q)) / float64(quantile(c.times, q))
			fmt.Fprintf(&out, "%9.2fx", r)
			b.ReportMetric(r, fmt.Sprintf("%s/%s-p%.0f", strings.Fields(all[0].name)[0], strings.Fields(c.name)[0], q*100))
		}
		out.WriteByte('\n')
	}
	fmt.Print(out.String())
}
