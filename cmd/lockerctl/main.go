// Command lockerctl is the field engineer's and operator's tool at a locker
// bank: it asks and orders at the control socket of lockerd. Everything it
// does stands in package cli; `lockerctl help` tells how it is used.
package main

import (
	"os"

	"lockerd/cmd/lockerctl/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
