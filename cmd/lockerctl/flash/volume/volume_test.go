package volume_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"lockerd/cmd/lockerctl/flash/flashtest"
	"lockerd/cmd/lockerctl/flash/volume"
	"lockerd/daemon/seed"
)

func find(b []byte) (*volume.File, error) {
	return volume.Find(bytes.NewReader(b), int64(len(b)), seed.Name)
}

func layouts() map[string]flashtest.Layout {
	all := map[string]flashtest.Layout{}
	for _, width := range []int{12, 16, 32} {
		for _, per := range []int{1, 8} {
			for _, gaps := range []bool{false, true} {
				all[fmt.Sprintf("FAT%d %d sectors gaps=%v", width, per, gaps)] = flashtest.Layout{Width: width, PerCluster: per, Gaps: gaps, GPT: gaps, DataSize: 1 << 20}
			}
		}
	}
	return all
}

func TestFind(t *testing.T) {
	for name, l := range layouts() {
		if l.Width == 32 && l.PerCluster == 8 {
			continue // 256 MiB tell nothing new
		}
		t.Run(name, func(t *testing.T) {
			img := flashtest.Image(l)
			f, err := find(img)
			if err != nil || f == nil || f.Partition != 1 || f.Size != seed.Size {
				t.Fatalf("%+v, %v", f, err)
			}
			if want := l.Gaps; (len(f.Extents) > 1) != want {
				t.Errorf("%d extents, more than one: %v", len(f.Extents), want)
			}
			got, err := f.Read(bytes.NewReader(img))
			if err != nil || !bytes.Equal(got, seed.Placeholder()) {
				t.Errorf("another content, %v", err)
			}
		})
	}
}

// What the tools of Debian make is read, too.
func TestFindOthers(t *testing.T) {
	mkfs, mcopy, sfdisk := flashtest.Tool(t, "mkfs.vfat"), flashtest.Tool(t, "mcopy"), flashtest.Tool(t, "sfdisk")
	for _, width := range []string{"12", "16", "32"} {
		t.Run(width, func(t *testing.T) {
			dir := t.TempDir()
			file, boot := filepath.Join(dir, seed.Name), filepath.Join(dir, "boot")
			content := bytes.Repeat([]byte("0123456789abcdef"), seed.Size/16)
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "", mkfs, "-F", width, "-C", boot, map[string]string{"12": "4096", "16": "16384", "32": "34000"}[width])
			other := filepath.Join(dir, "other.txt")
			if err := os.WriteFile(other, make([]byte, 100<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, "", mcopy, "-i", boot, other, "::a long name of another file.txt")
			run(t, "", mcopy, "-i", boot, file, "::")
			fs, err := os.ReadFile(boot)
			if err != nil {
				t.Fatal(err)
			}
			disk := filepath.Join(dir, "disk")
			img := append(make([]byte, 1<<20), fs...)
			img = append(img, make([]byte, 1<<20)...)
			for _, table := range []string{"dos", "gpt"} {
				if err := os.WriteFile(disk, img, 0o600); err != nil {
					t.Fatal(err)
				}
				run(t, fmt.Sprintf("label: %s\nstart=2048, size=%d\n", table, len(fs)/512), sfdisk, "-q", disk)
				b, err := os.ReadFile(disk)
				if err != nil {
					t.Fatal(err)
				}
				f, err := find(b)
				if err != nil || f == nil {
					t.Fatalf("%s: %v, %v", table, f, err)
				}
				if got, err := f.Read(bytes.NewReader(b)); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s: another content, %v", table, err)
				}
			}
		})
	}
}

func run(t *testing.T, stdin, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader([]byte(stdin))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func TestNotThere(t *testing.T) {
	for name, l := range map[string]flashtest.Layout{
		"no file": {Width: 16, NoSeed: true}, "another name": {Width: 16, Name: "lockerd-seed.tom"}, "a longer one": {Width: 16, Name: "lockerd-seed.toml.txt"},
	} {
		if f, err := find(flashtest.Image(l)); f != nil || err != nil {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	if f, err := find(flashtest.Image(flashtest.Layout{Width: 16, Name: "LOCKERD-SEED.TOML"})); f == nil || err != nil {
		t.Errorf("in capitals: %+v, %v", f, err)
	}
}

func TestRefused(t *testing.T) {
	if f, err := find(flashtest.Image(flashtest.Layout{Width: 16, Second: true})); err == nil {
		t.Errorf("two of them: %+v", f)
	}
	if _, err := find(make([]byte, 1<<20)); !errors.Is(err, volume.ErrNoTable) {
		t.Errorf("zeros: %v", err)
	}
	if _, err := find(nil); err == nil {
		t.Error("nothing was taken")
	}
	for _, gpt := range []bool{false, true} {
		img := flashtest.Image(flashtest.Layout{Width: 16, GPT: gpt})
		_, err := find(img[:len(img)-sector])
		if short, ok := errors.AsType[*volume.ShortError](err); !ok || short.Ends != int64(len(img)) {
			t.Errorf("a sector less, GPT %v: %v", gpt, err)
		}
	}
}

const sector = 512

// Each lie of a table ends in an error, none in a wrong place.
func TestLies(t *testing.T) {
	const boot = 1 << 20
	u16 := func(at int, v uint16) func([]byte) {
		return func(b []byte) { binary.LittleEndian.PutUint16(b[at:], v) }
	}
	l := flashtest.Layout{Width: 16, DataSize: 1 << 20}
	f, err := find(flashtest.Image(l))
	if err != nil {
		t.Fatal(err)
	}
	table := boot + sector
	tableLen := int(binary.LittleEndian.Uint16(flashtest.Image(l)[boot+22:])) * sector
	data := boot + sector + 2*tableLen + 512*32
	first := int(f.Extents[0].Off-int64(data))/(4*sector) + 2
	for name, lie := range map[string]func([]byte){
		"a loop":         u16(table+2*(first+1), uint16(first)),
		"beyond the end": u16(table+2*(first+1), 0x4fff),
		"a free cluster": u16(table+2*(first+1), 0),
		"ends early":     u16(table+2*(first+1), 0xffff),
	} {
		img := flashtest.Image(l)
		lie(img)
		if f, err := find(img); err == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
	img := flashtest.Image(l)
	u16(boot+22, 1)(img) // a shorter FAT: what is taken for the root directory has no files
	if f, err := find(img); err != nil || f != nil {
		t.Errorf("another root: %+v, %v", f, err)
	}
	img = flashtest.Image(flashtest.Layout{Width: 16, GPT: true})
	img[2*sector+40]++
	if _, err := find(img); err == nil {
		t.Error("a damaged GPT was taken")
	}
}

// pieces is a card of 4 MiB that holds something at its beginning and at 1 MiB.
type pieces struct{ head, boot []byte }

// ReadAt implements io.ReaderAt.
func (c pieces) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > 4<<20 {
		return 0, io.ErrUnexpectedEOF
	}
	clear(p)
	for at, b := range map[int64][]byte{0: c.head, 1 << 20: c.boot} {
		if from, to := max(at, off), min(at+int64(len(b)), off+int64(len(p))); from < to {
			copy(p[from-off:to-off], b[from-at:to-at])
		}
	}
	return len(p), nil
}

// FuzzFind: whatever a card holds, the file lies within a partition and all of its size
// has a place, once.
func FuzzFind(f *testing.F) {
	for _, l := range []flashtest.Layout{
		{Width: 12, PerCluster: 1, DataSize: 1 << 20},
		{Width: 12, PerCluster: 1, GPT: true, Gaps: true, DataSize: 1 << 20},
		{Width: 16, PerCluster: 1, DataSize: 1 << 20},
		{Width: 16, PerCluster: 1, Gaps: true, DataSize: 1 << 20},
	} {
		img := flashtest.Image(l)
		// What the reader looks at lies in two places: the table, the file system's front.
		f.Add(bytes.TrimRight(img[:8*sector], "\x00"), bytes.TrimRight(img[1<<20:1<<20+45*sector], "\x00"), false)
		f.Add(bytes.TrimRight(img[:8*sector], "\x00"), bytes.TrimRight(img[1<<20:1<<20+45*sector], "\x00"), true)
	}
	f.Fuzz(func(t *testing.T, head, boot []byte, whole bool) {
		img := pieces{head[:min(len(head), 1<<20)], boot}
		size := int64(4 << 20)
		if whole {
			size = 1 << 40 // and reads end before
		}
		file, err := volume.Find(img, size, seed.Name)
		if err != nil || file == nil {
			if file != nil || err != nil && err.Error() == "" {
				t.Fatalf("%+v, %v", file, err)
			}
			return
		}
		parts, err := volume.Partitions(img, size)
		if err != nil {
			t.Fatal(err)
		}
		var p volume.Partition
		for _, p = range parts {
			if p.Number == file.Partition {
				break
			}
		}
		n := int64(0)
		for i, e := range file.Extents {
			n += e.Len
			if e.Len <= 0 || e.Off < p.Off || e.Off+e.Len > p.Off+p.Len {
				t.Fatalf("%+v lies outside of %+v", e, p)
			}
			for _, o := range file.Extents[:i] {
				if e.Off < o.Off+o.Len && o.Off < e.Off+e.Len {
					t.Fatalf("%+v and %+v are one place", e, o)
				}
			}
		}
		if n != file.Size {
			t.Fatalf("%d bytes have a place, of %d", n, file.Size)
		}
	})
}
