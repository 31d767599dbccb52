package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	ctl "lockerd/cmd/lockerctl/cli"
	"lockerd/cmd/lockerd/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lockerd":   func() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) },
		"lockerctl": func() { os.Exit(ctl.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}
