package storetest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// steps are what both a real directory and a mount are put through.
var steps = []func(dir string, rng *rand.Rand) error{
	func(dir string, rng *rand.Rand) error { // new or cut to nothing
		f, err := os.Create(somePath(dir, rng))
		if err != nil {
			return err
		}
		_, err = f.Write(make([]byte, rng.IntN(3)))
		return errors.Join(err, f.Close())
	},
	func(dir string, rng *rand.Rand) error {
		return onFile(dir, rng, os.O_RDWR, func(f *os.File) error {
			_, err := f.WriteAt([]byte(strings.Repeat("x", rng.IntN(9000))), rng.Int64N(9000))
			return err
		})
	},
	func(dir string, rng *rand.Rand) error {
		return onFile(dir, rng, os.O_WRONLY|os.O_APPEND|os.O_CREATE, func(f *os.File) error {
			_, err := f.WriteString("appended")
			return errors.Join(err, f.Sync())
		})
	},
	func(dir string, rng *rand.Rand) error {
		return onFile(dir, rng, os.O_RDWR, func(f *os.File) error { return f.Truncate(rng.Int64N(12000)) })
	},
	func(dir string, rng *rand.Rand) error {
		modes := []uint32{0, allocKeepSize, allocPunch | allocKeepSize} // all that tmpfs knows, too
		return onFile(dir, rng, os.O_RDWR, func(f *os.File) error {
			return unix.Fallocate(int(f.Fd()), modes[rng.IntN(len(modes))], rng.Int64N(9000), 1+rng.Int64N(9000))
		})
	},
	func(dir string, rng *rand.Rand) error { return os.Rename(somePath(dir, rng), somePath(dir, rng)) },
	func(dir string, rng *rand.Rand) error { return os.Remove(somePath(dir, rng)) },
	func(dir string, rng *rand.Rand) error {
		return os.Mkdir(filepath.Join(dir, []string{"d", "e"}[rng.IntN(2)]), 0o700)
	},
	func(dir string, rng *rand.Rand) error { return os.Chmod(somePath(dir, rng), 0o600) },
	func(dir string, rng *rand.Rand) error { return syncDir(filepath.Dir(somePath(dir, rng))) },
	func(dir string, rng *rand.Rand) error { // written to after its name is gone
		return onFile(dir, rng, os.O_RDWR, func(f *os.File) error {
			err := os.Remove(f.Name())
			_, werr := f.WriteString("nameless")
			return errors.Join(err, werr)
		})
	},
}

func somePath(dir string, rng *rand.Rand) string {
	names := []string{"a", "b", "c", "d/a", "d/b", "d", "e", "e/f"}
	return filepath.Join(dir, names[rng.IntN(len(names))])
}

func onFile(dir string, rng *rand.Rand, flag int, do func(f *os.File) error) error {
	f, err := os.OpenFile(somePath(dir, rng), flag, 0o640)
	if err != nil {
		return err
	}
	return errors.Join(do(f), f.Close())
}

// errno returns the last system error in err, whatever path it names.
func errno(err error) syscall.Errno {
	var e syscall.Errno
	if err != nil && !errors.As(err, &e) {
		return syscall.EIO
	}
	return e
}

func TestMountBehavesAsADirectory(t *testing.T) {
	rec, plain := Mount(t), scratch(t)
	one, two := rand.New(rand.NewPCG(8, 9)), rand.New(rand.NewPCG(8, 9))
	failed, files := 0, 0
	for i := range 3000 {
		step := steps[one.IntN(len(steps))]
		two.IntN(len(steps))
		got, want := errno(step(rec.Dir(), one)), errno(step(plain, two))
		if got != want {
			t.Fatalf("step %d: the mount says %v, a directory %v\n%s", i, got, want, rec.Log().Describe(rec.Len()-5, rec.Len()))
		}
		failed += b2i(got != 0)
		if i%50 != 0 {
			continue
		}
		files += strings.Count(disk(t, plain), "=")
		if disk(t, rec.Dir()) != disk(t, plain) {
			t.Fatalf("step %d: the mount holds\n%s\na directory\n%s", i, disk(t, rec.Dir()), disk(t, plain))
		}
	}
	if failed > 2500 || files < 60 {
		t.Errorf("%d of 3000 steps failed, %d files were compared: this says too little", failed, files)
	}
	l := rec.Log()
	for im := range l.ImagesAt(one, []int{l.Len()}, 1) {
		dir := scratch(t)
		if err := im.WriteTo(dir); err != nil {
			t.Fatal(err)
		}
		if got, want := disk(t, dir)+modes(t, dir), disk(t, plain)+modes(t, plain); got != want {
			t.Errorf("the last image holds\n%s\na directory\n%s", got, want)
		}
	}
}

func modes(t *testing.T, dir string) string {
	t.Helper()
	var s strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := os.Stat(path)
		if err == nil {
			fmt.Fprintf(&s, " %s", info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.String()
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestEverythingIsRecordedInOrder(t *testing.T) {
	rec := Mount(t)
	path := func(name string) string { return filepath.Join(rec.Dir(), name) }
	must(t, os.Mkdir(path("d"), 0o700))
	f, err := os.OpenFile(path("d/tmp"), os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err, unix.Fallocate(int(f.Fd()), 0, 0, 8192))
	_, err = f.WriteAt([]byte("hello"), 100)
	must(t, err, unix.Fdatasync(int(f.Fd())))
	if at := rec.Mark("written"); at != 5 {
		t.Errorf("mark stands at %d, want 5", at)
	}
	must(t, f.Truncate(200), f.Sync(), f.Close(), os.Rename(path("d/tmp"), path("f")), syncDir(path("d")), syncDir(path("")))
	s, err := os.OpenFile(path("f"), os.O_WRONLY|unix.O_DSYNC, 0)
	must(t, err)
	_, err = s.WriteAt([]byte("durable"), 0)
	must(t, err, s.Close(), os.Remove(path("f")), os.Remove(path("d")))
	want := `     0 mkdir 1/d = inode 2
     1 create 2/tmp = inode 3
     2 fallocate inode 3 at 0, 8192 bytes, mode 0x0
     3 write inode 3 at 100, 5 bytes
     4 fsync inode 3
     5 mark "written"
     6 truncate inode 3 to 200
     7 fsync inode 3
     8 rename 2/tmp to 1/f
     9 fsync directory 2
    10 fsync directory 1
    11 write inode 3 at 0, 7 bytes
    12 fsync inode 3
    13 unlink 1/f
    14 rmdir 1/d
`
	l := rec.Log()
	got := l.Describe(-1, l.Len()+1)
	if twice := strings.Replace(got, "    13 fsync inode 3\n", "", 1); twice != got { // some kernels sync after a write, too
		got = strings.NewReplacer("    14 unlink", "    13 unlink", "    15 rmdir", "    14 rmdir").Replace(twice)
	}
	if got != want {
		t.Errorf("recorded:\n%s\nwant:\n%s", got, want)
	}
}

func TestMappedReadsSeeWrites(t *testing.T) {
	rec := Mount(t)
	f, err := os.OpenFile(filepath.Join(rec.Dir(), "f"), os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err, f.Truncate(1<<20))
	m, err := unix.Mmap(int(f.Fd()), 0, 1<<20, unix.PROT_READ, unix.MAP_SHARED)
	must(t, err)
	defer func() { must(t, unix.Munmap(m), f.Close()) }()
	rng := rand.New(rand.NewPCG(2, 2))
	for i := range 500 {
		off := rng.IntN(1<<20 - 16)
		text := fmt.Sprintf("write %06d", i)
		_, err := f.WriteAt([]byte(text), int64(off))
		must(t, err)
		if got := string(m[off : off+len(text)]); got != text {
			t.Fatalf("the map says %q after %q was written", got, text)
		}
	}
}

func TestMarksFromManyGoroutines(t *testing.T) {
	rec := Mount(t)
	var wg sync.WaitGroup
	ats := make([][]int, 4)
	for g := range ats {
		f, err := os.Create(filepath.Join(rec.Dir(), fmt.Sprint(g)))
		must(t, err)
		wg.Go(func() {
			for range 50 {
				if err := errors.Join(f.Truncate(1), f.Sync()); err != nil {
					t.Error(err)
				}
				ats[g] = append(ats[g], rec.Mark(fmt.Sprint(g)))
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l := rec.Log()
	if len(l.Marks()) != 200 || l.Len() != 4+3*200 {
		t.Errorf("%d marks in %d operations, want 200 in 604", len(l.Marks()), l.Len())
	}
	for g, list := range ats {
		for i, at := range list {
			if l.ops[at].Name != fmt.Sprint(g) || i > 0 && !hasSync(l.ops[list[i-1]:at]) {
				t.Fatalf("mark %d of %d stands wrongly at %d", i, g, at)
			}
		}
	}
}

func hasSync(ops []op) bool { return slices.ContainsFunc(ops, func(o op) bool { return o.isSync() }) }

func TestMountEndsWithItsTest(t *testing.T) {
	var dir string
	t.Run("open file", func(t *testing.T) {
		rec := Mount(t)
		dir = rec.Dir()
		f, err := os.Create(filepath.Join(dir, "open"))
		must(t, err)
		t.Cleanup(func() { _ = f.Close() })
	})
	if dir == "" {
		t.Skip("nothing was mounted")
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	if strings.Contains(string(mounts), dir) {
		t.Errorf("%s is still mounted", dir)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

// A test that is killed closes its pipe and does nothing else.
func TestServeEndsWhenTheTestIsKilled(t *testing.T) {
	rec := Mount(t)
	requests, ask, err := os.Pipe()
	must(t, err)
	answers, replies, err := os.Pipe()
	must(t, err)
	dir := filepath.Join(rec.Dir(), "inner") // on a mount of another process: this one never touches what it serves
	must(t, os.Mkdir(dir, 0o700))
	done := make(chan struct{})
	go func() {
		serve(dir, requests, replies)
		close(done)
	}()
	var b [1]byte
	_, err = answers.Read(b[:]) // the mount stands
	must(t, err, ask.Close())
	<-done
	must(t, requests.Close(), replies.Close(), answers.Close())
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	if strings.Contains(string(mounts), dir) {
		t.Errorf("%s is still mounted", dir)
	}
}
