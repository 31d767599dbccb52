package journal

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"lockerd/daemon/locker"
)

// small makes a closed journal of n commits in one segment and returns its
// directory, the segment's file and where its frames begin; the last entry is
// the end of the last frame.
func small(t *testing.T, n int) (dir, path string, frames []int) {
	t.Helper()
	o := Options{SegmentBytes: MinSegmentBytes}
	dir = create(t, o)
	j, _ := open(t, dir, o)
	add(t, j, n, locker.EvScanRefused)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	path = segPath(dir, 1)
	b := readAll(t, path)
	for off := 0; off <= len(b); {
		frames = append(frames, off)
		_, size, ok := parseFrame(b[off:])
		if !ok {
			break
		}
		off += size
	}
	if len(frames) != n+2 {
		t.Fatalf("%d frames of %d commits", len(frames), n)
	}
	return dir, path, frames
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeAll(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTornTail cuts the last append after each of its sectors' worth of bytes
// and in between, and lets parts of it land out of order.
func TestTornTail(t *testing.T) {
	dir, path, fr := small(t, 5)
	whole := readAll(t, path)
	from, to := fr[5], fr[6]
	torn := map[string]func(b []byte){}
	for _, cut := range []int{1, 4, 8, 31, 32, 33, 100, to - from - 16} {
		torn["only the first "+string(rune('a'+cut%26))] = func(b []byte) { clear(b[from+cut : to]) }
		torn["without the first "+string(rune('a'+cut%26))] = func(b []byte) { clear(b[from : from+cut]) }
	}
	torn["a hole"] = func(b []byte) { clear(b[from+40 : from+140]) }
	torn["garbage"] = func(b []byte) {
		for i := from; i < to; i++ {
			b[i] ^= byte(i*7 + 1)
		}
	}
	for name, tear := range torn {
		t.Run(name, func(t *testing.T) {
			b := append([]byte(nil), whole...)
			tear(b)
			writeAll(t, path, b)
			j, found, err := Open(dir, Options{SegmentBytes: MinSegmentBytes})
			if err != nil {
				t.Fatal(err)
			}
			if found.TornBytes == 0 && len(found.Repaired) == 0 && !allZero(b[from:to]) {
				t.Error("nothing was reported")
			}
			if j.LastIndex() != 4 && len(found.Repaired) == 0 {
				t.Fatalf("last index %d", j.LastIndex())
			}
			add(t, j, 1, locker.EvDoorOpened)
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			k, found := open(t, dir, Options{SegmentBytes: MinSegmentBytes})
			if found.TornBytes != 0 {
				t.Errorf("torn again: %+v", found)
			}
			if v, err := k.Verify(t.Context()); err != nil || !v.OK {
				t.Errorf("%+v %v", v, err)
			}
		})
	}
}

// TestOneBit flips bits all over a journal, one at a time. FuzzFrame does the
// same to frames in memory; here the repair reaches the disk.
func TestOneBit(t *testing.T) {
	dir, path, fr := small(t, 3)
	whole := readAll(t, path)
	end := fr[len(fr)-1]
	for i := 0; i < end*8; i += 37 { // meets all bits of a byte in turn
		b := append([]byte(nil), whole...)
		b[i/8] ^= 1 << (i % 8)
		writeAll(t, path, b)
		j, found, err := Open(dir, Options{SegmentBytes: MinSegmentBytes})
		if err != nil {
			t.Fatalf("bit %d of byte %d: %v", i%8, i/8, err)
		}
		if j.LastIndex() != 3 {
			t.Fatalf("bit %d of byte %d: last index %d, %+v", i%8, i/8, j.LastIndex(), found)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		got := readAll(t, path)
		if len(found.Repaired) == 1 && string(got) != string(whole) {
			t.Fatalf("bit %d of byte %d: the repair differs from what was there", i%8, i/8)
		}
		if len(found.Repaired) == 0 && !isPadding(fr, i/8, whole) {
			t.Fatalf("bit %d of byte %d: not repaired", i%8, i/8)
		}
	}
}

func isPadding(frames []int, at int, whole []byte) bool {
	for i := 0; i+1 < len(frames); i++ {
		if at >= frames[i] && at < frames[i+1] {
			f, _, _ := parseFrame(whole[frames[i]:])
			return at >= frames[i]+frameHead+len(f.payload)
		}
	}
	return false
}

func TestDamage(t *testing.T) {
	tests := map[string]struct {
		harm func(b []byte, fr []int)
		want string
	}{
		"many bits in the middle": {func(b []byte, fr []int) { clear(b[fr[2]+40 : fr[2]+90]) }, "a sound record stands at"},
		"a record is gone":        {func(b []byte, fr []int) { copy(b[fr[2]:], b[fr[3]:]) }, "stands where"},
		"many bits in the head":   {func(b []byte, fr []int) { clear(b[40:80]) }, "cannot read journal segment"},
		"lost middle and zeros":   {func(b []byte, fr []int) { clear(b[fr[2]:fr[3]]) }, "a sound record stands at"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir, path, fr := small(t, 5)
			b := readAll(t, path)
			tt.harm(b, fr)
			writeAll(t, path, b)
			_, _, err := Open(dir, Options{SegmentBytes: MinSegmentBytes})
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v", err)
			}
			n := 0
			if err := Salvage(dir, func(Record) { n++ }); err != nil || n < 4 {
				t.Fatalf("%d records salvaged, %v", n, err)
			}
		})
	}
}

func TestMissingSegmentIsDamage(t *testing.T) {
	o := Options{SegmentBytes: MinSegmentBytes}
	dir := create(t, o)
	j, _ := open(t, dir, o)
	add(t, j, 60, locker.EvScanRefused)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(segPath(dir, 2)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(dir, o); !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v", err)
	}
}

// TestTornRoll tears the first write into a new segment.
func TestTornRoll(t *testing.T) {
	o := Options{SegmentBytes: MinSegmentBytes}
	dir := create(t, o)
	j, _ := open(t, dir, o)
	for len(j.segs) < 2 {
		add(t, j, 1, locker.EvScanRefused)
	}
	last := j.LastIndex()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	path := segPath(dir, 2)
	b := readAll(t, path)
	clear(b[20:300])
	writeAll(t, path, b)
	k, _ := open(t, dir, o)
	if k.LastIndex() != last-1 {
		t.Fatalf("last index %d, want %d", k.LastIndex(), last-1)
	}
	add(t, k, 20, locker.EvScanRefused)
	if v, err := k.Verify(t.Context()); err != nil || !v.OK {
		t.Fatalf("%+v %v", v, err)
	}
}

func TestAppendErrorIsFinal(t *testing.T) {
	tests := map[string]Options{
		"write": {WriteAt: func(*os.File, []byte, int64) (int, error) { return 0, unix.ENOSPC }},
		"sync":  {Datasync: func(*os.File) error { return unix.EIO }},
	}
	for name, broken := range tests {
		t.Run(name, func(t *testing.T) {
			dir := create(t, Options{})
			bad := false
			o := Options{
				WriteAt: func(f *os.File, b []byte, off int64) (int, error) {
					if bad && broken.WriteAt != nil {
						return broken.WriteAt(f, b, off)
					}
					return f.WriteAt(b, off)
				},
				Datasync: func(f *os.File) error {
					if bad && broken.Datasync != nil {
						return broken.Datasync(f)
					}
					return datasync(f)
				},
			}
			j, _ := open(t, dir, o)
			add(t, j, 3, locker.EvScanRefused)
			bad = true
			_, _, first := j.Append(nil, []byte("x"))
			bad = false
			_, _, second := j.Append(nil, []byte("x"))
			if first == nil || second == nil {
				t.Fatalf("got %v, %v", first, second)
			}
			if got, err := j.Events(1, 10); err != nil || len(got) != 3 || j.Next() != 4 {
				t.Fatalf("%d events, %v", len(got), err)
			}
		})
	}
}

func TestTooLargeCommitIsRefused(t *testing.T) {
	j, _ := open(t, create(t, Options{}), Options{})
	if _, _, err := j.Append(nil, make([]byte, MaxPayload)); err == nil {
		t.Fatal("taken")
	}
}

// TestRecordLargerThanSegment: such a one gets a segment that grows.
func TestRecordLargerThanSegment(t *testing.T) {
	o := Options{SegmentBytes: MinSegmentBytes}
	dir := create(t, o)
	j, _ := open(t, dir, o)
	add(t, j, 1, locker.EvScanRefused)
	if _, _, err := j.Append(nil, make([]byte, 3*MinSegmentBytes)); err != nil {
		t.Fatal(err)
	}
	add(t, j, 1, locker.EvScanRefused)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	k, _ := open(t, dir, o)
	var sizes []int
	err := k.Replay(0, func(r Record) error {
		sizes = append(sizes, len(r.State))
		return nil
	})
	if err != nil || len(sizes) != 3 || sizes[1] != 3*MinSegmentBytes {
		t.Fatalf("%v %v", sizes, err)
	}
}
