package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	repo "lockerd/daemon/update/release"
)

// TestLifecycle installs, runs, upgrades, removes and purges the package on a
// booted Debian in a container. Its steps are testdata/lifecycle: a failed one
// ends it. `make lifecycle` makes the root and runs it; it needs to be root and
// systemd-nspawn.
func TestLifecycle(t *testing.T) {
	tarball := os.Getenv("LOCKERD_ROOT")
	if tarball == "" {
		t.Skip("needs a Debian root: make lifecycle")
	}
	root := t.TempDir()
	ask(t, "tar", "-C", root, "-xf", tarball)
	steps := furnish(t, root)
	told := boot(t, root)
	for _, s := range steps {
		failed := t.Failed()
		t.Run(strings.TrimSuffix(s, ".sh"), func(t *testing.T) {
			switch out, err := os.ReadFile(filepath.Join(root, "result", s)); {
			case err != nil && failed:
				t.Skip("was not reached: a step before has failed")
			case err != nil:
				t.Fatalf("was not reached\n%s", told) // a container that never came up, too
			case !strings.HasSuffix(string(out), "\nexit 0\n"):
				t.Fatalf("%s", out)
			}
		})
	}
}

// furnish puts packages, steps and what runs them into root, and returns the
// names of the steps.
func furnish(t *testing.T, root string) []string {
	t.Helper()
	put(t, root, "pkg/old.deb", contents(t, packed(t, programsBuilt(t), "deb")))
	put(t, root, "pkg/new.deb", contents(t, later(t)))
	stick(t, root)
	if _, err := golang(t.Context(), targets()[0], "build", "-o", filepath.Join(root, "usr/local/bin/"), "lockerd/cmd/lockerpkg/cabinet"); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("testdata/lifecycle/*.sh")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no steps: %v", err)
	}
	chosen, err := regexp.Compile(os.Getenv("LOCKERD_STEPS"))
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, p := range paths {
		name := filepath.Base(p)
		if !chosen.MatchString(name) && name != "lib.sh" {
			continue
		}
		put(t, root, "steps/"+name, contents(t, p))
		if name != "lib.sh" {
			steps = append(steps, name)
		}
	}
	if steps == nil {
		t.Fatalf("no step is called %q", chosen)
	}
	put(t, root, "steps/run", []byte(runner))
	put(t, root, "etc/systemd/system/steps.service", []byte(runnerUnit))
	put(t, root, "result/.keep", nil)
	wants := filepath.Join(root, "etc/systemd/system/multi-user.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../steps.service", filepath.Join(wants, "steps.service")); err != nil {
		t.Fatal(err)
	}
	return steps
}

// stick puts what 46-signed.sh needs into root: a repository and its keys, all
// made forty days ago, and programs to release into it, good and bad.
func stick(t *testing.T, root string) {
	t.Helper()
	kills := cmp.Or(os.Getenv("LOCKERD_KILLS"), "100")
	put(t, root, "steps/kills", []byte(kills))
	for _, d := range []string{"keys", "stick"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil { //nolint:gosec,nolintlint // lockerd reads the stick
			t.Fatal(err)
		}
	}
	r := repo.Repo{
		Dir: filepath.Join(root, "stick"), Keys: filepath.Join(root, "keys"),
		Now: func() time.Time { return time.Now().AddDate(0, 0, -40) },
	}
	if err := r.Init(repo.Threshold{Keys: 1, Need: 1}, repo.Threshold{Keys: 1, Need: 1}); err != nil {
		t.Fatal(err)
	}
	b, err := build(t.Context(), targets()[0], "v1.8.0", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	good := contents(t, filepath.Join(b.dir, "lockerd"))
	const run = "#!/bin/sh\n[ \"$1\" = run ] || exit 0\n"
	for name, body := range map[string][]byte{
		"good":    good,
		"large":   append(slices.Clone(good), make([]byte, 4<<20)...),
		"crashes": []byte(run + "exit 3\n"),
		"hangs":   []byte(run + "exec sleep 1000\n"),
		"blind":   []byte(run + "exec /usr/lib/lockerd/lockerd run --config /etc/lockerd/blind.toml\n"),
	} {
		put(t, root, "programs/"+name+"/lockerd-linux-"+targets()[0].goarch, body)
	}
}

// later is the package of a later version.
func later(t *testing.T) string {
	t.Helper()
	b, err := build(t.Context(), targets()[0], "v1.3.0", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	rel, err := parseRelease("v1.3.0", commit.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	rel.maintainer = "A Person <person@lockerd.invalid>"
	path, err := pack(b, rel, formats()[0], t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// runner leaves each step's output in /result and ends the container with 0 if
// all were good.
const runner = `#!/bin/sh
export DEBIAN_FRONTEND=noninteractive
for s in /steps/[0-9]*.sh; do
	code=0
	sh -eux -c '. /steps/lib.sh; . "$1"' sh "$s" >"/result/${s##*/}" 2>&1 </dev/null || code=$?
	printf '\nexit %s\n' "$code" >>"/result/${s##*/}"
	[ "$code" = 0 ] || break
done
systemctl exit "$code"
`

// runnerUnit ends the container also when a step has taken its runner with it.
const runnerUnit = `[Unit]
After=multi-user.target
FailureAction=exit
[Service]
Type=oneshot
ExecStart=/bin/sh /steps/run
`

func put(t *testing.T, root, name string, body []byte) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil { //nolint:gosec,nolintlint // others in the container read it
		t.Fatal(err)
	}
}

// bootMax bounds the whole life, on a loaded machine.
const bootMax = 25 * time.Minute

// boot runs the container until it ends, and returns what it has said.
func boot(t *testing.T, root string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootMax)
	defer cancel()
	// Not registered, in our own cgroup: the machine around needs no systemd.
	cmd := exec.CommandContext(ctx, "systemd-nspawn", "-q", "-b", "-D", root, "--register=no", "--keep-unit", "--console=pipe",
		"--private-network", "--capability=CAP_MKNOD")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("the container: %v\n%s", err, out)
	}
	return string(out)
}
