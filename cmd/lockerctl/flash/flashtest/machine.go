package flashtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockerd/cmd/lockerctl/flash/disk"
)

// Block is a block device of a made-up machine.
type Block struct {
	At      string // below /sys/devices: pci0000:00/usb1/1-2/block/sdb, .../block/sdb/sdb1
	Number  string // 8:16
	Bytes   int64
	Holders []string
	Files   map[string]string // more: device/model
}

// Machine lays out what Linux would tell about disks.
func Machine(tb testing.TB, blocks []Block, mountinfo, swaps string) *disk.System {
	tb.Helper()
	root := tb.TempDir()
	s := &disk.System{Sys: filepath.Join(root, "sys"), Proc: filepath.Join(root, "proc"), Dev: filepath.Join(root, "dev")}
	write := func(path, content string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	write(filepath.Join(s.Proc, "self", "mountinfo"), mountinfo)
	write(filepath.Join(s.Proc, "swaps"), "Filename\tType\tSize\tUsed\tPriority\n"+swaps)
	class := filepath.Join(s.Sys, "class", "block")
	if err := os.MkdirAll(class, 0o755); err != nil {
		tb.Fatal(err)
	}
	for _, b := range blocks {
		name, dir := filepath.Base(b.At), filepath.Join(s.Sys, "devices", b.At)
		write(filepath.Join(dir, "dev"), b.Number+"\n")
		write(filepath.Join(dir, "size"), fmt.Sprintln(b.Bytes/sector))
		write(filepath.Join(s.Dev, strings.ReplaceAll(name, "!", "/")), "")
		if parent := filepath.Base(filepath.Dir(b.At)); parent == "block" {
			write(filepath.Join(dir, "ro"), "0\n")
			write(filepath.Join(dir, "removable"), "0\n")
			write(filepath.Join(dir, "queue", "logical_block_size"), "512\n")
			write(filepath.Join(dir, "diskseq"), "7\n")
		} else {
			write(filepath.Join(dir, "partition"), "1\n")
		}
		for path, content := range b.Files {
			write(filepath.Join(dir, path), content+"\n")
		}
		for _, h := range b.Holders {
			write(filepath.Join(dir, "holders", h), "") // a link, of which only the name counts
		}
		if err := os.Symlink(dir, filepath.Join(class, name)); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// Names of places in the machine of Laptop.
const (
	sata = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/"
	usb  = "pci0000:00/0000:00:14.0/usb1/1-%d/1-%d:1.0/host%d/target%d:0:0/%d:0:0:0/block/"
)

func usbAt(n int) string { return fmt.Sprintf(usb, n, n, n, n, n) }

// Laptop is the machine of a field engineer with everything in it that may not be
// overwritten, and two cards.
func Laptop(tb testing.TB) *disk.System {
	tb.Helper()
	stick := func(model string) map[string]string {
		return map[string]string{"removable": "1", "device/vendor": "Generic ", "device/model": model + "   "}
	}
	mmc := "platform/soc/mmc_host/mmc0/mmc0:aaaa/block/"
	return Machine(tb, []Block{
		{At: sata + "sda", Number: "8:0", Bytes: 512e9, Files: map[string]string{"device/vendor": "ATA", "device/model": "SSD 870"}},
		{At: sata + "sda/sda1", Number: "8:1", Bytes: 1e9},
		{At: sata + "sda/sda2", Number: "8:2", Bytes: 500e9, Holders: []string{"dm-0"}},
		{At: "virtual/block/dm-0", Number: "253:0", Bytes: 499e9, Holders: []string{"dm-1"}, Files: map[string]string{"dm/name": "sda2_crypt"}},
		{At: "virtual/block/dm-1", Number: "253:1", Bytes: 100e9, Files: map[string]string{"dm/name": "vg-root"}},
		{At: "pci0000:00/0000:00:1d.0/nvme/nvme0/block/nvme0n1", Number: "259:0", Bytes: 100e9, Files: map[string]string{
			"device/model": "another system's",
		}},
		{At: usbAt(2) + "sdb", Number: "8:16", Bytes: 31_914_983_424, Files: stick("STORAGE DEVICE")}, // free
		{At: usbAt(2) + "sdb/sdb1", Number: "8:17", Bytes: 268e6},
		{At: usbAt(2) + "sdb/sdb2", Number: "8:18", Bytes: 30e9},
		{At: usbAt(3) + "sdc", Number: "8:32", Bytes: 16e9, Files: stick("with photos")},
		{At: usbAt(3) + "sdc/sdc1", Number: "8:33", Bytes: 16e9},
		{At: usbAt(4) + "sdd", Number: "8:48", Bytes: 8e9, Files: map[string]string{"ro": "1", "removable": "1"}},
		{At: usbAt(5) + "sde", Number: "8:64", Bytes: 2e12, Files: map[string]string{"device/model": "Backup"}},
		{At: usbAt(6) + "sdf", Number: "8:80", Bytes: 0, Files: stick("empty slot")},
		{At: usbAt(7) + "sdg", Number: "8:96", Bytes: 64e9, Holders: []string{"md127"}},
		{At: "virtual/block/md127", Number: "9:127", Bytes: 64e9, Files: map[string]string{"md/level": "raid1"}},
		{At: usbAt(8) + "sdh", Number: "8:112", Bytes: 64e9, Files: map[string]string{"queue/logical_block_size": "4096"}},
		{At: usbAt(9) + "sdi", Number: "8:128", Bytes: 64e9},
		{At: usbAt(9) + "sdi/sdi1", Number: "8:129", Bytes: 64e9},
		{At: usbAt(10) + "sdj", Number: "8:144", Bytes: 64e9},
		{At: mmc + "mmcblk0", Number: "179:0", Bytes: 8e9, Files: map[string]string{"device/name": "SC08G"}}, // free
		{At: mmc + "mmcblk0/mmcblk0p1", Number: "179:1", Bytes: 8e9},
		{At: "virtual/block/loop0", Number: "7:0", Bytes: 8e9}, // free
		{At: "virtual/block/zram0", Number: "252:0", Bytes: 8e9},
	}, `22 1 253:1 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw
23 22 8:1 / /boot rw,relatime shared:2 - ext4 /dev/sda1 rw
24 22 0:22 / /proc rw - proc proc rw
25 22 8:33 / /media/a\040name rw,nosuid shared:3 - vfat /dev/sdc1 rw
26 22 0:51 /@ /mnt/pool rw - btrfs /dev/sdj rw,subvol=/@
`, "/dev/sdi1                               partition\t1\t0\t-2\n/swapfile file 1 0 -3\n")
}
