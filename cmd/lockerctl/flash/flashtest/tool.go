package flashtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Tool finds a program of another maker that judges ours. Without it the test is skipped, but
// not in CI, which installs it.
func Tool(tb testing.TB, name string) string {
	tb.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") { // not in everybody's PATH
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path
		}
	}
	if os.Getenv("LOCKERD_CI") == "1" {
		tb.Fatalf("%s is missing: .ci/run installs it", name)
	}
	tb.Skipf("%s is not here", name)
	return ""
}
