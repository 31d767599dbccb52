package slots

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"lockerd/store/storetest"
)

func TestMain(m *testing.M) {
	storetest.Serve()
	os.Exit(m.Run())
}

// content is the program of a version; larger than a chunk, so that it is written in pieces.
func content(version string) []byte {
	rng := rand.New(rand.NewPCG(7, uint64(len(version))))
	b := make([]byte, chunk+4096)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return append([]byte(version+"\n"), b...)
}

func programOf(version string) Program {
	b := content(version)
	return Program{Version: version, SHA256: digest(b), Size: int64(len(b))}
}

func writeBase(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lockerd")
	if err := os.WriteFile(path, content(version), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func launcher(d *Dir, base string) *Launch {
	return &Launch{Dir: d, Base: base, Log: func(string) {}, Now: func() time.Time { return noon }}
}

// whole returns the version of a chosen program, all bytes of which are right.
func whole(c Choice) (string, error) {
	b, err := os.ReadFile(c.Path)
	if err != nil {
		return "", err
	}
	version, _, _ := bytes.Cut(b, []byte("\n"))
	if !bytes.Equal(b, content(string(version))) {
		return "", fmt.Errorf("the program in %s is not whole", c.Slot)
	}
	return string(version), nil
}

// update is a life: the first program from the package, an update that is confirmed, one
// that crashes until it is rolled back, one that fails itself.
func update(d *Dir, base string, mark func(string)) error {
	l := launcher(d, base)
	run := func(want string) error {
		c := l.Choose()
		got, err := whole(c)
		if err == nil && got != want {
			err = fmt.Errorf("started %s, want %s", got, want)
		}
		return err
	}
	stage := func(version string) error {
		if err := d.Put(programOf(version), bytes.NewReader(content(version)), noon); err != nil {
			return err
		}
		_, err := d.Change(func(s State) (State, error) { return s.Arm(&Health{Ready: true}) })
		return err
	}
	change := func(o order) func() error { return func() error { _, err := d.Change(o); return err } }
	for _, step := range []func() error{
		func() error { return run("v1") },
		func() error { return stage("v22") },
		func() error { return run("v22") },
		change(confirm),
		func() error { mark("v22 is confirmed"); return stage("v333") },
		func() error { return run("v333") },
		func() error { return run("v333") },
		func() error { return run("v22") },
		func() error { return stage("v4444") },
		func() error { return run("v4444") },
		change(fail),
		func() error { return run("v22") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

type killed struct{ op string }

// TestKilledAtEachStep ends the process before each operation on a file. The next
// start runs a whole program, never the first once the second was confirmed, and a
// whole life goes on from there.
func TestKilledAtEachStep(t *testing.T) {
	base := writeBase(t, "v1")
	ops := 0
	if err := update(&Dir{Path: filepath.Join(t.TempDir(), "u"), Step: func(string) { ops++ }}, base, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if ops < 60 {
		t.Fatalf("only %d operations: the seam is not used", ops)
	}
	for n := range ops {
		dir := filepath.Join(t.TempDir(), "u")
		confirmed := false
		died := killAt(n, dir, base, func(string) { confirmed = true })
		c := launcher(&Dir{Path: dir}, base).Choose()
		got, err := whole(c)
		if err != nil || confirmed && got == "v1" {
			t.Fatalf("killed before operation %d (%s): runs %q from %s, %v", n, died.op, got, c.Slot, err)
		}
		next := programOf("v55555")
		again := &Dir{Path: dir}
		if _, err := again.Change(func(s State) (State, error) { // whatever the trial was: it ends
			if s.Trial != nil && s.Trial.Phase == Trying {
				return s.Confirm(Health{}, noon)
			}
			return s, nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := again.Put(next, bytes.NewReader(content("v55555")), noon); err != nil {
			t.Fatalf("killed before operation %d (%s): no update after it: %v", n, died.op, err)
		}
	}
	t.Logf("%d operations", ops)
}

func killAt(n int, dir, base string, mark func(string)) (k killed) {
	defer func() {
		var ok bool
		if k, ok = recover().(killed); !ok {
			panic("not killed")
		}
	}()
	i := 0
	_ = update(&Dir{Path: dir, Step: func(op string) {
		if i++; i > n {
			panic(killed{op})
		}
	}}, base, mark)
	return k
}

// TestPowerCuts cuts the power under the same life: whatever a disk may hold then,
// the next start runs a whole program.
func TestPowerCuts(t *testing.T) {
	images := 2000
	if testing.Short() {
		images = 300
	}
	rec := storetest.Mount(t)
	base := writeBase(t, "v1")
	sure := 0
	if err := update(&Dir{Path: rec.Dir()}, base, func(m string) { sure = rec.Mark(m) }); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d, %d operations", seed, rec.Len())
	n := storetest.Each(t, rec.Log().Images(rand.New(rand.NewPCG(seed, 1)), images), func(dir string, im storetest.Image) error {
		c := launcher(&Dir{Path: dir}, base).Choose()
		got, err := whole(c)
		if err == nil && im.At > sure && got == "v1" {
			err = errors.New("the confirmed program is lost")
		}
		return err
	})
	if n < images/2 {
		t.Fatalf("only %d images", n)
	}
}

// TestRot flips bits of the state, of its predecessor and of both.
func TestRot(t *testing.T) {
	base := writeBase(t, "v1")
	dir := filepath.Join(t.TempDir(), "u")
	if err := update(&Dir{Path: dir}, base, func(string) {}); err != nil {
		t.Fatal(err)
	}
	state, old := filepath.Join(dir, stateFile), filepath.Join(dir, stateFile+oldSuffix)
	good, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	goodOld, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		write(t, state, flip(rng, good))
		write(t, old, goodOld)
		if got, err := whole(launcher(&Dir{Path: dir}, base).Choose()); err != nil || got != "v22" {
			t.Fatalf("state damaged: runs %q, %v", got, err)
		}
	}
	write(t, state, flip(rng, good))
	write(t, old, flip(rng, goodOld))
	if got, err := whole(launcher(&Dir{Path: dir}, base).Choose()); err != nil || got != "v1" {
		t.Fatalf("both damaged: runs %q, %v: want the base program", got, err)
	}
}

func flip(rng *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzState(f *testing.F) {
	full := State{}.clone()
	full.Active, full.Slots[A], full.Trial = A, prog("1"), &Trial{Slot: B, Phase: Trying, Attempts: 1}
	for _, s := range []State{{}, full} {
		b, err := encode(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decode(b)
		if err != nil {
			return
		}
		again, err := encode(s)
		if err != nil {
			t.Fatal(err)
		}
		if s2, err := decode(again); err != nil || !reflect.DeepEqual(s2, s) {
			t.Fatalf("%v: %+v, %+v", err, s, s2)
		}
	})
}
