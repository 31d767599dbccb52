package update

import (
	"runtime"
	"runtime/debug"
)

// Board is what the program of this board is called in a release.
func Board() string {
	arch := runtime.GOARCH
	if arch == "arm" {
		arch = "armv6" // runs everywhere
		if bi, ok := debug.ReadBuildInfo(); ok {
			for _, s := range bi.Settings {
				if s.Key == "GOARM" && len(s.Value) > 0 && s.Value[0] == '7' {
					arch = "armv7"
				}
			}
		}
	}
	return "lockerd-" + runtime.GOOS + "-" + arch
}
