package journal

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// readLines returns copies of at most so many lines.
func readLines(j *Journal, from uint64, most int) (out [][]byte, err error) {
	err = j.Lines(from, func(l []byte) bool {
		out = append(out, bytes.Clone(l))
		return len(out) < most
	})
	return out, err
}

// TestLines holds that Lines reads what Events reads, over segments and gaps.
func TestLines(t *testing.T) {
	j, _ := open(t, create(t, Options{}), Options{SegmentBytes: 4 << 10})
	for range 40 {
		add(t, j, 3, "door.opened")
		add(t, j, 2, "board.lost")
	}
	for from := uint64(1); from <= j.Next(); from += 3 {
		for _, most := range []int{1, 7, 300} {
			want, err := j.Events(from, most)
			if err != nil {
				t.Fatal(err)
			}
			got, err := readLines(j, from, most)
			if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
				t.Fatalf("%d lines from %d: %d, want %d, %v", most, from, len(got), len(want), err)
			}
		}
	}
}

// TestLinesDamaged holds that damage done under an open journal is never read as an
// event: a flipped bit is mended, all else is an error.
func TestLinesDamaged(t *testing.T) {
	dir := create(t, Options{})
	j, _ := open(t, dir, Options{})
	add(t, j, 30, "door.opened")
	want, err := readLines(j, 1, 100)
	if err != nil || len(want) != 30 {
		t.Fatal(len(want), err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+segSuffix))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	path := files[0]
	whole := readAll(t, path)
	for range 300 {
		bad := bytes.Clone(whole)
		at, long := rand.IntN(min(len(bad), 8<<10)), rand.IntN(5)
		if bad[at] ^= 1 << rand.IntN(8); long > 0 {
			for i := at; i < min(at+long, len(bad)); i++ {
				bad[i] = byte(rand.Uint32())
			}
		}
		writeAll(t, path, bad)
		got, err := readLines(j, 1, 100)
		for i, l := range got {
			if !bytes.Equal(l, want[i]) {
				t.Fatalf("%d bytes at %d: event %d is %q", long, at, i+1, l)
			}
		}
		if err == nil && len(got) != len(want) || err != nil && long == 0 {
			t.Fatalf("%d bytes at %d: %d events, %v", long, at, len(got), err)
		}
	}
	writeAll(t, path, whole)
}
