package durable

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"lockerd/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Serve()
	os.Exit(m.Run())
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, x := range []struct {
		text string
		mode os.FileMode
	}{{"old and longer", 0o600}, {"new", 0o666}} { // which a umask would narrow
		if err := WriteFile(path, []byte(x.text), x.mode); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		info, serr := os.Stat(path)
		if err != nil || serr != nil || string(b) != x.text || info.Mode() != x.mode {
			t.Errorf("%q of mode %v: %v %v", b, info.Mode(), err, serr)
		}
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("%q are left", got)
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "d"), nil, 0o600); err == nil {
		t.Error("written over a directory")
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("%q are left of a failure", got)
	}
	if err := SyncDir(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("synced a directory that is not there: %v", err)
	}
}

// TestPowerCut ends the power everywhere while a file is replaced: the old one is there or
// the new one, and the new one once WriteFile has returned.
func TestPowerCut(t *testing.T) {
	r := storetest.Mount(t)
	path := filepath.Join(r.Dir(), "f")
	before, after := bytes.Repeat([]byte("old "), 3000), bytes.Repeat([]byte("new!"), 5000)
	if err := WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	began := r.Mark("old")
	if err := WriteFile(path, after, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := r.Mark("new")
	cuts := make([]int, 0, ended-began+1)
	for at := began; at <= ended; at++ {
		cuts = append(cuts, at)
	}
	var sawOld, sawNew atomic.Bool // images are looked at side by side
	storetest.Each(t, r.Log().ImagesAt(rand.New(rand.NewPCG(1, 2)), cuts, 20), func(dir string, im storetest.Image) error {
		b, err := os.ReadFile(filepath.Join(dir, "f"))
		switch {
		case err != nil:
			return err
		case bytes.Equal(b, after):
			sawNew.Store(true)
			return nil
		case !bytes.Equal(b, before):
			return errors.New("neither the old content nor the new")
		case im.At >= ended:
			return errors.New("the old content after WriteFile had returned")
		}
		sawOld.Store(true)
		return nil
	})
	if !sawOld.Load() || !sawNew.Load() {
		t.Errorf("cuts have shown the old content: %v, the new: %v", sawOld.Load(), sawNew.Load())
	}
}

func TestGiveLike(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir, made := t.TempDir(), t.TempDir()
	if err := WriteFile(filepath.Join(made, "f"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	owner := func(path string) [2]uint32 {
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			t.Fatal(err)
		}
		return [2]uint32{st.Uid, st.Gid}
	}
	for _, id := range []int{0, 4711} {
		if err := os.Chown(dir, id, id); err != nil {
			t.Fatal(err)
		}
		if err := GiveLike(made, dir); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{made, filepath.Join(made, "f")} {
			if want := [2]uint32{uint32(id), uint32(id)}; owner(path) != want { //nolint:gosec // small
				t.Errorf("%s belongs to %v, want %v", path, owner(path), want)
			}
		}
	}
}
