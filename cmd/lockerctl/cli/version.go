package cli

import (
	"context"
	"flag"
	"runtime"
	"runtime/debug"

	"lockerd/cmd/lockerctl/ui"
)

// Version is set by the linker: -X lockerd/cmd/lockerctl/cli.Version=1.2.0.
var Version = "dev"

// build is the document of version.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Target  string `json:"target"`
}

func versionVerb(*flag.FlagSet) action {
	return func(_ context.Context, c *call) error {
		b := thisBuild()
		return c.print(b, func(p *ui.Page) { p.Line("lockerctl %s commit=%s %s %s", b.Version, b.Commit, b.Go, b.Target) })
	}
}

// thisBuild is what linker and Go toolchain have stamped into the program.
func thisBuild() build {
	b := build{Version: Version, Commit: "unknown", Go: runtime.Version(), Target: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	return b
}
