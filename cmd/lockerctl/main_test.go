package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/cmd/lockerctl/release"
	lockerd "lockerd/cmd/lockerd/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lockerd":           func() { os.Exit(lockerd.Run(os.Args[1:], os.Stdout, os.Stderr)) },
		"lockerctl":         func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"lockerctl-release": func() { os.Exit(release.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}
