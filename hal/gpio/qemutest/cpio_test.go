//go:build nightly

package qemutest

import (
	"bytes"
	"fmt"
)

// archive is an initial file system: cpio in the format "newc", as the kernel's
// Documentation/driver-api/early-userspace/buffer-format.rst has it.
type archive struct {
	bytes.Buffer
	inode int
}

func (a *archive) dir(name string)               { a.entry(name, 0o040755, nil) }
func (a *archive) file(name string, data []byte) { a.entry(name, 0o100755, data) }

func (a *archive) entry(name string, mode int, data []byte) {
	a.inode++
	_, _ = fmt.Fprintf(a, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0, name)
	a.pad()
	a.Write(data)
	a.pad()
}

func (a *archive) pad() {
	for a.Len()%4 != 0 {
		a.WriteByte(0)
	}
}

func (a *archive) end() []byte {
	a.entry("TRAILER!!!", 0, nil)
	return a.Bytes()
}
