package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// sizeMax bounds each program, stripped: updates travel over the air, and boards are
// small. Issue 6. A program that jumps by megabytes links something that calls methods by
// names found at run time (text/template, protobuf): the linker leaves none out then.
const sizeMax = 15 << 20

// built are the programs of one target, with what they were made of.
type built struct {
	target  target
	dir     string // holds the programs
	mods    []module
	golang  string // version of Go, without "go"
	modpath string // of the repository
}

// programs are the packages' programs, by the last element of their path.
func programs() []string {
	return []string{"lockerd", "lockerd-launch", "lockerctl", "lockerctl-release"}
}

// build makes the programs for t below stage and collects the licences of all
// that is linked into them.
func build(ctx context.Context, t target, version, stage string) (*built, error) {
	b := &built{target: t, dir: filepath.Join(stage, "bin")}
	args := []string{
		"build", "-trimpath", "-ldflags", fmt.Sprintf("-s -w -X lockerd/cmd/lockerd/cli.Version=%[1]s -X lockerd/cmd/lockerctl/cli.Version=%[1]s", version), "-o", b.dir + "/",
	}
	if _, err := golang(ctx, t, append(args, packages()...)...); err != nil {
		return nil, fmt.Errorf("cannot build: %w", err)
	}
	if err := b.inspect(); err != nil {
		return nil, err
	}
	return b, b.licences(ctx)
}

// packages are the paths of the programs for the go command.
func packages() []string {
	var paths []string
	for _, p := range programs() {
		paths = append(paths, "lockerd/cmd/"+p)
	}
	return paths
}

// inspect holds the programs to their size and reads which modules are in them.
func (b *built) inspect() error {
	seen := map[string]module{}
	for _, p := range programs() {
		path := filepath.Join(b.dir, p)
		fi, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := fits(p, fi.Size()); err != nil {
			return err
		}
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return fmt.Errorf("cannot read what %s is made of: %w", p, err)
		}
		b.golang, b.modpath = strings.TrimPrefix(info.GoVersion, "go"), info.Main.Path
		for _, d := range info.Deps {
			if d.Replace != nil {
				return fmt.Errorf("cannot tell the origin of %s: it is replaced by %s; build without replace", d.Path, d.Replace.Path)
			}
			seen[d.Path] = module{path: d.Path, version: d.Version, sum: d.Sum}
		}
	}
	for _, m := range seen {
		b.mods = append(b.mods, m)
	}
	slices.SortFunc(b.mods, func(x, y module) int { return strings.Compare(x.path, y.path) })
	return nil
}

func fits(name string, size int64) error {
	if size > sizeMax {
		return fmt.Errorf("%s has %d bytes, more than %d: look for what is new with go list -deps", name, size, sizeMax)
	}
	return nil
}

// golang runs the go command for a target and returns what it prints.
func golang(ctx context.Context, t target, args ...string) ([]byte, error) {
	var told strings.Builder
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), t.env()...)
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, told.String())
	}
	return out, nil
}
