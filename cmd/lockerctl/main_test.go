package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"lockerd/cmd/lockerctl/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"lockerctl": func() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}
