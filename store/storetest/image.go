package storetest

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// maxPieces bounds the pieces of one pwritev: IOV_MAX of Linux.
const maxPieces = 1024

// Image is what a disk may hold after the power went when operations [0, At)
// of the log had been issued. It is small: the bytes are made by WriteTo.
type Image struct {
	At   int
	Desc string // the crash in words, for a test's message

	log   *Log
	state state
	crash crash
}

// WriteTo makes the image's files in dir, which must be there and empty. Runs
// of zeros become holes. Nothing is synced: write to a memory file system.
func (im Image) WriteTo(dir string) error {
	t := im.crash.namesAfter(im.log.ops[:im.At], im.state)
	if err := im.writeDir(dir, rootIno, t); err != nil {
		return fmt.Errorf("cannot write image (%s): %w", im.Desc, err)
	}
	return nil
}

func (im Image) writeDir(dir string, ino uint64, t tables) error {
	for name, ino := range t.names(ino) {
		path := filepath.Join(dir, name)
		if d, ok := im.state.dirs[ino]; ok {
			if err := im.makeDir(path, ino, d, t); err != nil {
				return err
			}
			continue
		}
		f := im.state.files[ino]
		c := im.crash.fileAfter(im.log.ops, ino, f, im.At-1)
		if err := c.writeTo(path, os.FileMode(f.perm)); err != nil {
			return err
		}
	}
	return nil
}

func (im Image) makeDir(path string, ino uint64, d dir, t tables) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	if err := im.writeDir(path, ino, t); err != nil {
		return err
	}
	return os.Chmod(path, os.FileMode(d.perm))
}

func (c content) writeTo(path string, perm os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = c.writePages(int(f.Fd()))
	if err == nil {
		err = f.Truncate(c.size)
	}
	if err == nil {
		err = f.Chmod(perm)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// writePages writes each run of pages that are not holes at once.
func (c content) writePages(fd int) error {
	var run [][]byte
	for i := 0; i <= len(c.pages); i++ {
		if i < len(c.pages) && c.pages[i] != nil && len(run) < maxPieces {
			run = append(run, c.pages[i][:])
			continue
		}
		if err := writeRun(fd, run, int64(i-len(run))*pageSize); err != nil {
			return err
		}
		run = run[:0]
		if i < len(c.pages) && c.pages[i] != nil {
			run = append(run, c.pages[i][:])
		}
	}
	return nil
}

func writeRun(fd int, run [][]byte, off int64) error {
	if len(run) == 0 {
		return nil
	}
	n, err := unix.Pwritev(fd, run, off)
	if err == nil && n != len(run)*pageSize {
		return fmt.Errorf("cannot write %d pages: only %d bytes went, is the file system full?", len(run), n)
	}
	return err
}
