package cli

import (
	"os"
	"runtime"
)

// shareProcessor lets a scan's goroutines run beside those that read a snapshot or
// collect garbage. Go's scheduler leaves a processor to a goroutine for 10 ms, the
// kernel gives it to a thread that has just woken at once, so there are more
// threads than processors. Measured: daemon/bench/RESULTS.md, "Doors do not wait".
// Who sets GOMAXPROCS knows better.
func shareProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(leastThreads, 2*runtime.NumCPU()))
	}
}

// leastThreads of Go code at one time: a scan's, a snapshot's, a collector's and
// one more.
const leastThreads = 4
