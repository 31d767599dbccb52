package cli

import (
	"os"
	"runtime"
	"testing"
)

func TestMoreThreadsThanProcessors(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
	t.Setenv("GOMAXPROCS", "1") // restores what was there
	runtime.GOMAXPROCS(1)
	if shareProcessor(); runtime.GOMAXPROCS(0) != 1 {
		t.Error("GOMAXPROCS of the environment does not count")
	}
	if err := os.Unsetenv("GOMAXPROCS"); err != nil {
		t.Fatal(err)
	}
	if shareProcessor(); runtime.GOMAXPROCS(0) < max(leastThreads, 2*runtime.NumCPU()) {
		t.Errorf("%d threads for %d processors: a scan waits for what runs", runtime.GOMAXPROCS(0), runtime.NumCPU())
	}
}
