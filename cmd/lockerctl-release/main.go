// Command lockerctl-release is `lockerctl release` (package release), which starts it:
// it makes and keeps the repository that banks fetch new versions of lockerd from. It is
// a program of its own because of what its signing brings along: go-tuf needs sigstore
// and protobuf, and protobuf calls methods by their names, so that the linker can leave
// none out. In lockerctl that costs 4 MiB on every board, where nobody ever signs.
package main

import (
	"os"

	"lockerd/cmd/lockerctl/release"
)

func main() { os.Exit(release.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
