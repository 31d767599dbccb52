package disk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/flash/disk"
	"lockerd/cmd/lockerctl/flash/flashtest"
)

func TestRefusals(t *testing.T) {
	s := flashtest.Laptop(t)
	all, err := s.Disks()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range all {
		got[d.Name] = "free"
		if r := d.Refusal(disk.Largest); r != nil {
			got[d.Name] = strings.ReplaceAll(r.Text+" | "+r.Cure, s.Dev, "/dev")
		}
	}
	const list = "lockerctl flash --list shows the cards of this machine"
	want := map[string]string{
		"sda":     "cannot flash /dev/sda: it is a disk of this system: sda1 is mounted at /boot | " + list,
		"nvme0n1": "cannot flash /dev/nvme0n1: it is built in, no card | " + list + "; to write to this disk, put it into a USB case",
		"sdb":     "free",
		"sdc":     "cannot flash /dev/sdc: sdc1 is mounted at /media/a name | umount '/media/a name', if nobody needs what is there",
		"sdd":     "cannot flash /dev/sdd: it is read-only | look for the card's lock switch, or take another reader",
		"sde":     "cannot flash /dev/sde: with 2.0 TB it is too large for a card | " + list + "; if it is a card indeed: --largest 2000000000000",
		"sdg":     "cannot flash /dev/sdg: sdg belongs to md127 (raid1) | it is part of something larger (LVM, RAID, encryption): " + list,
		"sdh":     "cannot flash /dev/sdh: it has sectors of 4096 bytes, images are made for 512 | take an ordinary card",
		"sdi":     "cannot flash /dev/sdi: it is a disk of this system: sdi1 is swap | " + list,
		"sdj":     "cannot flash /dev/sdj: sdj is mounted at /mnt/pool | umount /mnt/pool, if nobody needs what is there",
		"mmcblk0": "free",
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s\n got %s\nwant %s", name, got[name], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d disks, want %d: %v", len(got), len(want), got)
	}
}

// What is listed nowhere, but may be named.
func TestNamed(t *testing.T) {
	s := flashtest.Laptop(t)
	for number, want := range map[disk.Number]string{
		{Major: 7}: "", {Major: 252}: "it is made of memory or of other disks, no card", {Major: 9, Minor: 127}: "it is made of memory or of other disks, no card",
		{Major: 253, Minor: 1}: "dm-1 is mounted at /", {Major: 8, Minor: 80}: "there is no card in it",
	} {
		d, err := s.Find(number)
		if err != nil {
			t.Fatal(err)
		}
		if r := d.Refusal(disk.Largest); (r == nil) != (want == "") || r != nil && !strings.Contains(r.Text, want) {
			t.Errorf("%v: %v, want %q", number, r, want)
		}
	}
	_, err := s.Find(disk.Number{Major: 8, Minor: 18})
	if part, ok := errors.AsType[*disk.PartError](err); !ok || filepath.Base(part.Disk) != "sdb" {
		t.Errorf("a partition: %v", err)
	}
	if _, err := s.Find(disk.Number{Major: 77}); err == nil {
		t.Error("a disk that is not there was found")
	}
}

// The system behind LVM in dm-crypt is found without the mount of /boot.
func TestDeep(t *testing.T) {
	s := flashtest.Laptop(t)
	if err := os.WriteFile(filepath.Join(s.Proc, "self", "mountinfo"), []byte("22 1 253:1 / / rw - ext4 /dev/root rw\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := s.Find(disk.Number{Major: 8})
	if err != nil {
		t.Fatal(err)
	}
	if u, ok := d.SystemUse(); !ok || u.By != "dm-1" || u.At != "/" {
		t.Errorf("%+v", d.Uses)
	}
	var told []string
	for _, u := range d.Uses {
		told = append(told, u.String())
	}
	if got := strings.Join(told, "; "); got != "sda2 belongs to dm-0 (sda2_crypt); dm-0 belongs to dm-1 (vg-root); dm-1 is mounted at /" {
		t.Error(got)
	}
}

// What can't be read makes no disk free.
func TestDoubt(t *testing.T) {
	for _, broken := range []string{"proc/self/mountinfo", "sys/class/block/sdb/size", "sys/class/block/sdb/ro", "sys/class/block/sdb/dev", "sys/class/block/sdb/queue/logical_block_size", "sys/class/block/sdb2/size"} {
		s := flashtest.Laptop(t)
		root := filepath.Dir(s.Sys)
		if err := os.WriteFile(filepath.Join(root, broken), []byte("nonsense\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if d, err := s.Find(disk.Number{Major: 8, Minor: 16}); err == nil {
			t.Errorf("%s: %+v", broken, d)
		}
		if _, err := s.Disks(); err == nil {
			t.Errorf("%s: the list stands", broken)
		}
	}
	s := flashtest.Laptop(t)
	if err := os.Remove(filepath.Join(s.Proc, "swaps")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find(disk.Number{Major: 8, Minor: 16}); err != nil {
		t.Errorf("a kernel without swap: %v", err)
	}
}

// The disk of the machine under this test is one of its system.
func TestThisMachine(t *testing.T) {
	s := disk.Here()
	var root unix.Stat_t
	if err := unix.Stat("/", &root); err != nil {
		t.Fatal(err)
	}
	all, err := s.Disks()
	if err != nil {
		t.Fatal(err)
	}
	number := fmt.Sprintf("%d:%d", unix.Major(uint64(root.Dev)), unix.Minor(uint64(root.Dev))) //nolint:unconvert // has 32 bits on some
	for _, d := range all {
		for _, name := range append([]string{d.Name}, names(d)...) {
			b, err := os.ReadFile(filepath.Join("/sys/class/block", name, "dev"))
			if err != nil || strings.TrimSpace(string(b)) != number {
				continue
			}
			if u, ok := d.SystemUse(); !ok || d.Refusal(1<<62) == nil {
				t.Errorf("%s holds /, and may be overwritten: %+v", d.Path, u)
			}
			return
		}
	}
	t.Skip("/ lies on no disk of its own here: a container, LVM, btrfs")
}

func names(d *disk.Disk) []string {
	var list []string
	for _, p := range d.Parts {
		list = append(list, p.Name)
	}
	return list
}

// FuzzMounts: whatever mountinfo says, it is an error or each line is a mount.
func FuzzMounts(f *testing.F) {
	f.Add("22 1 8:17 / /media/x rw,relatime shared:1 - ext4 /dev/sdb1 rw\n")
	f.Add("22 1 0:51 / /a\\040b\\134c rw - btrfs /dev/sdb1 rw\n23 22 8:16 / / rw shared:1 master:2 - vfat /dev/disk/by-id/x rw\n")
	s := flashtest.Machine(f, []flashtest.Block{
		{At: "usb1/block/sdb", Number: "8:16", Bytes: 1e9}, {At: "usb1/block/sdb/sdb1", Number: "8:17", Bytes: 1e9},
	}, "", "")
	f.Fuzz(func(t *testing.T, info string) {
		if err := os.WriteFile(filepath.Join(s.Proc, "self", "mountinfo"), []byte(info), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := s.Find(disk.Number{Major: 8, Minor: 16})
		if err != nil {
			return
		}
		said := 0
		for line := range strings.Lines(info) {
			front, _, ok := strings.Cut(line, " - ")
			fields := strings.Fields(front)
			if !ok || len(fields) < 6 {
				t.Fatalf("%q was taken for a mount", line)
			}
			if fields[2] == "8:16" || fields[2] == "8:17" {
				said++
			}
		}
		if len(d.Uses) < said {
			t.Fatalf("%d of %d mounts", len(d.Uses), said)
		}
	})
}
