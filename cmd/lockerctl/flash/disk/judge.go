package disk

import (
	"fmt"
	"slices"
	"strings"

	"lockerd/cmd/lockerctl/flash/fault"
)

// Largest is the size in bytes above which a disk is taken for something else than a
// card: cards of 128 GB pass, disks of 250 GB don't.
const Largest = 137_438_953_472

// Where a running system keeps itself: at these places, and below the second ones.
var (
	systemPlaces = []string{"/", "/home", "/opt", "/root", "/srv"}
	systemTrees  = []string{"/boot", "/efi", "/etc", "/nix", "/usr", "/var"}
)

// SystemUse returns the use that makes a disk one of the running system, if one does.
func (d *Disk) SystemUse() (Use, bool) {
	i := slices.IndexFunc(d.Uses, func(u Use) bool {
		return u.Kind == UseSwap || u.Kind == UseMount && (slices.Contains(systemPlaces, u.At) ||
			slices.ContainsFunc(systemTrees, func(t string) bool { return u.At == t || strings.HasPrefix(u.At, t+"/") }))
	})
	if i < 0 {
		return Use{}, false
	}
	return d.Uses[i], true
}

// Refusal says why a disk may not be overwritten; nil: it may. What is larger than largest
// bytes is no card.
func (d *Disk) Refusal(largest int64) *fault.Error {
	const other = "lockerctl flash --list shows the cards of this machine"
	if u, ok := d.SystemUse(); ok {
		return fault.New(other, "cannot flash %s: it is a disk of this system: %s", d.Path, u)
	}
	if at := d.mounts(); len(at) > 0 {
		return fault.New(fmt.Sprintf("umount %s, if nobody needs what is there", strings.Join(at, " ")), "cannot flash %s: %s", d.Path, d.Uses[slices.IndexFunc(d.Uses, mounted)])
	}
	if len(d.Uses) > 0 {
		return fault.New("it is part of something larger (LVM, RAID, encryption): "+other, "cannot flash %s: %s", d.Path, d.Uses[0])
	}
	switch {
	case d.Bus == BusVirtual && !strings.HasPrefix(d.Name, "loop"):
		return fault.New(other, "cannot flash %s: it is made of memory or of other disks, no card", d.Path)
	case d.Size == 0:
		return fault.New("put a card into it", "cannot flash %s: there is no card in it", d.Path)
	case d.ReadOnly:
		return fault.New("look for the card's lock switch, or take another reader", "cannot flash %s: it is read-only", d.Path)
	case d.Sector != sysSector:
		return fault.New("take an ordinary card", "cannot flash %s: it has sectors of %d bytes, images are made for %d", d.Path, d.Sector, sysSector)
	case d.Size > largest:
		return fault.New(fmt.Sprintf("%s; if it is a card indeed: --largest %d", other, d.Size), "cannot flash %s: with %s it is too large for a card", d.Path, fault.Bytes(d.Size))
	case d.Bus == BusOther && !d.Removable:
		return fault.New(other+"; to write to this disk, put it into a USB case", "cannot flash %s: it is built in, no card", d.Path)
	}
	return nil
}

func mounted(u Use) bool { return u.Kind == UseMount }

// mounts are where the disk is mounted, for a shell.
func (d *Disk) mounts() []string {
	var at []string
	for _, u := range d.Uses {
		if mounted(u) && !slices.Contains(at, quoted(u.At)) {
			at = append(at, quoted(u.At))
		}
	}
	return at
}

// quoted makes a path safe for a shell.
func quoted(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@", r)
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
