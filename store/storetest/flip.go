package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
)

// Flip is one bit of one file: bit 0 is the lowest of the first byte.
type Flip struct {
	Path string
	Bit  int64
}

// Flips draws n bits of the given files, whose sizes are in bytes; every bit is
// as likely as any other, and may come twice. The same rng gives the same flips.
// Where all files are empty there are none.
func Flips(rng *rand.Rand, files map[string]int64, n int) []Flip {
	paths := slices.Sorted(maps.Keys(files))
	var bits int64
	for _, size := range files {
		bits += size * 8
	}
	if bits == 0 {
		return nil
	}
	flips := make([]Flip, n)
	for i := range flips {
		bit := rng.Int64N(bits)
		for _, path := range paths {
			if size := files[path] * 8; bit >= size {
				bit -= size
				continue
			}
			flips[i] = Flip{Path: path, Bit: bit}
			break
		}
	}
	return flips
}

// ApplyFlip inverts one bit of a file. Doing it again undoes it.
func ApplyFlip(path string, bit int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot flip bit %d: %w", bit, err)
	}
	var b [1]byte
	_, err = f.ReadAt(b[:], bit/8)
	if err == nil {
		b[0] ^= 1 << (bit % 8)
		_, err = f.WriteAt(b[:], bit/8)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("cannot flip bit %d of %q: %w", bit, path, err)
	}
	return nil
}
