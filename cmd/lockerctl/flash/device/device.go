package device

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/disk"
)

const (
	sector = 512
	buffer = 1 << 20 // bytes of one transfer
)

// Device is an open card or file.
type Device struct {
	file  *os.File
	size  int64 // whole sectors
	block bool
	buf   []byte // page-aligned, as O_DIRECT wants it
}

var _ card.Device = (*Device)(nil)

// ErrBusy is returned where somebody else uses the card.
var ErrBusy = errors.New("it is in use")

// Open opens a card or a file for overwriting. Its path must not be a partition.
func Open(path string) (*Device, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	d := &Device{block: info.Mode().Type() == os.ModeDevice, size: info.Size() / sector * sector}
	flags := unix.O_RDWR | unix.O_CLOEXEC
	switch {
	case d.block:
		flags |= unix.O_EXCL | unix.O_DIRECT
	case !info.Mode().IsRegular():
		return nil, errors.New("it is neither a disk nor a file")
	}
	fd, err := unix.Open(path, flags, 0)
	if errors.Is(err, unix.EBUSY) {
		return nil, ErrBusy
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	d.file = os.NewFile(uintptr(fd), path)
	if !d.block && unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil, errors.Join(ErrBusy, d.Close())
	}
	if err := d.begin(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Device) begin() error {
	if d.block {
		end, err := d.file.Seek(0, io.SeekEnd)
		if err != nil {
			return fmt.Errorf("cannot tell its size: %w", err)
		}
		d.size = end
		ro, err := unix.IoctlGetInt(int(d.file.Fd()), unix.BLKROGET) // some are opened for writing all the same
		if err != nil {
			return fmt.Errorf("cannot tell whether it is read-only: %w", err)
		}
		if ro != 0 {
			return &os.PathError{Op: "open", Path: d.file.Name(), Err: unix.EROFS}
		}
	}
	var err error
	d.buf, err = unix.Mmap(-1, 0, buffer, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return fmt.Errorf("cannot get memory: %w", err)
	}
	return nil
}

// Size implements card.Device.
func (d *Device) Size() int64 { return d.size }

// WriteAt implements card.Device: whole sectors.
func (d *Device) WriteAt(p []byte, off int64) (int, error) {
	if off%sector != 0 || len(p)%sector != 0 || off < 0 || off+int64(len(p)) > d.size {
		return 0, fmt.Errorf("cannot write %d bytes at %d of %d: no whole sectors", len(p), off, d.size)
	}
	done := 0
	for done < len(p) {
		n := copy(d.buf, p[done:])
		n, err := d.file.WriteAt(d.buf[:n], off+int64(done))
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// ReadAt implements card.Device. Any range will do.
func (d *Device) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		pos := off + int64(done)
		skip := pos % sector
		if pos < 0 || pos >= d.size {
			return done, io.EOF
		}
		// Whole sectors, none beyond the end.
		want := min(buffer, (skip+int64(len(p)-done)+sector-1)/sector*sector, d.size-pos+skip)
		n, err := d.file.ReadAt(d.buf[:want], pos-skip)
		if int64(n) < want {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return done, err
		}
		done += copy(p[done:], d.buf[skip:want])
	}
	return done, nil
}

// Zero implements card.Device: whole sectors. The kernel asks the card to do it, if the card can, and
// writes zeros otherwise.
func (d *Device) Zero(off, n int64) error {
	if off%sector != 0 || n%sector != 0 || off < 0 || off+n > d.size {
		return fmt.Errorf("cannot zero %d bytes at %d of %d: no whole sectors", n, off, d.size)
	}
	// On disks, too, this is BLKZEROOUT; it drops what the page cache holds of the range.
	err := unix.Fallocate(int(d.file.Fd()), unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EINVAL) {
		return err
	}
	clear(d.buf)
	for done := int64(0); done < n; {
		wrote, err := d.file.WriteAt(d.buf[:min(buffer, n-done)], off+done)
		done += int64(wrote)
		if err != nil {
			return err
		}
	}
	return nil
}

// Sync implements card.Device.
func (d *Device) Sync() error { return d.file.Sync() }

// Number is that of the card that is open, whatever its path leads to by now; zero: a file.
func (d *Device) Number() (disk.Number, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(d.file.Fd()), &s); err != nil || !d.block {
		return disk.Number{}, err
	}
	return disk.NumberOf(&s), nil
}

// Reread lets the kernel read the new partition table. A card that was claimed anew
// meanwhile keeps the old one until it is plugged in again, which harms nothing.
func (d *Device) Reread() error {
	if !d.block {
		return nil
	}
	return unix.IoctlSetInt(int(d.file.Fd()), unix.BLKRRPART, 0)
}

// Close gives the card back.
func (d *Device) Close() error {
	err := d.file.Close()
	if d.buf != nil {
		err = errors.Join(err, unix.Munmap(d.buf))
		d.buf = nil
	}
	return err
}
