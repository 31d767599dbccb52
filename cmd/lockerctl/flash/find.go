package flash

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/flash/device"
	"lockerd/cmd/lockerctl/flash/disk"
	"lockerd/cmd/lockerctl/flash/fault"
)

// find looks at a card and judges it; a file has no disk.
func (c *call) find(path string) (*disk.Disk, error) {
	const cure = "lockerctl flash --list shows the cards of this machine"
	number, block, err := c.look(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(cure, "cannot flash %s: there is no such card", path)
	case err != nil:
		return nil, fault.New(cure, "cannot flash %s: %v", path, err)
	case !block:
		return nil, nil //nolint:nilnil // said above
	}
	d, err := c.system.Find(number)
	if part, ok := errors.AsType[*disk.PartError](err); ok {
		return nil, fault.New("name the whole card: "+part.Disk, "cannot flash %s: it is a partition", path)
	}
	if err != nil {
		return nil, fault.New(cure, "cannot flash %s: %v", path, err)
	}
	if r := d.Refusal(c.largest); r != nil {
		return nil, r
	}
	return d, nil
}

// look tells what a path is: a disk with its number, or a file.
func look(path string) (n disk.Number, block bool, err error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return n, false, err
	}
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFBLK:
		return disk.NumberOf(&s), true, nil
	case unix.S_IFREG:
		return n, false, nil
	}
	return n, false, errors.New("it is neither a card nor a file")
}

func unopened(path string, err error) error {
	switch {
	case errors.Is(err, device.ErrBusy):
		return fault.New("something uses it that can't be seen from here (a mount of another container, a second lockerctl): end that", "cannot flash %s: it is in use", path)
	case errors.Is(err, fs.ErrPermission):
		return fault.New("run it as root: sudo lockerctl flash ...; if it is root already, look for the card's lock switch", "cannot flash %s: it may not be opened for writing", path)
	case errors.Is(err, unix.EROFS):
		return fault.New("look for the card's lock switch, or take another reader", "cannot flash %s: it is read-only", path)
	case errors.Is(err, unix.ENOMEDIUM):
		return fault.New("put a card into it", "cannot flash %s: there is no card in it", path)
	}
	return fault.New("plug it out and in again", "cannot flash %s: %v", path, err)
}
