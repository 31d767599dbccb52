package storetest

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFlips(t *testing.T) {
	files := map[string]int64{"a": 10, "b": 30, "empty": 0}
	seen := map[string]int{}
	for _, f := range Flips(rand.New(rand.NewPCG(1, 1)), files, 4000) {
		if f.Bit < 0 || f.Bit >= files[f.Path]*8 {
			t.Fatalf("flip %+v is outside its file", f)
		}
		seen[f.Path]++
	}
	if seen["a"] < 800 || seen["a"] > 1200 || seen["a"]+seen["b"] != 4000 {
		t.Errorf("flips are spread as %v, want 1000 and 3000", seen)
	}
	one := Flips(rand.New(rand.NewPCG(7, 7)), files, 50)
	two := Flips(rand.New(rand.NewPCG(7, 7)), files, 50)
	if !slices.Equal(one, two) {
		t.Error("the same seed gives other flips")
	}
	if none := Flips(rand.New(rand.NewPCG(7, 7)), map[string]int64{"empty": 0}, 5); none != nil {
		t.Errorf("an empty file has flips %v", none)
	}
}

func TestApplyFlip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	was := []byte("0123456789")
	if err := os.WriteFile(path, was, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bit := range []int64{0, 7, 8, 79} {
		if err := ApplyFlip(path, bit); err != nil {
			t.Fatal(err)
		}
		got := readFile(t, path)
		n := 0
		for i := range got {
			n += bits.OnesCount8(got[i] ^ was[i])
		}
		if n != 1 || got[bit/8]^was[bit/8] != 1<<(bit%8) {
			t.Errorf("flip of bit %d made %q of %q", bit, got, was)
		}
		if err := ApplyFlip(path, bit); err != nil {
			t.Fatal(err)
		}
	}
	if got := readFile(t, path); !bytes.Equal(got, was) {
		t.Errorf("flipped twice %q became %q", was, got)
	}
	if err := ApplyFlip(path, 80); err == nil {
		t.Error("a bit behind the end was flipped")
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
