// Command lockerd runs a locker bank. See the README for how to use it and
// contract 3 for its exit codes: 0 done, 1 failed while running, 2 bad
// configuration or usage.
package main

import (
	"os"

	"lockerd/cmd/lockerd/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) }
