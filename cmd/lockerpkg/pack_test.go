package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// commit is the time of the commit that the tests pack.
var commit = time.Date(2026, 11, 26, 4, 30, 0, 0, time.UTC)

// programsOnce builds the real programs once for all tests.
var programsOnce = sync.OnceValues(func() (*built, error) {
	stage, err := os.MkdirTemp("", "lockerpkg-test-")
	if err != nil {
		return nil, err
	}
	return build(context.Background(), targets()[0], "v1.2.0", stage)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if b, err := programsOnce(); err == nil {
		_ = os.RemoveAll(filepath.Dir(b.dir))
	}
	os.Exit(code)
}

func programsBuilt(t *testing.T) *built {
	t.Helper()
	b, err := programsOnce()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func released(t *testing.T) release {
	t.Helper()
	rel, err := parseRelease("v1.2.0", commit)
	if err != nil {
		t.Fatal(err)
	}
	rel.maintainer = "A Person <person@lockerd.invalid>"
	return rel
}

func packed(t *testing.T, b *built, format string) string {
	t.Helper()
	f, err := choose(formats(), format)
	if err != nil {
		t.Fatal(err)
	}
	path, err := pack(b, released(t), f[0], t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// asIf is what was built, for another target: the words around the programs are
// what is looked at, so a few bytes stand for them.
func asIf(t *testing.T, tg target) *built {
	t.Helper()
	b := *programsBuilt(t)
	b.target, b.dir = tg, t.TempDir()
	for _, p := range programs() {
		if err := os.WriteFile(filepath.Join(b.dir, p), []byte(p), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &b
}

// TestProgramsKnowTheirVersion: backups and support bundles name the lockerctl that made them.
func TestProgramsKnowTheirVersion(t *testing.T) {
	b := programsBuilt(t)
	if b.target.goarch != runtime.GOARCH {
		t.Skipf("programs for %s do not run here", b.target.goarch)
	}
	for _, name := range []string{"lockerd", "lockerctl"} {
		if got := ask(t, filepath.Join(b.dir, name), "version"); !strings.HasPrefix(got, name+" v1.2.0 ") {
			t.Errorf("%s says %q", name, got)
		}
	}
}

func TestTwiceTheSameBytes(t *testing.T) {
	b := asIf(t, targets()[0])
	if !testing.Short() {
		b = programsBuilt(t)
	}
	for _, f := range formats() {
		first := packed(t, b, f.name)
		again := *b
		again.dir = copied(t, b.dir) // other times, another place, another umask
		old := syscall.Umask(0o077)
		second := packed(t, &again, f.name)
		syscall.Umask(old)
		x, y := contents(t, first), contents(t, second)
		if !bytes.Equal(x, y) {
			t.Errorf("%s: the same programs made two packages that differ", f.name)
		}
		if filepath.Base(first) != filepath.Base(second) {
			t.Errorf("%s: names %s and %s", f.name, first, second)
		}
	}
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for _, p := range programs() {
		body := contents(t, filepath.Join(dir, p))
		if err := os.WriteFile(filepath.Join(to, p), body, 0o711); err != nil { //nolint:gosec,nolintlint // it is a program
			t.Fatal(err)
		}
	}
	return to
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestDebian(t *testing.T) {
	for _, tg := range targets() {
		t.Run(tg.name, func(t *testing.T) {
			path := packed(t, asIf(t, tg), "deb")
			control := unpack(t, member(t, contents(t, path), "control.tar.gz"))
			data := unpack(t, member(t, contents(t, path), "data.tar.gz"))
			if got := "lockerd_1.2.0_" + tg.name + ".deb"; filepath.Base(path) != got {
				t.Errorf("file %s, want %s", filepath.Base(path), got)
			}
			for _, line := range []string{"Package: lockerd\n", "Version: 1.2.0\n", "Architecture: " + tg.deb + "\n"} {
				if !strings.Contains(control["control"].body, line) {
					t.Errorf("control lacks %q:\n%s", line, control["control"].body)
				}
			}
			if got := control["conffiles"].body; got != "/etc/lockerd/lockerd.toml\n" {
				t.Errorf("conffiles %q", got)
			}
			if got := control["preinst"].body; strings.Contains(got, "uname -m") != (tg.not != "") || strings.Contains(got, "@") {
				t.Errorf("preinst of %s: %q", tg.name, got)
			}
			holds(t, data, "deb")
		})
	}
}

// holds checks what a package's files must be, for every format.
func holds(t *testing.T, data map[string]member1, format string) {
	t.Helper()
	list, err := items(programsBuilt(t), released(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		m, ok := data[strings.TrimPrefix(i.destination(), "/")]
		if ok != i.wanted(format) {
			t.Errorf("%s: there %v, want %v", i.destination(), ok, i.wanted(format))
			continue
		}
		if !ok || i.link != "" {
			continue
		}
		want := fs.FileMode(0o644)
		if i.mode != 0 {
			want = i.mode
		}
		if m.mode != want || m.owner != "root" || !m.at.Equal(commit) {
			t.Errorf("%s: mode %v, owner %s, time %s; want %v, root, %s", i.destination(), m.mode, m.owner, m.at, want, commit)
		}
	}
	if m := data["usr/bin/lockerd"]; m.link != "../lib/lockerd/lockerd" {
		t.Errorf("/usr/bin/lockerd is a link to %q", m.link)
	}
}

// member1 is one file of a tar archive.
type member1 struct {
	body  string
	mode  fs.FileMode
	owner string
	at    time.Time
	link  string
}

// member returns one member of an ar archive.
func member(t *testing.T, ar []byte, name string) []byte {
	t.Helper()
	for rest := ar[len("!<arch>\n"):]; len(rest) >= 60; {
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimRight(string(rest[:16]), " /") == name {
			return rest[60 : 60+size]
		}
		rest = rest[60+size+size%2:]
	}
	t.Fatalf("there is no %s", name)
	return nil
}

// unpack reads a gzipped tar archive, or several in a row as apk has them.
func unpack(t *testing.T, body []byte) map[string]member1 {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]member1{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimPrefix(h.Name, "./")] = member1{string(text), fs.FileMode(h.Mode).Perm(), h.Uname, h.ModTime.UTC(), h.Linkname} //nolint:gosec,nolintlint // twelve bits
	}
}

func TestAlpine(t *testing.T) {
	for _, tg := range targets() {
		path := packed(t, asIf(t, tg), "apk")
		all := unpack(t, contents(t, path))
		info := all[".PKGINFO"].body
		for _, line := range []string{"pkgname = lockerd\n", "pkgver = 1.2.0-r0\n", "arch = " + tg.apk + "\n"} {
			if !strings.Contains(info, line) {
				t.Errorf("%s: .PKGINFO lacks %q:\n%s", tg.name, line, info)
			}
		}
		for _, name := range []string{".pre-install", ".post-install", ".post-upgrade", ".pre-deinstall"} {
			if !strings.HasPrefix(all[name].body, "#!/bin/sh\n") {
				t.Errorf("%s: %s is no script", tg.name, name)
			}
		}
		holds(t, all, "apk")
	}
}

func TestRPM(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("rpm is not installed: apt install rpm")
	}
	for _, tg := range targets() {
		path := packed(t, asIf(t, tg), "rpm")
		if got, want := ask(t, "rpm", "-qp", "--nosignature", "--qf", "%{name} %{version} %{release} %{arch}", path), "lockerd 1.2.0 1 "+tg.rpm; got != want {
			t.Errorf("%s: rpm says %q, want %q", tg.name, got, want)
		}
		if got := ask(t, "rpm", "-qp", "--nosignature", "--qf", "[%{filenames} %{fileflags:fflags} %{fileusername}\n]", path); !strings.Contains(got, "/etc/lockerd/lockerd.toml cn root\n") {
			t.Errorf("%s: lockerd.toml is not config(noreplace):\n%s", tg.name, got)
		}
		ask(t, "rpm", "-K", "--nosignature", path)
	}
}

// ask runs a tool that is there and returns what it says; it must succeed.
func ask(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestLintian(t *testing.T) {
	if _, err := exec.LookPath("lintian"); err != nil {
		t.Skip("lintian is not installed: apt install lintian")
	}
	for _, tg := range targets() {
		if testing.Short() && tg.name != "armhf" {
			continue // it has the most scripts
		}
		b := programsBuilt(t)
		if tg.name != b.target.name { // lintian compares programs with the architecture
			b = small(t, tg)
		}
		args := []string{"--fail-on", "error,warning", "--tag-display-limit", "0"}
		if os.Getuid() == 0 {
			args = append(args, "--allow-root")
		}
		ask(t, "lintian", append(args, packed(t, b, "deb"))...)
	}
}

// small is what was built, for another target, with small programs for it.
func small(t *testing.T, tg target) *built {
	t.Helper()
	b := asIf(t, tg)
	b.dir = t.TempDir()
	src := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(src, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range programs() {
		if _, err := golang(t.Context(), tg, "build", "-ldflags=-s -w", "-o", filepath.Join(b.dir, p), src); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestSize(t *testing.T) {
	if err := fits("lockerd", sizeMax); err != nil {
		t.Error(err)
	}
	if err := fits("lockerd", sizeMax+1); err == nil {
		t.Error("a program above the bound is packed")
	}
}

func TestChoose(t *testing.T) {
	got, err := choose(targets(), "arm64,armhf-v6")
	if err != nil || namesOf(got) != "arm64, armhf-v6" {
		t.Errorf("got %s, %v", namesOf(got), err)
	}
	if _, err := choose(targets(), "armel"); err == nil || !strings.Contains(err.Error(), "armhf-v6") {
		t.Errorf("armel: %v", err)
	}
	if all, _ := choose(formats(), ""); !slices.Equal(strings.Split(namesOf(all), ", "), []string{"deb", "rpm", "apk"}) {
		t.Errorf("all: %s", namesOf(all))
	}
}
