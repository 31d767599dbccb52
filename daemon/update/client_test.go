package update

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockerd/daemon/update/release"
)

func TestFinds(t *testing.T) {
	r := one(t)
	r.must(r.add("1.1.0"))
	r.must(r.put(directory(r.repo.Dir), r.finds("1.1.0")))
	r.must(r.add("1.2.0"))
	f := r.finds("1.2.0")
	r.must(r.put(r.serve(), f))
	r.now = r.now.Add(29 * 24 * time.Hour)
	r.finds("1.2.0")
	r.now = r.now.Add(20 * 24 * time.Hour)
	r.must(r.repo.Refresh())
	r.finds("1.2.0")
}

func TestTampered(t *testing.T) {
	t.Run("program", func(t *testing.T) {
		r := one(t)
		r.must(r.add("1.1.0"))
		r.edit("targets/stable/*", func(b []byte) []byte { b[5000] ^= 1; return b })
		if err := r.put(directory(r.repo.Dir), r.finds("1.1.0")); err == nil {
			t.Fatal("taken")
		}
	})
	t.Run("program cut off on the way", func(t *testing.T) {
		r := one(t)
		r.must(r.add("1.1.0"))
		if err := r.put(broken{directory(r.repo.Dir)}, r.finds("1.1.0")); err == nil {
			t.Fatal("taken")
		}
	})
	t.Run("program missing", func(t *testing.T) {
		r := one(t)
		r.must(r.add("1.1.0"))
		f := r.finds("1.1.0")
		r.must(os.RemoveAll(filepath.Join(r.repo.Dir, "targets")))
		refuses(t, r.put(r.serve(), f), "its program is missing", "whole repository")
	})
	for _, file := range []string{"timestamp.json", "*.snapshot.json", "*.targets.json"} {
		t.Run(file, func(t *testing.T) {
			r := one(t)
			r.must(r.add("1.1.0"))
			r.edit("metadata/"+file, func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"spec_version": "1.`), []byte(`"spec_version": "1.9`), 1)
			})
			_, err := r.find()
			refuses(t, err, "too few valid signatures", "enough signers")
		})
	}
}

// TestWrongKeys has a stranger sign everything.
func TestWrongKeys(t *testing.T) {
	r, stranger := one(t), one(t)
	r.must(r.add("1.1.0"))
	r.finds("1.1.0")
	r.must(stranger.add("9.9.9"))
	r.repo.Dir = stranger.repo.Dir
	_, err := r.find()
	refuses(t, err, "too few valid signatures", "root_file is of this repository")
}

func TestNoRoot(t *testing.T) {
	r := one(t)
	r.must(r.add("1.1.0"))
	r.client.RootFile = ""
	_, err := r.find()
	refuses(t, err, "no root is trusted", "[update] root_file")
}

// TestRollback shows a bank an older copy of the repository, which is still fresh.
func TestRollback(t *testing.T) {
	r := one(t)
	r.must(r.add("1.1.0"))
	old := r.copyRepo()
	r.must(r.add("1.2.0"))
	r.finds("1.2.0")
	r.repo.Dir = old
	_, err := r.find()
	refuses(t, err, "its timestamp is older than what was seen before", "afresh")
}

// TestRollbackOverRot holds that a torn note of what was seen refuses nothing for ever, and
// that one damaged file does not open the way back while the others stand.
func TestRollbackOverRot(t *testing.T) {
	r := one(t)
	r.must(r.add("1.1.0"))
	r.finds("1.1.0")
	r.must(r.add("1.2.0"))
	for _, role := range []string{"root", "timestamp", "snapshot"} {
		r.must(os.WriteFile(r.client.kept(role), []byte(`{"torn`), 0o600))
		r.finds("1.2.0")
	}
}

// TestFreeze shows a bank for ever what was newest once.
func TestFreeze(t *testing.T) {
	r := one(t)
	r.must(r.add("1.1.0"))
	r.finds("1.1.0")
	r.now = r.now.Add(release.Fresh + time.Hour)
	_, err := r.find()
	refuses(t, err, "its timestamp has expired", "lockerctl release refresh")
	r.client.Dir = t.TempDir() // one that sees it the first time
	_, err = r.find()
	refuses(t, err, "its timestamp has expired", "clock show")
}

func TestExpiredRoot(t *testing.T) {
	r := one(t)
	r.must(r.add("1.1.0"))
	r.now = r.now.Add(6 * 365 * 24 * time.Hour)
	r.must(r.repo.Refresh())
	if _, err := r.find(); err == nil {
		t.Fatal("an expired root is believed")
	}
}

// TestRotation changes the keys of each role, the root's twice; a bank that saw nothing of it
// follows, and what the old keys sign counts no more.
func TestRotation(t *testing.T) {
	r := newRig(t, release.Threshold{Keys: 3, Need: 2}, release.Threshold{Keys: 2, Need: 2})
	r.must(r.add("1.1.0"))
	r.finds("1.1.0")
	stolen := t.TempDir()
	r.must(os.CopyFS(filepath.Join(stolen, "keys"), os.DirFS(r.repo.Keys)))
	before := r.copyRepo()
	for _, role := range []string{"root", "targets", "root", "snapshot", "timestamp"} {
		r.must(r.repo.Rotate(role))
	}
	r.must(r.add("1.2.0"))
	r.finds("1.2.0")
	thief := &release.Repo{Dir: before, Keys: filepath.Join(stolen, "keys"), Now: r.repo.Now}
	path := filepath.Join(t.TempDir(), board)
	r.must(os.WriteFile(path, programText("6.6.6"), 0o600))
	r.must(os.Chmod(filepath.Join(stolen, "keys"), 0o700))
	r.must(filepath.WalkDir(thief.Keys, func(p string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			err = os.Chmod(p, 0o600)
		}
		return err
	}))
	r.must(thief.Add("stable", "6.6.6", []string{path}))
	r.repo.Dir = before
	_, err := r.find()
	refuses(t, err, "too few valid signatures", "")
}

// TestThreshold needs two signers of a release, with keys in two places.
func TestThreshold(t *testing.T) {
	r := newRig(t, release.Threshold{Keys: 1, Need: 1}, release.Threshold{Keys: 2, Need: 2})
	second := filepath.Join(t.TempDir(), "second")
	r.must(os.Mkdir(second, 0o700))
	r.must(os.Rename(filepath.Join(r.repo.Keys, "targets-2.key"), filepath.Join(second, "targets-2.key")))
	err := r.add("1.1.0")
	if few, ok := errors.AsType[*release.TooFewError](err); !ok || few.Have != 1 || few.Need != 2 {
		t.Fatalf("published by one signer: %v", err)
	}
	if _, err := r.find(); err == nil {
		t.Fatal("a bank finds what one has signed")
	}
	// Who publishes the staged file by hand does not get further.
	forged := r.copyRepo()
	b, err := os.ReadFile(filepath.Join(forged, "staged", "targets.json"))
	r.must(err)
	was := r.repo.Dir
	r.repo.Dir = forged
	r.edit("metadata/*.targets.json", func([]byte) []byte { return b })
	_, err = r.find()
	refuses(t, err, "too few valid signatures", "lockerctl release status")
	r.repo.Dir = was

	for _, role := range []string{"snapshot-1.key", "timestamp-1.key"} { // the second signer publishes
		r.copy(filepath.Join(second, role), filepath.Join(r.repo.Keys, role))
	}
	r.must((&release.Repo{Dir: r.repo.Dir, Keys: second, Now: r.repo.Now}).Sign())
	r.finds("1.1.0")
}

func TestNotFound(t *testing.T) {
	r := one(t)
	_, err := r.find()
	refuses(t, err, `channel "stable" has none for this board`, "check the channel")
	r.repo.Dir = t.TempDir()
	r.client.Dir = t.TempDir()
	_, err = r.find()
	refuses(t, err, "there is no timestamp of a repository", "metadata/timestamp.json")
	r.repo.Dir = "/nowhere/at/all"
	_, err = r.find()
	refuses(t, err, "cannot read the updates", "plug the stick in")
	src, err := NewSource("http://127.0.0.1:1/x")
	r.must(err)
	_, err = r.client.Find(t.Context(), src, "stable")
	refuses(t, err, "cannot reach the updates", "stick")
	_, err = NewSource("ftp://x/y")
	refuses(t, err, "cannot take updates from", "https://HOST/PATH")
}

func TestVersions(t *testing.T) {
	order := []string{"dev", "0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "v1.0.1", "1.2.0", "1.10.0", "2.0.0"}
	for i, a := range order {
		for j, b := range order {
			got := parseVersion(a).compare(parseVersion(b))
			if want := sign(i - j); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
	for _, same := range [][2]string{{"v1.2.0", "1.2.0"}, {"v1.2.0-5-g0df4db4", "1.2.0"}, {"v1.2.0-dirty", "1.2.0"}, {"0df4db4", "dev"}} {
		if parseVersion(same[0]).compare(parseVersion(same[1])) != 0 {
			t.Errorf("%v differ", same)
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func TestWindows(t *testing.T) {
	for _, tc := range []struct {
		window, at string
		open       bool
	}{
		{"", "12:00", true},
		{"02:00-04:00", "02:00", true},
		{"02:00-04:00", "03:59", true},
		{"02:00-04:00", "04:00", false},
		{"23:00-01:30", "23:30", true},
		{"23:00-01:30", "01:29", true},
		{"23:00-01:30", "12:00", false},
	} {
		w, err := ParseWindow(tc.window)
		at, terr := time.Parse("15:04", tc.at)
		if err != nil || terr != nil || w.Open(at) != tc.open {
			t.Errorf("%s at %s: %t, %v", tc.window, tc.at, !tc.open, err)
		}
	}
	for _, bad := range []string{"2-4", "02:00", "25:00-04:00", "02:00-02:00", "02:00-04:00 ", "02:60-04:00"} {
		if _, err := ParseWindow(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
