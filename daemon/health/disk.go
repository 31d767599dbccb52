package health

import "golang.org/x/sys/unix"

// Disk is a file system, in bytes.
type Disk struct{ Free, Total uint64 }

// ReadDisk tells of the file system of a directory, nil if it can't.
func ReadDisk(dir string) *Disk {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return nil
	}
	size := uint64(fs.Bsize) //nolint:gosec,nolintlint // a block size is positive
	return &Disk{Free: fs.Bavail * size, Total: fs.Blocks * size}
}
