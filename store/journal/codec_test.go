package journal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func FuzzFrame(f *testing.F) {
	f.Add(uint64(1), []byte("payload"), uint(3))
	f.Add(uint64(0), []byte{}, uint(0))
	f.Fuzz(func(t *testing.T, index uint64, p []byte, bit uint) {
		b := appendFrame(nil, frame{index: index, kind: kindCommit, payload: p})
		got, size, ok := parseFrame(b)
		if !ok || size != len(b) || got.index != index || !bytes.Equal(got.payload, p) {
			t.Fatalf("%+v %d %v", got, size, ok)
		}
		harmed := append([]byte(nil), b...)
		bit %= uint(frameHead+len(p)) * 8
		harmed[bit/8] ^= 1 << (bit % 8)
		if _, _, ok := parseFrame(harmed); ok {
			t.Fatal("a flipped bit passed")
		}
		if at, _, ok := repairFrame(harmed); !ok || uint(at) != bit/8 || !bytes.Equal(harmed, b) {
			t.Fatalf("bit %d: repaired at %d, %v", bit, at, ok)
		}
	})
}

func FuzzPayload(f *testing.F) {
	f.Add(encodePayload(&Record{Lines: []Line{{1, []byte("a")}, {2, nil}}, State: []byte("s")}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parsePayload(7, b)
		if err != nil {
			return
		}
		if again := encodePayload(&r); !bytes.Equal(again, b) {
			t.Fatalf("%x became %x", b, again)
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("LKJ1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(segPath(dir, 1), b, 0o600); err != nil {
			t.Fatal(err)
		}
		j, _, err := Open(dir, Options{SegmentBytes: MinSegmentBytes})
		if err == nil {
			_ = j.Close()
		}
	})
}

func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	if _, err := Checkpoint(dir); !errors.Is(err, ErrNoCheckpoint) {
		t.Fatalf("got %v", err)
	}
	for _, index := range []uint64{3, 9} {
		err := WriteCheckpoint(dir, index, func(emit func([]byte) error) error {
			return errors.Join(emit([]byte("one")), emit([]byte("two")))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	read := func() (got []string, err error) {
		err = ReadCheckpoint(dir, func(b []byte) error {
			got = append(got, string(b))
			return nil
		})
		return got, err
	}
	if n, err := Checkpoint(dir); err != nil || n != 9 {
		t.Fatalf("%d %v", n, err)
	}
	if got, err := read(); err != nil || !reflect.DeepEqual(got, []string{"one", "two"}) {
		t.Fatalf("%v %v", got, err)
	}
	path := filepath.Join(dir, "checkpoint-0000000000000009")
	whole := readAll(t, path)
	for name, tt := range map[string]struct {
		harm  func(b []byte) []byte
		sound bool
	}{
		"one bit":   {func(b []byte) []byte { b[33] ^= 4; return b }, true},
		"many bits": {func(b []byte) []byte { b[33] ^= 0xff; b[10] ^= 7; return b }, false},
		"cut short": {func(b []byte) []byte { return b[:len(b)-40] }, false},
	} {
		t.Run(name, func(t *testing.T) {
			writeAll(t, path, tt.harm(append([]byte(nil), whole...)))
			got, err := read()
			if tt.sound != (err == nil) || tt.sound && len(got) != 2 || !tt.sound && !errors.Is(err, ErrDamaged) {
				t.Fatalf("%v %v", got, err)
			}
		})
	}
}

// TestSumCold holds the sum of small records to hash/crc64.
func TestSumCold(t *testing.T) {
	p := make([]byte, smallSum+1)
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
	for n := range len(p) + 1 {
		if got, want := sumCold(p[:n]), sum64(p[:n]); got != want {
			t.Fatalf("sumCold of %d bytes is %016x, want %016x", n, got, want)
		}
	}
}
