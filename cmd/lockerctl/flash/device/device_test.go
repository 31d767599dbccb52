package device_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"lockerd/cmd/lockerctl/flash/device"
	"lockerd/cmd/lockerctl/flash/flashtest"
)

const (
	mib    = 1 << 20
	sector = 512
)

// on runs a test on plain files and on a loop device.
func on(t *testing.T, b []byte, test func(t *testing.T, path string)) {
	t.Helper()
	t.Run("file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "card")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		test(t, path)
	})
	t.Run("tmpfs", func(t *testing.T) { // zeroes by writing
		f, err := os.CreateTemp("/dev/shm", "card")
		if err != nil {
			t.Skipf("no tmpfs here: %v", err)
		}
		t.Cleanup(func() { _ = os.Remove(f.Name()) })
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		test(t, f.Name())
	})
	t.Run("loop", func(t *testing.T) { test(t, flashtest.Loop(t, b)) })
}

func open(t *testing.T, path string) *device.Device {
	t.Helper()
	d, err := device.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	return d
}

// What is written, zeroed and read is as in memory.
func TestSame(t *testing.T) {
	const size = 3*mib + 5*sector
	on(t, flashtest.Used(size), func(t *testing.T, path string) {
		t.Helper()
		d := open(t, path)
		if d.Size() != size {
			t.Fatalf("%d bytes", d.Size())
		}
		want := flashtest.Used(size)
		r := rand.New(rand.NewPCG(5, 6))
		for range 60 {
			off := r.Int64N(size/sector) * sector
			n := min(size-off, (1+r.Int64N(3000))*sector)
			if r.Uint32()%3 == 0 {
				clear(want[off : off+n])
				if err := d.Zero(off, n); err != nil {
					t.Fatal(err)
				}
			} else {
				for i := off; i < off+n; i++ {
					want[i] = byte(r.Uint32())
				}
				if _, err := d.WriteAt(want[off:off+n], off); err != nil {
					t.Fatal(err)
				}
			}
			from := r.Int64N(size)
			got := make([]byte, min(size-from, r.Int64N(2*mib)))
			if _, err := d.ReadAt(got, from); err != nil || !bytes.Equal(got, want[from:from+int64(len(got))]) {
				t.Fatalf("%d bytes at %d: %v", len(got), from, err)
			}
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("another content: %v", err)
		}
	})
}

func TestBounds(t *testing.T) {
	on(t, make([]byte, mib), func(t *testing.T, path string) {
		t.Helper()
		d := open(t, path)
		for _, c := range []struct{ off, n int64 }{{1, sector}, {0, 1}, {mib, sector}, {mib - sector, 2 * sector}, {-sector, sector}} {
			if _, err := d.WriteAt(make([]byte, c.n), c.off); err == nil {
				t.Errorf("wrote %d at %d", c.n, c.off)
			}
			if err := d.Zero(c.off, c.n); err == nil {
				t.Errorf("zeroed %d at %d", c.n, c.off)
			}
		}
		if n, err := d.ReadAt(make([]byte, 100), mib-40); n != 40 || !errors.Is(err, io.EOF) {
			t.Errorf("over the end: %d, %v", n, err)
		}
		if _, err := d.ReadAt(make([]byte, 1), -1); err == nil {
			t.Error("read before the beginning")
		}
	})
}

// A file that ends within a sector has that one not: it can't be written as a whole.
func TestOddFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "card")
	if err := os.WriteFile(path, make([]byte, mib+100), 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, path)
	if d.Size() != mib {
		t.Errorf("%d bytes", d.Size())
	}
	if n, err := d.ReadAt(make([]byte, 100), mib-40); n != 40 || !errors.Is(err, io.EOF) {
		t.Errorf("over the end: %d, %v", n, err)
	}
}

// Two at once are refused, so is what the kernel has in use.
func TestClaimed(t *testing.T) {
	on(t, make([]byte, mib), func(t *testing.T, path string) {
		t.Helper()
		open(t, path)
		if _, err := device.Open(path); !errors.Is(err, device.ErrBusy) {
			t.Errorf("opened twice: %v", err)
		}
	})
}

// Mount makes a file system on a loop device and mounts it.
func TestMounted(t *testing.T) {
	mkfs := flashtest.Tool(t, "mkfs.ext4")
	path := flashtest.Loop(t, make([]byte, 8*mib))
	if out, err := exec.Command(mkfs, "-q", path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := t.TempDir()
	if err := unix.Mount(path, at, "ext4", unix.MS_RDONLY, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	if _, err := device.Open(path); !errors.Is(err, device.ErrBusy) {
		t.Errorf("mounted, and opened: %v", err)
	}
	if err := unix.Unmount(at, 0); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestNoCard(t *testing.T) {
	for _, path := range []string{t.TempDir(), "/dev/null", filepath.Join(t.TempDir(), "none")} {
		if d, err := device.Open(path); err == nil {
			t.Errorf("%s was opened: %v", path, d.Close())
		}
	}
	if _, err := device.Open(flashtest.ReadOnlyLoop(t, make([]byte, mib))); !errors.Is(err, unix.EROFS) {
		t.Errorf("a read-only card: %v", err)
	}
}

// What is read back comes from the device, not from what the kernel remembers of it.
func TestPastCache(t *testing.T) {
	b := make([]byte, mib)
	path := flashtest.Loop(t, b)
	seen, err := os.Open(path) // fills the page cache of the device
	if err != nil {
		t.Fatal(err)
	}
	defer seen.Close() //nolint:errcheck // only read
	if _, err := io.ReadFull(seen, b); err != nil {
		t.Fatal(err)
	}
	// Now the medium changes behind the kernel's back.
	backing, err := os.ReadFile("/sys/block/" + filepath.Base(path) + "/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	medium, err := os.OpenFile(string(bytes.TrimSpace(backing)), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer medium.Close() //nolint:errcheck // read below
	if _, err := medium.WriteAt([]byte("changed"), 0); err != nil {
		t.Fatal(err)
	}
	cached := make([]byte, 7)
	if _, err := seen.ReadAt(cached, 0); err != nil || string(cached) == "changed" {
		t.Fatalf("this proves nothing: the kernel has not kept it: %q, %v", cached, err)
	}
	got := make([]byte, 7)
	if _, err := open(t, path).ReadAt(got, 0); err != nil || string(got) != "changed" {
		t.Errorf("%q, %v", got, err)
	}
}
