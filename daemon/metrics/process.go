package metrics

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ReadProcess tells what this process takes. What the kernel does not tell is zero.
func ReadProcess() Process {
	p := Process{Goroutines: runtime.NumGoroutine()}
	var use unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &use) == nil {
		p.CPU = (time.Duration(use.Utime.Nano()) + time.Duration(use.Stime.Nano())).Seconds()
	}
	statm, _ := os.ReadFile("/proc/self/statm") // proc_pid_statm(5): size, resident, in pages
	if f := bytes.Fields(statm); len(f) > 1 {
		pages, _ := strconv.ParseUint(string(f[1]), 10, 64)
		p.Resident = pages * uint64(os.Getpagesize()) //nolint:gosec // positive
	}
	return p
}
