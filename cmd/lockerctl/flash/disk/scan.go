package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// System is where Linux tells about itself; tests lay out their own.
type System struct {
	Sys  string // /sys
	Proc string // /proc
	Dev  string // /dev
}

// Here is this machine.
func Here() *System { return &System{Sys: "/sys", Proc: "/proc", Dev: "/dev"} }

// Bus is how a disk is connected.
type Bus string

// Buses told apart.
const (
	BusMMC     Bus = "mmc"     // a slot for cards, or eMMC
	BusUSB     Bus = "usb"     // a reader, a stick
	BusVirtual Bus = "virtual" // made of other disks or of memory
	BusOther   Bus = "built in"
)

// Disk is a whole disk.
type Disk struct {
	Name      string // sdb
	Number    Number
	Seq       string // another one whenever a card is changed; empty: an old kernel
	Path      string // /dev/sdb
	Size      int64
	Sector    int64 // bytes of a logical sector
	Bus       Bus
	Model     string
	Removable bool
	ReadOnly  bool
	Parts     []Part
	Uses      []Use
}

// Part is a partition.
type Part struct {
	Name string
	Size int64
}

// UseKind is what a disk is used for.
type UseKind string

// Uses told apart.
const (
	UseMount UseKind = "mount"
	UseSwap  UseKind = "swap"
	UseHeld  UseKind = "held"
)

// Use is one use.
type Use struct {
	Kind UseKind
	By   string // sdb1, dm-0: what of the disk
	At   string // where it is mounted, or what holds it
}

// String shows a use.
func (u Use) String() string {
	switch u.Kind {
	case UseMount:
		return fmt.Sprintf("%s is mounted at %s", u.By, u.At)
	case UseSwap:
		return u.By + " is swap"
	case UseHeld:
		return fmt.Sprintf("%s belongs to %s", u.By, u.At)
	}
	return u.By
}

const sysSector = 512 // the unit of /sys, whatever the disk's is

// class is the directory of a block device.
func (s *System) class(name string) string { return filepath.Join(s.Sys, "class", "block", name) }

func (s *System) text(name string, at ...string) string {
	b, err := os.ReadFile(filepath.Join(append([]string{s.class(name)}, at...)...))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (s *System) number(name string, at ...string) (int64, error) {
	n, err := strconv.ParseInt(s.text(name, at...), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("cannot read about %s: %s is no number", name, filepath.Join(at...))
	}
	return n, nil
}

func (s *System) isPart(name string) bool {
	_, err := os.Stat(filepath.Join(s.class(name), "partition"))
	return err == nil
}

// Disks returns all disks, by name, without virtual ones and without slots that hold no
// card.
func (s *System) Disks() ([]*Disk, error) {
	entries, err := os.ReadDir(filepath.Join(s.Sys, "class", "block"))
	if err != nil {
		return nil, fmt.Errorf("cannot list the disks: %w", err)
	}
	u, err := s.uses()
	if err != nil {
		return nil, err
	}
	var list []*Disk
	for _, e := range entries {
		if s.isPart(e.Name()) {
			continue
		}
		d, err := s.disk(e.Name(), u)
		if err != nil {
			return nil, err
		}
		if d.Bus != BusVirtual && d.Size > 0 {
			list = append(list, d)
		}
	}
	return list, nil
}

// Number is a block device's.
type Number struct{ Major, Minor uint32 }

// String shows it as /sys and /proc do.
func (n Number) String() string { return fmt.Sprintf("%d:%d", n.Major, n.Minor) }

// NumberOf returns the number of a block device's file.
func NumberOf(s *unix.Stat_t) Number {
	return Number{Major: unix.Major(uint64(s.Rdev)), Minor: unix.Minor(uint64(s.Rdev))} //nolint:unconvert // Rdev has 32 bits on some
}

// PartError is returned by Find where a partition was named.
type PartError struct{ Part, Disk string }

// Error implements error.
func (e *PartError) Error() string {
	return fmt.Sprintf("%s is a partition of %s", e.Part, e.Disk)
}

// Find returns the disk with that number.
func (s *System) Find(n Number) (*Disk, error) {
	entries, err := os.ReadDir(filepath.Join(s.Sys, "class", "block"))
	if err != nil {
		return nil, fmt.Errorf("cannot list the disks: %w", err)
	}
	for _, e := range entries {
		if s.text(e.Name(), "dev") != n.String() {
			continue
		}
		if s.isPart(e.Name()) {
			where, err := filepath.EvalSymlinks(s.class(e.Name()))
			if err != nil {
				return nil, fmt.Errorf("cannot read about %s: %w", e.Name(), err)
			}
			return nil, &PartError{Part: s.path(e.Name()), Disk: s.path(filepath.Base(filepath.Dir(where)))}
		}
		u, err := s.uses()
		if err != nil {
			return nil, err
		}
		return s.disk(e.Name(), u)
	}
	return nil, errors.New("the kernel knows no such disk")
}

func (s *System) path(name string) string {
	return filepath.Join(s.Dev, strings.ReplaceAll(name, "!", "/"))
}

func (s *System) disk(name string, u *uses) (*Disk, error) {
	sectors, err := s.number(name, "size")
	if err != nil {
		return nil, err
	}
	where, err := filepath.EvalSymlinks(s.class(name))
	if err != nil {
		return nil, fmt.Errorf("cannot read about %s: %w", name, err)
	}
	ro, err := s.number(name, "ro")
	if err != nil {
		return nil, err
	}
	d := &Disk{
		Name: name, Seq: s.text(name, "diskseq"), Path: s.path(name), Size: sectors * sysSector, Bus: busOf(where), Model: s.model(name),
		Removable: s.text(name, "removable") == "1", ReadOnly: ro != 0,
	}
	if _, err := fmt.Sscanf(s.text(name, "dev"), "%d:%d", &d.Number.Major, &d.Number.Minor); err != nil {
		return nil, fmt.Errorf("cannot read about %s: it has no number", name)
	}
	if d.Sector, err = s.number(name, "queue", "logical_block_size"); err != nil {
		return nil, err
	}
	names, err := s.partsOf(name)
	if err != nil {
		return nil, err
	}
	for _, p := range names {
		n, err := s.number(p, "size")
		if err != nil {
			return nil, err
		}
		d.Parts = append(d.Parts, Part{Name: p, Size: n * sysSector})
	}
	d.Uses, err = s.usesOf(name, u)
	return d, err
}

func (s *System) partsOf(name string) ([]string, error) {
	entries, err := os.ReadDir(s.class(name))
	if err != nil {
		return nil, fmt.Errorf("cannot read about %s: %w", name, err)
	}
	var list []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(s.class(name), e.Name(), "partition")); err == nil {
			list = append(list, e.Name())
		}
	}
	slices.SortFunc(list, func(a, b string) int { // sdb2 before sdb10
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return list, nil
}

// busOf tells the bus from the path of a disk below /sys/devices.
func busOf(where string) Bus {
	switch {
	case strings.Contains(where, "/devices/virtual/"):
		return BusVirtual
	case strings.Contains(where, "/mmc_host/"):
		return BusMMC
	case strings.Contains(where, "/usb"):
		return BusUSB
	}
	return BusOther
}

// model is what a person may know a disk by.
func (s *System) model(name string) string {
	model := s.text(name, "device", "model")
	if model == "" {
		model = s.text(name, "device", "name") // of mmc
	}
	vendor := s.text(name, "device", "vendor")
	if strings.HasPrefix(vendor, "0x") { // a number of PCI, no name
		vendor = ""
	}
	return strings.Join(strings.Fields(vendor+" "+model), " ")
}
