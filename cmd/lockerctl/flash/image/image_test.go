package image_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockerd/cmd/lockerctl/flash/fault"
	"lockerd/cmd/lockerctl/flash/flashtest"
	"lockerd/cmd/lockerctl/flash/image"
)

func content(n int) []byte {
	b := make([]byte, n)
	flashtest.Noise(b)
	return b
}

func zipped(tb testing.TB, b []byte) []byte {
	tb.Helper()
	return flashtest.Zipped(tb, b, gzip.HuffmanOnly) // quick
}

// file writes an image, and a sum beside it if one is given.
func file(t *testing.T, b []byte, sum string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "card.img")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if sum != "" {
		if err := os.WriteFile(path+".sha256", []byte(sum), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func read(path string, check bool) ([]byte, error) {
	im, err := image.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := im.Read(check)
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // only read
	return io.ReadAll(s)
}

func TestRead(t *testing.T) {
	raw := content(3<<20 + 512)
	two := append(zipped(t, raw[:1<<20]), zipped(t, raw[1<<20:])...) // as pigz and cat leave them
	for name, b := range map[string][]byte{"raw": raw, "gzip": zipped(t, raw), "two members": two} {
		sum := fmt.Sprintf("%x", sha256.Sum256(b))
		for _, beside := range []string{"", sum, strings.ToUpper(sum) + "  card.img\n", sum + " *out/card.img\n", strings.Repeat("0", 64) + "  another.img\n" + sum + "  card.img\n"} {
			path := file(t, b, beside)
			got, err := read(path, true)
			if err != nil || !bytes.Equal(got, raw) {
				t.Fatalf("%s, %q: %d bytes, %v", name, beside, len(got), err)
			}
		}
	}
}

// Whatever is wrong with an image ends in a sentence with a cure.
func TestRefused(t *testing.T) {
	raw := content(1 << 20)
	z := zipped(t, raw)
	flipped := bytes.Clone(z)
	flipped[len(z)/2] ^= 4
	crc := bytes.Clone(z)
	crc[len(z)-8] ^= 4
	zeros := strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		b    []byte
		sum  string
		want string
	}{
		"empty":          {nil, "", "is empty"},
		"cut":            {z[:len(z)-100], "", "is cut short after 1.0 MB"},
		"cut in its end": {z[:len(z)-1], "", "is cut short"},
		"cut in front":   {z[:7], "", "is cut short"},
		"a flipped bit":  {flipped, "", "is corrupt"},
		"a checksum":     {crc, "", "is corrupt"},
		"garbage behind": {append(bytes.Clone(z), "garbage, more of it than a header"...), "", "is corrupt"},
		"another sum":    {raw, zeros, "has another SHA-256"},
		"another, gzip":  {z, zeros + "  card.img", "has another SHA-256"},
		"no sum":         {raw, "sorry, not found", "does not hold one of card.img"},
		"sums of others": {raw, zeros + "  a.img\n" + zeros + "  b.img\n", "does not hold one of card.img"},
		"xz":             {[]byte("\xfd7zXZ\x00......."), "", "is neither .img nor .img.gz"},
		"zstd":           {[]byte("\x28\xb5\x2f\xfd......."), "", "is neither .img nor .img.gz"},
		"zip":            {[]byte("PK\x03\x04......."), "", "is neither .img nor .img.gz"},
		"qcow2":          {[]byte("QFI\xfb......."), "", "is neither .img nor .img.gz"},
	} {
		got, err := read(file(t, c.b, c.sum), true)
		f, _ := errors.AsType[*fault.Error](err)
		if f == nil || !strings.Contains(f.Text, c.want) || f.Cure == "" {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := image.Open(path); err == nil {
			t.Errorf("%s was taken", path)
		}
	}
}

func TestRandom(t *testing.T) {
	raw := content(5<<20 + 512)
	for name, b := range map[string][]byte{"raw": raw, "gzip": zipped(t, raw)} {
		im, err := image.Open(file(t, b, ""))
		if err != nil {
			t.Fatal(err)
		}
		r, err := im.Random()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ off, n int64 }{{0, 512}, {3 << 20, 4}, {1<<20 - 2, 4}, {4 << 20, 512}, {5 << 20, 512}, {0, int64(len(raw))}, {2 << 20, 1 << 20}} {
			p := make([]byte, c.n)
			if n, err := r.ReadAt(p, c.off); err != nil || !bytes.Equal(p, raw[c.off:c.off+c.n]) {
				t.Errorf("%s: %d at %d: %d, %v", name, c.n, c.off, n, err)
			}
		}
		for _, off := range []int64{int64(len(raw)) - 256, int64(len(raw)), 7 << 20} {
			if n, err := r.ReadAt(make([]byte, 512), off); !errors.Is(err, io.EOF) {
				t.Errorf("%s: at %d, beyond the end: %d, %v", name, off, n, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzImage: read from the beginning and from the middle an image is the same, or an error.
func FuzzImage(f *testing.F) {
	small := bytes.Repeat([]byte("0123456789abcdef"), 100)
	f.Add(small, "")
	f.Add(zipped(f, small), "")
	f.Add(zipped(f, small)[:30], fmt.Sprintf("%x  card.img\n", sha256.Sum256(small)))
	f.Add([]byte("\x1f\x8b\x08\x1c\x00\x00"), "x\n\n\x00")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, sum string) {
		path := filepath.Join(dir, "card.img")
		for name, b := range map[string][]byte{path: b, path + ".sha256": []byte(sum)} {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		im, err := image.Open(path)
		if err != nil {
			return
		}
		s, err := im.Read(false)
		if err != nil {
			return
		}
		defer s.Close() //nolint:errcheck // only read
		whole, err := io.ReadAll(io.LimitReader(s, 4<<20))
		if err != nil {
			return
		}
		r, err := im.Random()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close() //nolint:errcheck // only read
		for _, off := range []int{len(whole) / 2, 0} {
			p := make([]byte, len(whole)-off)
			if _, err := r.ReadAt(p, int64(off)); err != nil && len(p) > 0 || !bytes.Equal(p, whole[off:]) {
				t.Fatalf("at %d: %v", off, err)
			}
		}
	})
}
