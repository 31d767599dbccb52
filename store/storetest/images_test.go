package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// replace writes a document the way stores do: a new file over the old one.
func replace(dir, text string, careful bool) error {
	tmp, path := filepath.Join(dir, "doc.tmp"), filepath.Join(dir, "doc")
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if careful {
		err = errors.Join(err, f.Sync())
	}
	return errors.Join(err, f.Close(), os.Rename(tmp, path), syncDir(dir))
}

func document(n int) string { return fmt.Sprintf("document %d %0*d", n, 700*n, n) }

// replaceCheck says that the document is the last that was answered, or the next.
func replaceCheck(l *Log) func(string, Image) error {
	marks := l.Marks()
	return func(dir string, im Image) error {
		passed := 0
		for _, m := range marks {
			passed += b2i(m.At < im.At)
		}
		b, err := os.ReadFile(filepath.Join(dir, "doc"))
		if passed == 0 && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && string(b) != document(passed) && string(b) != document(passed+1) {
			err = fmt.Errorf("holds %d bytes %.20q after document %d was answered", len(b), b, passed)
		}
		return err
	}
}

func TestWriters(t *testing.T) {
	for _, careful := range []bool{true, false} {
		t.Run(fmt.Sprintf("fsync before rename %t", careful), func(t *testing.T) {
			rec := Mount(t)
			for n := 1; n <= 5; n++ {
				must(t, replace(rec.Dir(), document(n), careful))
				rec.Mark(fmt.Sprint(n))
			}
			l := rec.Log()
			n, failures := sweep(scratch(t), l.Images(rand.New(rand.NewPCG(1, 1)), 2000), replaceCheck(l), 2000)
			if careful && len(failures) > 0 {
				t.Errorf("the correct writer fails at %d images: %v\n%s", len(failures), failures[0].err, failures[0].im.Desc)
			}
			if !careful && len(failures) < 100 {
				t.Errorf("the wrong writer fails at %d images only", len(failures))
			}
			if n != 2000 {
				t.Errorf("looked at %d images, want 2000", n)
			}
		})
	}
}

// chance makes a log of random operations on a few files.
func chance(rng *rand.Rand) *Log {
	return hand(func(s script) {
		d := s.mkdir("d")
		dirs := []uint64{rootIno, d}
		var inos []uint64
		for i := range 60 {
			name, dir := fmt.Sprint(rng.IntN(4)), dirs[rng.IntN(2)]
			if ino := s.create(dir, name); ino != 0 {
				inos = append(inos, ino)
			}
			ino := inos[rng.IntN(len(inos))]
			switch rng.IntN(8) {
			case 0:
				s.truncate(ino, rng.Uint64N(4000))
			case 1:
				s.allocate(ino, rng.Uint64N(4000), 1+rng.Uint64N(4000), allocZero)
			case 2:
				s.sync(ino)
			case 3:
				s.rename(dir, name, dirs[rng.IntN(2)], fmt.Sprint(rng.IntN(4)))
			case 4:
				s.unlink(dir, name)
			case 5:
				s.sync(dir)
			default:
				s.write(ino, bytes.Repeat([]byte{byte(i) + 1}, 1+rng.IntN(3000)), rng.Int64N(3000))
			}
		}
	})
}

// A sector without garbage is as it was at some moment since the last sync, and
// all of a file is where nothing was done since.
func TestSectorsAreOfSomeVersion(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 1))
		l := chance(rng)
		for im := range l.Images(rng, 1000) {
			if im.crash.garbage || im.crash.tears {
				continue
			}
			for ino, f := range im.state.files {
				versions := versionsOf(l, ino, f)
				c := im.crash.fileAfter(l.ops, ino, f, im.At-1)
				if err := ofSome(c.bytes(), versions); err != nil {
					t.Fatalf("seed %d, inode %d: %v\n%s", seed, ino, err, im.Desc)
				}
			}
		}
	}
}

// versionsOf returns a file as it was after each operation since its last sync.
func versionsOf(l *Log, ino uint64, f file) [][]byte {
	c := f.kept.clone()
	versions := [][]byte{c.bytes()}
	for _, i := range f.pending {
		c.apply(&l.ops[i])
		versions = append(versions, c.bytes())
	}
	return versions
}

func ofSome(b []byte, versions [][]byte) error {
	if !slices.ContainsFunc(versions, func(v []byte) bool { return len(v) == len(b) }) {
		return fmt.Errorf("no version has %d bytes", len(b))
	}
	for i, x := range b {
		if x != 0 && !slices.ContainsFunc(versions, func(v []byte) bool { return i < len(v) && v[i] == x }) {
			return fmt.Errorf("no version has byte %d at %d", x, i)
		}
	}
	if len(versions) == 1 && !bytes.Equal(b, versions[0]) {
		return errors.New("a synced file has changed")
	}
	return nil
}

func TestImagesCoverEveryCut(t *testing.T) {
	l := chance(rand.New(rand.NewPCG(1, 1)))
	n, last := 5*l.Len(), 0
	all, synced := map[int]int{}, map[int]int{}
	count := 0
	for im := range l.Images(rand.New(rand.NewPCG(2, 2)), n) {
		count++
		if im.At < last {
			t.Fatal("images do not come in the order of their cuts")
		}
		last = im.At
		c := im.crash
		all[im.At] += b2i(c.names == survived && c.sizes == survived && c.data == survived && !c.tears)
		synced[im.At] += b2i(c.names == lost && c.sizes == lost && c.data == lost && !c.tears)
	}
	if count != n {
		t.Errorf("%d images, want %d", count, n)
	}
	for at := range l.Len() + 1 {
		if all[at] == 0 || synced[at] == 0 {
			t.Errorf("cut %d came with all %d times, with what is durable %d times", at, all[at], synced[at])
		}
	}
}

func TestImagesAreRepeatable(t *testing.T) {
	l := chance(rand.New(rand.NewPCG(1, 1)))
	for _, n := range []int{0, 1, 7, l.Len(), 4 * l.Len()} {
		var one, two []string
		for im := range l.Images(rand.New(rand.NewPCG(3, 3)), n) {
			one = append(one, im.Desc)
		}
		for im := range l.Images(rand.New(rand.NewPCG(3, 3)), n) {
			two = append(two, im.Desc)
		}
		if len(one) != n || !slices.Equal(one, two) {
			t.Errorf("asked for %d images, got %d and %d, equal: %t", n, len(one), len(two), slices.Equal(one, two))
		}
	}
	for range l.Images(rand.New(rand.NewPCG(3, 3)), 100) {
		break // must not go on
	}
	empty := &Log{}
	for im := range empty.Images(rand.New(rand.NewPCG(3, 3)), 10) {
		if im.At != 0 {
			t.Errorf("an empty log was cut at %d", im.At)
		}
	}
}

func TestCutPoints(t *testing.T) {
	l := hand(func(s script) {
		ino := s.made("f", 'a', 1) // 0 create, 1 sync, 2 write, 3 sync
		s.writeSync(ino, sectors('b', 1), 0)
		s.mark("pulse 1") // 6
		s.writeSync(ino, sectors('c', 1), 0)
		s.mark("other") // 9
		s.writeSync(ino, sectors('d', 1), 0)
		s.mark("pulse 2") // 12
	})
	pulse := func(s string) bool { return s != "other" }
	want := []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	if got := CutPoints(l, pulse); !slices.Equal(got, want) {
		t.Errorf("cuts %v, want %v", got, want)
	}
	if got := CutPoints(l, func(s string) bool { return s == "pulse 1" }); !slices.Equal(got, want[:7]) {
		t.Errorf("cuts %v, want %v", got, want[:7])
	}
	per := map[int]int{}
	for im := range l.ImagesAt(rand.New(rand.NewPCG(1, 1)), want, 3) {
		per[im.At]++
	}
	for _, at := range want {
		if per[at] != 3 {
			t.Errorf("%d images of cut %d, want 3", per[at], at)
		}
	}
}

func TestEachTurnsPanicsIntoFailures(t *testing.T) {
	l := chance(rand.New(rand.NewPCG(1, 1)))
	n, failures := sweep(scratch(t), l.Images(rand.New(rand.NewPCG(3, 3)), 50), func(_ string, im Image) error {
		if im.At > l.Len()/2 {
			panic("damaged")
		}
		return nil
	}, 1)
	if n == 0 || len(failures) != 1 || failures[0].im.At <= l.Len()/2 {
		t.Errorf("looked at %d images, %d failures", n, len(failures))
	}
}

func BenchmarkWriteTo(b *testing.B) {
	l := hand(func(s script) {
		for i := range 4 {
			ino := s.made(fmt.Sprint(i), 'a', 1000)
			s.write(ino, sectors('b', 100), 0)
		}
		s.mark("")
	})
	dir := scratch(b)
	for im := range l.ImagesAt(rand.New(rand.NewPCG(1, 1)), []int{l.Len()}, b.N) {
		if err := im.check(dir, func(string, Image) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
