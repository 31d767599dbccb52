package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"lockerd/daemon/slots"
)

// script is a program that says its version and ends.
func script(t *testing.T, dir, version, body string) string {
	t.Helper()
	path := filepath.Join(dir, "lockerd-"+version)
	pad := bytes.Repeat([]byte("# ballast, so that it is written in pieces\n"), 8000)
	if err := os.WriteFile(path, append(fmt.Appendf(nil, "#!/bin/sh\n%s\nexit 1\n", body), pad...), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func role(name string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+name, "GORACE=atexit_sleep_ms=0")
	return cmd
}

// launchOnce runs the launcher and returns what the chosen program says.
func launchOnce(dir, base string) string {
	out, _ := role(roleLaunch, "--dir", dir, "--base", base, "--", "run").Output() // it exits 1
	return string(bytes.TrimSpace(out))
}

// TestKills ends an update by SIGKILL at random moments; LOCKERD_KILLS says how often
// (100). Whatever was going on, the launcher runs a whole program.
func TestKills(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 10
	}
	if n, err := strconv.Atoi(os.Getenv("LOCKERD_KILLS")); err == nil {
		kills = n
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	work := t.TempDir()
	dir := filepath.Join(work, "update")
	v1, v2 := script(t, work, "v1", "echo v1"), script(t, work, "v2", "echo v2")
	if got := launchOnce(dir, v1); got != "v1" {
		t.Fatalf("first start: %q", got)
	}
	phases := make(map[slots.Phase]int)
	for n := range kills {
		cmd := role(roleUpdate, dir, v2)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(5+rng.IntN(60)) * time.Millisecond) // a moment of any kind
		if err := cmd.Process.Kill(); err != nil {
			t.Fatalf("kill %d: the update ended by itself: %v", n, err)
		}
		_ = cmd.Wait()
		s, _, err := (&slots.Dir{Path: dir}).Load()
		if err != nil {
			t.Fatal(err)
		}
		if s.Trial != nil {
			phases[s.Trial.Phase]++
		}
		for range 4 { // what is on trial is rolled back: it never confirms itself
			if got := launchOnce(dir, v1); got != "v1" && got != "v2" {
				t.Fatalf("kill %d: ran %q; state %+v", n, got, s)
			}
		}
	}
	t.Logf("killed in %v", phases)
	if kills >= 100 && phases[slots.Staging] == 0 {
		t.Fatal("no kill fell into an update")
	}
}
