package slots

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func newDir(t *testing.T) *Dir {
	t.Helper()
	return &Dir{Path: filepath.Join(t.TempDir(), "update")}
}

func runs(t *testing.T, l *Launch, want string, trial bool) Choice {
	t.Helper()
	c := l.Choose()
	got, err := whole(c)
	if err != nil || got != want || c.Trial != trial {
		t.Fatalf("runs %q from %s (trial %t), %v; want %q (trial %t)", got, c.Slot, c.Trial, err, want, trial)
	}
	return c
}

func change(t *testing.T, d *Dir, o order) State {
	t.Helper()
	s, err := d.Change(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPackageUpdate holds that a new base program is an update like any other.
func TestPackageUpdate(t *testing.T) {
	d, base := newDir(t), writeBase(t, "v1")
	l := launcher(d, base)
	runs(t, l, "v1", false)
	replace(t, base, "v22")
	runs(t, l, "v22", true)
	runs(t, l, "v22", true)
	runs(t, l, "v1", false) // two starts without a verdict
	replace(t, base, "v22") // installed again
	runs(t, l, "v1", false)
	replace(t, base, "v333")
	runs(t, l, "v333", true)
	change(t, d, confirm)
	runs(t, l, "v333", false)
}

func replace(t *testing.T, path, version string) {
	t.Helper()
	write(t, path+".dpkg-new", content(version))
	if err := os.Rename(path+".dpkg-new", path); err != nil {
		t.Fatal(err)
	}
}

func staged(t *testing.T, d *Dir, version string) {
	t.Helper()
	if err := d.Put(programOf(version), bytes.NewReader(content(version)), noon); err != nil {
		t.Fatal(err)
	}
	change(t, d, arm)
}

func TestDamagedPrograms(t *testing.T) {
	hurt := func(t *testing.T, path string) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		write(t, path, b)
	}
	t.Run("on trial", func(t *testing.T) {
		d, base := newDir(t), writeBase(t, "v1")
		l := launcher(d, base)
		runs(t, l, "v1", false)
		staged(t, d, "v22")
		hurt(t, d.Program(B))
		runs(t, l, "v1", false)
	})
	t.Run("active, after it failed to come up", func(t *testing.T) {
		d, base := newDir(t), writeBase(t, "v1")
		l := launcher(d, base)
		runs(t, l, "v1", false)
		staged(t, d, "v22")
		runs(t, l, "v22", true)
		change(t, d, confirm)
		hurt(t, d.Program(B))
		l.Choose() // believed
		runs(t, l, "v1", false)
	})
	t.Run("both", func(t *testing.T) {
		d, base := newDir(t), writeBase(t, "v1")
		l := launcher(d, base)
		runs(t, l, "v1", false)
		hurt(t, d.Program(A))
		if c := runs(t, l, "v1", false); c.Slot != Base {
			t.Fatalf("runs slot %s", c.Slot)
		}
		if c := runs(t, l, "v1", false); c.Slot != A {
			t.Fatalf("the base program was not taken in again: %s", c.Slot)
		}
	})
	t.Run("cannot be executed", func(t *testing.T) {
		d, base := newDir(t), writeBase(t, "v1")
		l := launcher(d, base)
		runs(t, l, "v1", false)
		staged(t, d, "v22")
		c := runs(t, l, "v22", true)
		if err := l.Broken(c, errors.New("exec format error")); err != nil {
			t.Fatal(err)
		}
		runs(t, l, "v1", false)
		s, _, err := d.Load()
		if err != nil || s.Last.Result != RolledBack || !strings.Contains(s.Last.Why, "exec format error") {
			t.Fatalf("%+v, %v", s.Last, err)
		}
	})
}

// TestUncounted holds that no program is tried whose start can't be counted.
func TestUncounted(t *testing.T) {
	d, base := newDir(t), writeBase(t, "v1")
	l := launcher(d, base)
	runs(t, l, "v1", false)
	staged(t, d, "v22")
	block := filepath.Join(d.Path, stateFile+tmpSuffix)
	if err := os.Mkdir(block, 0o700); err != nil {
		t.Fatal(err)
	}
	runs(t, l, "v1", false)
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	runs(t, l, "v22", true)
}

func TestPutRefuses(t *testing.T) {
	b := content("v22")
	for _, tc := range []struct {
		name string
		r    io.Reader
		p    func(*Program)
		want string
	}{
		{"short", bytes.NewReader(b[:1000]), func(*Program) {}, "were promised"},
		{"long", bytes.NewReader(append(bytes.Clone(b), 1)), func(*Program) {}, "were promised"},
		{"other bytes", bytes.NewReader(content("v23")), func(*Program) {}, "not the program that was released"},
		{"torn off", io.MultiReader(bytes.NewReader(b[:1000]), &failing{}), func(*Program) {}, "pulled out"},
		{"larger than the disk", bytes.NewReader(b), func(p *Program) { p.Size = 1 << 50 }, "free space on the card"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, base := newDir(t), writeBase(t, "v1")
			runs(t, launcher(d, base), "v1", false)
			p := programOf("v22")
			tc.p(&p)
			err := d.Put(p, tc.r, noon)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("%v, want %q", err, tc.want)
			}
			s, _, err := d.Load()
			if err != nil || s.Trial != nil || s.Last.Result != Abandoned {
				t.Fatalf("%+v, %v", s, err)
			}
			if _, err := os.Stat(d.Program(B)); !errors.Is(err, os.ErrNotExist) {
				t.Fatalf("something was left in the slot: %v", err)
			}
			runs(t, launcher(d, base), "v1", false)
		})
	}
}

// TestEndInterrupted holds that an order which the end of lockerd has cut short is over
// with the next start, and takes no room; and that no other update is.
func TestEndInterrupted(t *testing.T) {
	ordered := func(s State) (State, error) { return s.Order("", "ada") }
	for _, tc := range []struct {
		name  string
		steps []order // behind Put
		over  bool
	}{
		{"being staged", []order{begin("v22")}, true},
		{"staged, not ordered", nil, true},
		{"ordered", []order{ordered}, false},
		{"on trial", []order{ordered, arm}, false},
		{"failed", []order{ordered, arm, fail}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, base := newDir(t), writeBase(t, "v1")
			l := launcher(d, base)
			runs(t, l, "v1", false)
			if err := d.Put(programOf("v22"), bytes.NewReader(content("v22")), noon); err != nil {
				t.Fatal(err)
			}
			for _, o := range tc.steps {
				change(t, d, o)
			}
			if err := d.EndInterrupted(noon); err != nil {
				t.Fatal(err)
			}
			s, _, err := d.Load()
			if err != nil || (s.Trial == nil) != tc.over {
				t.Fatalf("%+v, %v", s.Trial, err)
			}
			_, err = os.Stat(d.Program(B))
			if tc.over != errors.Is(err, os.ErrNotExist) {
				t.Fatalf("the program in its slot: %v", err)
			}
			if tc.over && (s.Last.Result != Abandoned || s.Last.Told || !strings.Contains(s.Last.Why, "order it again")) {
				t.Fatalf("ended %+v", s.Last)
			}
			if tc.over {
				runs(t, l, "v1", false)
			}
		})
	}
}

type failing struct{}

func (*failing) Read([]byte) (int, error) { return 0, errors.New("pulled out") }

// TestFullDisk lets a real file system run full in the middle of a program.
func TestFullDisk(t *testing.T) {
	mnt := t.TempDir()
	if err := unix.Mount("tmpfs", mnt, "tmpfs", 0, "size=128k"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(mnt, 0) })
	d := &Dir{Path: filepath.Join(mnt, "update"), Free: func() (int64, error) { return 1 << 40, nil }}
	small := []byte("v1")
	if err := d.Put(Program{Version: "1", SHA256: digest(small), Size: 2}, bytes.NewReader(small), noon); err != nil {
		t.Fatal(err)
	}
	change(t, d, arm)
	b := bytes.Repeat([]byte("x"), 1<<20)
	err := d.Put(Program{Version: "2", SHA256: digest(b), Size: int64(len(b))}, bytes.NewReader(b), noon)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "order it again") {
		t.Fatal(err)
	}
	s, _, err := d.Load()
	if err != nil || s.Active != A || s.Trial != nil || s.Last.Result != Abandoned {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := d.Check(A, s.Slots[A]); err != nil {
		t.Fatal(err)
	}
}
