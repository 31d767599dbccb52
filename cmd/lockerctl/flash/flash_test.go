package flash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/flash/card"
	"lockerd/cmd/lockerctl/flash/disk"
	"lockerd/cmd/lockerctl/flash/flashtest"
	"lockerd/daemon/seed"
)

func TestFlash(t *testing.T) {
	for name, l := range map[string]flashtest.Layout{"MBR": small, "GPT": {Width: 16, PerCluster: 1, GPT: true, DataSize: 2 * mib}} {
		t.Run(name, func(t *testing.T) {
			onCards(t, l, func(r *rig) {
				if code := r.run(r.image, r.card, "--seed", r.seed, "--yes", "--json"); code != exitDone {
					r.t.Fatalf("exit %d\n%s", code, r.said.String())
				}
				got := answer[result](r)
				if got.Bytes != int64(len(r.img)) || got.Wrote+got.Kept+got.Zeroed != got.Bytes || got.Zeroed == 0 || got.SHA256 == "" || got.Seed.Bank != "lon-042" {
					r.t.Errorf("%+v", got)
				}
				r.whole()
				// Once more, over itself, without a seed, and the image as it is.
				raw := write(r.t, filepath.Join(r.dir, "card.img"), r.img)
				if code := r.run(raw, r.card, "--no-seed", "--yes"); code != exitDone {
					r.t.Fatalf("exit %d\n%s", code, r.said.String())
				}
				if !bytes.Equal(r.holds()[:len(r.img)], r.img) {
					r.t.Error("without a seed: not the image")
				}
				if !strings.Contains(r.out.String(), "it has no seed") {
					r.t.Error(r.out.String())
				}
			})
		})
	}
}

// Whatever can be refused is, and the card is not touched.
func TestRefused(t *testing.T) {
	onCards(t, small, func(r *rig) {
		z := zipped(r.t, r.img)
		n := 0
		file := func(b []byte) string {
			n++
			return write(r.t, filepath.Join(r.dir, fmt.Sprintf("%d.img", n)), b)
		}
		flipped := bytes.Clone(z)
		flipped[len(z)/2] ^= 1
		wrongSum := file(z)
		write(r.t, wrongSum+".sha256", fmt.Appendf(nil, "%x", sha256.Sum256([]byte("another"))))
		noPlace := small
		noPlace.NoSeed = true
		shortPlace := small
		shortPlace.Content = []byte("too short")
		large := append(bytes.Clone(r.img), make([]byte, 3*mib)...)
		expired, err := os.ReadFile(r.seed)
		if err != nil {
			r.t.Fatal(err)
		}
		expired = bytes.Replace(expired, []byte("2026-11-27T"), []byte("2026-11-25T"), 1)
		itself := "it is the image"
		if strings.HasPrefix(r.card, "/dev/") {
			itself = "is no file"
		}
		for name, c := range map[string]struct {
			image, seed, want string
		}{
			"corrupt":           {file(flipped), r.seed, "is corrupt"},
			"cut, gzip":         {file(z[:len(z)*2/3]), r.seed, "is cut short"},
			"cut, raw":          {file(r.img[:len(r.img)-512]), r.seed, "is cut short: partition 2 ends at byte"},
			"cut within sector": {file(r.img[:len(r.img)-100]), r.seed, "is cut short"},
			"another checksum":  {wrongSum, r.seed, "has another SHA-256"},
			"no image":          {file(bytes.Repeat([]byte("text "), 512)), r.seed, "there is no partition table"},
			"too large":         {file(large), r.seed, "it is too small"},
			"too large, gzip":   {file(zipped(r.t, large)), r.seed, "it is too small"},
			"not there":         {filepath.Join(r.dir, "none"), r.seed, "cannot read the image"},
			"the card itself":   {r.card, r.seed, itself},
			"no place":          {file(flashtest.Image(noPlace)), r.seed, "has no file lockerd-seed.toml"},
			"a short place":     {file(flashtest.Image(shortPlace)), r.seed, "has 9 bytes, not 16384"},
			"no seed there":     {r.image, filepath.Join(r.dir, "none"), "cannot read the seed"},
			"no seed in it":     {r.image, file([]byte("# nothing\n")), "says nothing"},
			"a bad seed":        {r.image, file([]byte("bank = 7\n")), "cannot use the seed"},
			"expired":           {r.image, file(expired), "its token has expired at 2026-11-25T"},
		} {
			code := r.run(c.image, r.card, "--seed", c.seed, "--yes", "--json")
			said := r.said.String()
			got := answer[trouble](r)
			if code != exitFailed || got.Code != "refused" || !strings.Contains(got.Text, c.want) || got.Cure == "" || !strings.Contains(said, "next: ") {
				r.t.Errorf("%s: exit %d, %+v", name, code, got)
			}
			r.untouched()
		}
	})
}

// A clock that was never set, as on a board that is a desk, can't judge a token.
func TestClockUnset(t *testing.T) {
	r := onFile(t, small)
	r.now = func() time.Time { return time.Unix(0, 0) }
	if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitDone {
		t.Fatalf("exit %d\n%s", code, r.said.String())
	}
	r.whole()
}

// A card that is mounted, by this machine's own account.
func TestMounted(t *testing.T) {
	mkfs := flashtest.Tool(t, "mkfs.ext4")
	r := newRig(t, small)
	r.card = flashtest.Loop(t, make([]byte, 16*mib))
	if out, err := exec.Command(mkfs, "-q", r.card).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r.old = r.holds()
	for _, c := range []struct{ at, want, cure string }{
		{filepath.Join(r.dir, "some place"), "is mounted at " + r.dir + "/some place", "umount '" + r.dir + "/some place'"},
		{filepath.Join("/var/tmp", filepath.Base(r.dir)), "it is a disk of this system", "--list"},
	} {
		if err := os.Mkdir(c.at, 0o700); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(c.at) })
		if err := unix.Mount(r.card, c.at, "ext4", unix.MS_RDONLY, ""); err != nil {
			t.Skipf("nothing can be mounted here: %v", err)
		}
		code := r.run(r.image, r.card, "--seed", r.seed, "--yes", "--json")
		if err := unix.Unmount(c.at, 0); err != nil {
			t.Fatal(err)
		}
		if got := answer[trouble](r); code != exitFailed || !strings.Contains(got.Text, c.want) || !strings.Contains(got.Cure, c.cure) {
			t.Errorf("exit %d, %+v", code, got)
		}
		r.untouched()
	}
	if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitDone {
		t.Errorf("no longer mounted: exit %d\n%s", code, r.said.String())
	}
	r.whole()
}

// A card that the kernel swaps to.
func TestSwap(t *testing.T) {
	page := os.Getpagesize()
	r := newRig(t, small)
	r.old = make([]byte, 8*mib) // mkswap(8)
	copy(r.old[page-10:], "SWAPSPACE2")
	binary.LittleEndian.PutUint32(r.old[1024:], 1)
	binary.LittleEndian.PutUint32(r.old[1028:], uint32(len(r.old)/page-1))
	r.card = flashtest.Loop(t, r.old)
	name, err := unix.BytePtrFromString(r.card)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_SWAPON, uintptr(unsafe.Pointer(name)), 0, 0); errno != 0 {
		t.Skipf("no swap can be made here: %v", errno)
	}
	code := r.run(r.image, r.card, "--seed", r.seed, "--yes")
	if _, _, errno := unix.Syscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(name)), 0, 0); errno != 0 {
		t.Fatal(errno)
	}
	if code != exitFailed || !strings.Contains(r.said.String(), "it is a disk of this system: "+filepath.Base(r.card)+" is swap") {
		t.Errorf("exit %d\n%s", code, r.said.String())
	}
	r.untouched()
}

// What only the kernel knows to be in use: here, claimed by another.
func TestClaimed(t *testing.T) {
	onCards(t, small, func(r *rig) {
		other, err := openDevice(r.card)
		if err != nil {
			r.t.Fatal(err)
		}
		code := r.run(r.image, r.card, "--seed", r.seed, "--yes")
		if err := other.Close(); err != nil {
			r.t.Fatal(err)
		}
		if code != exitFailed || !strings.Contains(r.said.String(), "it is in use") {
			r.t.Errorf("exit %d\n%s", code, r.said.String())
		}
		r.untouched()
	})
}

func TestReadOnly(t *testing.T) {
	r := newRig(t, small)
	r.old = r.used()
	r.card = flashtest.ReadOnlyLoop(t, r.old)
	if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitFailed || !strings.Contains(r.said.String(), "it is read-only") {
		t.Errorf("exit %d\n%s", code, r.said.String())
	}
	r.untouched()
}

// laptop puts the rig onto a machine with many disks, of which none is opened.
func (r *rig) laptop() {
	r.system = flashtest.Laptop(r.t)
	r.look = func(path string) (disk.Number, bool, error) {
		var n disk.Number
		b, err := os.ReadFile(filepath.Join(r.system.Sys, "class", "block", filepath.Base(path), "dev"))
		if err != nil {
			return n, false, os.ErrNotExist
		}
		_, err = fmt.Sscanf(string(b), "%d:%d", &n.Major, &n.Minor)
		return n, true, err
	}
	r.open = func(path string) (target, error) {
		r.t.Fatalf("%s was opened", path)
		return nil, nil
	}
}

// masked is what was said, without where the machine was laid out.
func (r *rig) masked(s string) string { return strings.ReplaceAll(s, r.system.Dev, "/dev") }

func TestDisks(t *testing.T) {
	r := newRig(t, small)
	r.laptop()
	for name, want := range map[string]string{
		"sda": "it is a disk of this system: sda1 is mounted at /boot", "sdi": "it is a disk of this system: sdi1 is swap", "nvme0n1": "it is built in",
		"sdc": "sdc1 is mounted at /media/a name", "sdd": "it is read-only", "sde": "it is too large for a card", "sdf": "there is no card in it",
		"sdg": "sdg belongs to md127 (raid1)", "sdb1": "it is a partition", "dm-1": "dm-1 is mounted at /", "none": "there is no such card",
	} {
		code := r.run(r.image, "/dev/"+name, "--seed", r.seed, "--yes", "--json")
		if got := answer[trouble](r); code != exitFailed || got.Code != "refused" || !strings.Contains(r.masked(got.Text), want) && !strings.Contains(got.Text, "with 2.0 TB "+want) {
			t.Errorf("%s: exit %d, %+v", name, code, got)
		}
	}
	// A size that was allowed is, all else is not.
	r.open = func(string) (target, error) { return nil, os.ErrPermission }
	for name, want := range map[string]string{"sde": "it may not be opened for writing", "sda": "it is a disk of this system"} {
		if code := r.run(r.image, "/dev/"+name, "--seed", r.seed, "--yes", "--largest", "3000000000000"); code != exitFailed || !strings.Contains(r.said.String(), want) {
			t.Errorf("%s: exit %d, %s", name, code, r.said.String())
		}
	}
}

const listedDisks = `CARD          SIZE      BUS       MODEL                   CAN BE FLASHED
/dev/mmcblk0  8.0 GB    mmc       SC08G                   yes
/dev/nvme0n1  100.0 GB  built in  another system's        no: it is built in, no card
/dev/sda      512.0 GB  built in  ATA SSD 870             no: it is a disk of this system: sda1 is mounted at /boot
/dev/sdb      31.9 GB   usb       Generic STORAGE DEVICE  yes
/dev/sdc      16.0 GB   usb       Generic with photos     no: sdc1 is mounted at /media/a name
/dev/sdd      8.0 GB    usb       -                       no: it is read-only
/dev/sde      2.0 TB    usb       Backup                  no: with 2.0 TB it is too large for a card
/dev/sdg      64.0 GB   usb       -                       no: sdg belongs to md127 (raid1)
/dev/sdh      64.0 GB   usb       -                       no: it has sectors of 4096 bytes, images are made for 512
/dev/sdi      64.0 GB   usb       -                       no: it is a disk of this system: sdi1 is swap
/dev/sdj      64.0 GB   usb       -                       no: sdj is mounted at /mnt/pool
`

func TestList(t *testing.T) {
	r := newRig(t, small)
	r.laptop()
	r.system.Dev = "/dev"
	if code := r.run("--list"); code != exitDone || r.out.String() != listedDisks {
		t.Errorf("exit %d\n%s\nwant\n%s", code, r.out.String(), listedDisks)
	}
	if code := r.run("--list", "--json"); code != exitDone {
		t.Errorf("exit %d", code)
	}
	free := 0
	for _, l := range answer[[]listed](r) {
		if l.Free != (l.Why == "") || l.Free != (l.Cure == "") || l.Bytes == 0 {
			t.Errorf("%+v", l)
		}
		if l.Free {
			free++
		}
	}
	if free != 2 {
		t.Errorf("%d are free", free)
	}
	// It never chooses, not even where there is one only.
	if code := r.run(r.image, "--no-seed", "--yes"); code != exitUsage || !strings.Contains(r.said.String(), "yours to do: there are: /dev/mmcblk0 8.0 GB mmc SC08G; /dev/sdb 31.9 GB usb") {
		t.Errorf("exit %d\n%s", code, r.said.String())
	}
}

func TestUsage(t *testing.T) {
	r := newRig(t, small)
	r.laptop()
	for _, args := range [][]string{
		{},
		{"a", "b"},
		{"a", "b", "c", "--no-seed"},
		{"a", "b", "--no-seed", "--seed", "x"},
		{"--list", "a"},
		{"--list", "--yes"},
		{"a", "b", "--moon"},
	} {
		if code := r.run(args...); code != exitUsage || !strings.Contains(r.said.String(), "usage: lockerctl flash IMAGE CARD") {
			t.Errorf("%v: exit %d\n%s", args, code, r.said.String())
		}
	}
}

// The seed that help and README show is one.
func TestExample(t *testing.T) {
	if _, err := seed.Parse([]byte(SeedExample)); err != nil {
		t.Error(err)
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), SeedExample) {
		t.Error("README.md shows another one")
	}
}

// A seed from another program, at stdin.
func TestSeedPiped(t *testing.T) {
	r := onFile(t, small)
	b, err := os.ReadFile(r.seed)
	if err != nil {
		t.Fatal(err)
	}
	r.stdin = bytes.NewReader(b)
	if code := r.run(r.image, r.card, "--seed", "-", "--yes"); code != exitDone {
		t.Fatalf("exit %d\n%s", code, r.said.String())
	}
	r.whole()
	// The answer comes from the terminal then.
	for typed, want := range map[string]int{"": exitFailed, "no\n": exitFailed, "card\n": exitDone} {
		r.stdin = bytes.NewReader(b)
		r.tty = func() (io.ReadCloser, error) {
			if typed == "" {
				return nil, os.ErrNotExist
			}
			return io.NopCloser(strings.NewReader(typed)), nil
		}
		if code := r.run(r.image, r.card, "--seed", "-"); code != want {
			t.Fatalf("%q: exit %d\n%s", typed, code, r.said.String())
		}
	}
}

func TestAsked(t *testing.T) {
	r := onFile(t, small)
	args := []string{r.image, r.card, "--seed", r.seed}
	if code := r.run(args...); code != exitFailed || !strings.Contains(r.said.String(), "nobody is there to be asked") {
		t.Errorf("exit %d\n%s", code, r.said.String())
	}
	r.untouched()
	r.asks = true
	for _, typed := range []string{"", "\n", "yes\n", "CARD\n", "cardcard\n"} {
		r.stdin = strings.NewReader(typed)
		if code := r.run(args...); code != exitFailed || !strings.Contains(r.said.String(), "nothing was written") {
			t.Errorf("%q: exit %d\n%s", typed, code, r.said.String())
		}
		r.untouched()
	}
	r.stdin = strings.NewReader("card\n")
	if code := r.run(args...); code != exitDone {
		t.Errorf("exit %d\n%s", code, r.said.String())
	}
	for _, want := range []string{"lon-042, 100 Bishopsgate, lobby; must enrol before 2026-11-27T15:00:00Z", "SHA-256 as it should be", "type card: "} {
		if !strings.Contains(r.said.String(), want) {
			t.Errorf("it did not say %q:\n%s", want, r.said.String())
		}
	}
	r.whole()
}

// ^C at the question ends it, although nothing is typed.
func TestAskedInterrupted(t *testing.T) {
	r := onFile(t, small)
	r.asks = true
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	defer writer.Close() //nolint:errcheck // of a pipe
	r.stdin = reader
	r.stderr = writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("type card: ")) {
			cancel()
		}
		return r.said.Write(p)
	})
	if code := r.env.run(ctx, []string{r.image, r.card, "--seed", r.seed}, &r.out); code != exitFailed || !strings.Contains(r.said.String(), "nothing was written") {
		t.Errorf("exit %d\n%s", code, r.said.String())
	}
	r.untouched()
}

type writerFunc func(p []byte) (int, error)

// Write implements io.Writer.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A card that is changed while the question stands is not written to.
func TestSwapped(t *testing.T) {
	for name, change := range map[string]map[string]string{
		"another": {"diskseq": "8"}, "smaller": {"size": "1000"}, "gone": {"dev": "9:9"}, "opened another": {},
	} {
		r := newRig(t, small)
		r.laptop()
		dev := flashtest.NewCard(make([]byte, mib))
		dev.Claims = 8e9
		if name != "opened another" {
			dev.Is = disk.Number{Major: 179}
		}
		dev.Fail = func(op string, _, _ int64) error {
			t.Errorf("%s: %s", name, op)
			return os.ErrInvalid
		}
		r.open = func(string) (target, error) { return dev, nil }
		r.asks = true
		r.stdin = readerFunc(func(p []byte) (int, error) {
			for file, content := range change {
				write(t, filepath.Join(r.system.Sys, "class", "block", "mmcblk0", file), []byte(content))
			}
			return copy(p, "mmcblk0\n"), nil
		})
		if code := r.run(r.image, "/dev/mmcblk0", "--seed", r.seed); code != exitFailed || !strings.Contains(r.said.String(), "another card was put in meanwhile") {
			t.Errorf("%s: exit %d\n%s", name, code, r.said.String())
		}
	}
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// The medium itself loses a bit after it was written: what is read back is what lies there.
func TestMediumRots(t *testing.T) {
	r := onLoop(t, small)
	b, err := os.ReadFile("/sys/block/" + filepath.Base(r.card) + "/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	medium, err := os.OpenFile(string(bytes.TrimSpace(b)), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer medium.Close() //nolint:errcheck // the test reads it through the card
	rotten := false
	r.open = func(path string) (target, error) {
		dev, err := openDevice(path)
		return &faulty{target: dev, read: func(off int64, p []byte) {
			if rotten || off != 0 || !bytes.HasPrefix(p, []byte("lockerd: this card is not finished")) {
				return
			}
			rotten = true // verifying has begun
			bit := []byte{p[0]}
			if _, err := medium.ReadAt(bit, 3*mib+5); err != nil {
				t.Error(err)
			}
			bit[0] ^= 0x80
			if _, err := medium.WriteAt(bit, 3*mib+5); err != nil {
				t.Error(err)
			}
		}}, err
	}
	if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitFailed || !rotten || !strings.Contains(r.said.String(), "at byte 3145728 it gives back something else than was written") {
		t.Errorf("exit %d, rotten %v\n%s", code, rotten, r.said.String())
	}
	if flashtest.Boots(r.holds()) {
		t.Error("it boots")
	}
}

// faulty is a card with faults in front of a real one.
type faulty struct {
	target
	read  func(off int64, p []byte)
	write func(off int64) error
}

// ReadAt implements card.Device.
func (f *faulty) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.target.ReadAt(p, off)
	if f.read != nil {
		f.read(off, p[:n])
	}
	return n, err
}

// WriteAt implements card.Device.
func (f *faulty) WriteAt(p []byte, off int64) (int, error) {
	if f.write != nil {
		if err := f.write(off); err != nil {
			return 0, err
		}
	}
	return f.target.WriteAt(p, off)
}

// What a card does wrong is told, and the card left so that it doesn't boot.
func TestBadCard(t *testing.T) {
	onCards(t, small, func(r *rig) {
		for name, c := range map[string]struct {
			faulty
			want string
		}{
			"another bit": {faulty{read: func(off int64, p []byte) {
				if off == 2*mib {
					p[100] ^= 1
				}
			}}, "at byte 2097152 it gives back something else than was written"},
			"another bit of the seed": {faulty{read: func(_ int64, p []byte) {
				if i := bytes.Index(p, []byte("lon-042")); i >= 0 {
					p[i] = 'x'
				}
			}}, "it gives back another seed than was written"},
			"writes fail": {faulty{write: func(off int64) error {
				if off == 2*mib {
					return unix.EIO
				}
				return nil
			}}, "at byte 2097152: input/output error"},
			"the last one fails": {faulty{write: func(off int64) error {
				if off == 512 {
					return unix.EIO
				}
				return nil
			}}, "at byte 512: input/output error"},
		} {
			r.open = func(path string) (target, error) {
				dev, err := openDevice(path)
				c.target = dev
				return &c.faulty, err
			}
			code := r.run(r.image, r.card, "--seed", r.seed, "--yes", "--json")
			said := r.said.String()
			got := answer[trouble](r)
			if code != exitFailed || got.Code != "failed" || got.Card != card.StateBlank.String() || !strings.Contains(got.Text, c.want) || !strings.Contains(said, "doesn't boot") {
				r.t.Errorf("%s: exit %d, %+v", name, code, got)
			}
			if flashtest.Boots(r.holds()) {
				r.t.Errorf("%s: it boots", name)
			}
		}
		r.open = openDevice
		if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitDone {
			r.t.Fatalf("exit %d\n%s", code, r.said.String())
		}
		r.whole()
	})
}

// unclosed is a card whose closing fails.
type unclosed struct{ target }

// Close implements target.
func (u unclosed) Close() error { return errors.Join(unix.EIO, u.target.Close()) }

// A card that was written, and failed after, is not called untouched, nor whole before.
func TestCloseFails(t *testing.T) {
	r := onFile(t, small)
	r.open = func(path string) (target, error) {
		dev, err := openDevice(path)
		return unclosed{dev}, err
	}
	code := r.run(r.image, r.card, "--seed", r.seed, "--yes", "--json")
	if got := answer[trouble](r); code != exitFailed || got.Code != "failed" || got.Card != card.StateUnknown.String() {
		t.Errorf("exit %d, %+v", code, got)
	}
}

func TestProgress(t *testing.T) {
	r := onFile(t, small)
	r.shows = true
	now := today
	r.now = func() time.Time { now = now.Add(time.Second); return now }
	if code := r.run(r.image, r.card, "--seed", r.seed, "--yes"); code != exitDone {
		t.Fatalf("exit %d\n%s", code, r.said.String())
	}
	for _, step := range []card.Step{card.StepRead, card.StepBlank, card.StepWrite, card.StepVerify, card.StepSeed, card.StepHead} {
		if !strings.Contains(r.said.String(), fmt.Sprintf("\r\x1b[K%-9s [%s] 100 %%", step, strings.Repeat("#", barWidth))) {
			t.Errorf("%s was not shown to its end:\n%s", step, r.said.String())
		}
	}
	got := line(card.StepWrite, 300e6, 1200e6, 20*time.Second)
	if want := "writing   [#######.......................]  25 %  15.0 MB/s  1m left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
