package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/ui"
)

const exitFailed = 1 // contract 3

// beside is a program of its own that belongs to lockerctl: lockerctl-NAME. It takes
// the place of this process, with its streams, signals and exit code.
func beside(name string) program {
	name = "lockerctl-" + name
	return func(args []string, _ io.Reader, _, stderr io.Writer) int {
		path, err := find(name)
		if err != nil {
			ui.Fail(stderr, err.Error(), "", "install the package lockerd, or run make build: it lies beside lockerctl then")
			return exitFailed
		}
		err = unix.Exec(path, append([]string{path}, args...), os.Environ())
		ui.Fail(stderr, fmt.Sprintf("cannot run %s: %v", path, err), "", "install the package lockerd anew")
		return exitFailed
	}
}

// find looks beside lockerctl itself and where the package puts it.
func find(name string) (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("cannot tell where lockerctl lies: %w", err)
	}
	return findFrom(filepath.Dir(own), name)
}

func findFrom(dir, name string) (string, error) {
	for _, path := range []string{filepath.Join(dir, name), filepath.Join(dir, "../lib/lockerd", name)} {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("cannot find %s: it does not lie in %s", name, dir)
}
