package storetest

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sectors returns n sectors filled with one letter.
func sectors(letter byte, n int) []byte { return bytes.Repeat([]byte{letter}, n*sectorSize) }

// disk lists the files below dir: path and content, runs of a byte shortened to
// the byte and its count.
func disk(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		if d.IsDir() {
			all = append(all, name+"/")
			return nil
		}
		all = append(all, name+"="+runs(readFile(t, path)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func runs(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		n := 1
		for n < len(b) && b[n] == b[0] {
			n++
		}
		c := string(rune(b[0]))
		if b[0] == 0 {
			c = "_"
		}
		fmt.Fprintf(&s, "%s%d", c, n)
		b = b[n:]
	}
	return s.String()
}

// all returns every different disk that many images of one cut hold.
func all(t *testing.T, l *Log, at int) []string {
	t.Helper()
	seen, parent := map[string]bool{}, scratch(t)
	rng := rand.New(rand.NewPCG(5, 6))
	for im := range l.ImagesAt(rng, []int{at}, 400) {
		if im.crash.garbage {
			continue // TestGarbage
		}
		if err := im.check(parent, func(dir string, _ Image) error {
			seen[disk(t, dir)] = true
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// script is a tape in the hand of a test. What cannot be done is not recorded,
// and that is all that happens.
type script struct{ *tape }

func (s script) create(dir uint64, name string) uint64 {
	ino, _ := s.make(opCreate, dir, name, 0o600)
	return ino
}

func (s script) mkdir(name string) uint64 {
	ino, _ := s.make(opMkdir, rootIno, name, 0o700)
	return ino
}

func (s script) write(ino uint64, b []byte, off int64)    { _ = s.tape.write(ino, b, off, false) }
func (s script) truncate(ino uint64, n uint64)            { _ = s.tape.truncate(ino, n) }
func (s script) allocate(ino, off, n uint64, mode uint32) { _ = s.tape.allocate(ino, off, n, mode) }

func (s script) unlink(dir uint64, name string) { _ = s.remove(opUnlink, dir, name) }

func (s script) rename(d uint64, n string, d2 uint64, n2 string) { _ = s.tape.rename(d, n, d2, n2, 0) }

func (s script) writeSync(ino uint64, b []byte, off int64) {
	s.write(ino, b, off)
	s.sync(ino)
}

// made makes a file in the root; its name and its sectors are durable.
func (s script) made(name string, letter byte, n int) uint64 {
	ino := s.create(rootIno, name)
	s.sync(rootIno)
	if n > 0 {
		s.writeSync(ino, sectors(letter, n), 0)
	}
	return ino
}

// hand makes a log by hand.
func hand(do func(s script)) *Log {
	s := script{newTape()}
	do(s)
	return &Log{ops: s.ops}
}

func TestImagesOfHandMadeLogs(t *testing.T) {
	tests := []struct {
		name string
		do   func(s script)
		want []string // every disk that may be found after all of it
	}{
		{"synced write stays", func(s script) { s.made("f", 'a', 2) }, []string{"f=a1024"}},
		{"unsynced overwrite: any sectors", func(s script) {
			ino := s.made("f", 'a', 2)
			s.write(ino, sectors('b', 2), 0)
			s.mark("no torn write")
		}, []string{"f=a1024", "f=a512b512", "f=b1024", "f=b512a512"}},
		{"unsynced append: any size, any sectors", func(s script) {
			ino := s.made("f", 'a', 1)
			s.write(ino, sectors('b', 1), 512)
			s.mark("")
		}, []string{"f=a512", "f=a512_512", "f=a512b512"}},
		{"two versions of a sector", func(s script) {
			ino := s.made("f", 'a', 1)
			s.write(ino, sectors('b', 1), 0)
			s.write(ino, sectors('c', 1), 0)
			s.mark("")
		}, []string{"f=a512", "f=b512", "f=c512"}},
		{"a sync of another file does not help", func(s script) {
			ino, other := s.made("f", 'a', 1), s.made("g", 'a', 1)
			s.write(ino, sectors('b', 1), 0)
			s.writeSync(other, sectors('b', 1), 0)
		}, []string{"f=a512 g=b512", "f=b512 g=b512"}},
		{"a later write to another file may be the first", func(s script) {
			ino, other := s.made("f", 'a', 1), s.made("g", 'a', 1)
			s.write(ino, sectors('b', 1), 0)
			s.write(other, sectors('b', 1), 0)
			s.mark("")
		}, []string{"f=a512 g=a512", "f=a512 g=b512", "f=b512 g=a512", "f=b512 g=b512"}},
		{"a file sync does not keep its name", func(s script) {
			ino := s.create(rootIno, "f")
			s.writeSync(ino, sectors('a', 1), 0)
		}, []string{"", "f=a512"}},
		{"names of one directory in their order", func(s script) {
			s.create(rootIno, "f")
			s.create(rootIno, "g")
		}, []string{"", "f=", "f= g="}},
		{"names of two directories in any order", func(s script) {
			a := s.mkdir("a")
			b := s.mkdir("b")
			s.sync(rootIno)
			s.create(a, "f")
			s.create(b, "g")
		}, []string{"a/ a/f= b/", "a/ a/f= b/ b/g=", "a/ b/", "a/ b/ b/g="}},
		{"rename before data", func(s script) {
			s.made("f", 'a', 1)
			ino := s.made("tmp", 0, 0)
			s.write(ino, sectors('b', 1), 0)
			s.rename(rootIno, "tmp", rootIno, "f")
		}, []string{"f=", "f=_512", "f=a512 tmp=", "f=a512 tmp=_512", "f=a512 tmp=b512", "f=b512"}},
		{"rename after data", func(s script) {
			s.made("f", 'a', 1)
			s.made("tmp", 'b', 1)
			s.rename(rootIno, "tmp", rootIno, "f")
		}, []string{"f=a512 tmp=b512", "f=b512"}},
		{"rename between directories is whole", func(s script) {
			a := s.mkdir("a")
			s.made("f", 'a', 1)
			s.rename(rootIno, "f", a, "f")
		}, []string{"a/ a/f=a512", "a/ f=a512"}},
		{"a directory sync takes the other half of a rename along", func(s script) {
			a := s.mkdir("a")
			s.made("f", 'a', 1)
			s.create(rootIno, "g")
			s.rename(rootIno, "f", a, "f")
			s.create(rootIno, "h")
			s.sync(a)
		}, []string{"a/ a/f=a512 g=", "a/ a/f=a512 g= h="}},
		{"unlink", func(s script) {
			s.made("f", 'a', 1)
			s.unlink(rootIno, "f")
		}, []string{"", "f=a512"}},
		{"synced unlink", func(s script) {
			s.made("f", 'a', 1)
			s.unlink(rootIno, "f")
			s.sync(rootIno)
		}, []string{""}},
		{"rmdir", func(s script) {
			s.mkdir("a")
			s.sync(rootIno)
			_ = s.remove(opRmdir, rootIno, "a")
		}, []string{"", "a/"}},
		{"unsynced truncate", func(s script) {
			s.truncate(s.made("f", 'a', 2), 512)
		}, []string{"f=a1024", "f=a512"}},
		{"nothing written after a lost truncate lands in the old blocks", func(s script) {
			ino := s.made("f", 'a', 1)
			s.truncate(ino, 0)
			s.write(ino, sectors('b', 1), 0)
		}, []string{"f=", "f=_512", "f=a512", "f=b512"}},
		{"a synced fallocate is the size, not the data", func(s script) {
			ino := s.made("f", 0, 0)
			s.allocate(ino, 0, 1024, 0)
			s.sync(ino)
			s.write(ino, sectors('a', 1), 512)
			s.mark("")
		}, []string{"f=_1024", "f=_512a512"}},
		{"unsynced hole", func(s script) {
			s.allocate(s.made("f", 'a', 2), 512, 512, allocPunch|allocKeepSize)
		}, []string{"f=a1024", "f=a512_512"}},
		{"keep size", func(s script) {
			s.allocate(s.made("f", 'a', 1), 0, 4096, allocKeepSize)
		}, []string{"f=a512"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := hand(tt.do)
			got := all(t, l, l.Len())
			if strings.HasSuffix(tt.name, "old blocks") { // its last write is torn anywhere
				got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "f=b") && s != "f=b512" })
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("disks found:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestTornWrite(t *testing.T) {
	l := hand(func(s script) {
		ino := s.made("f", 'a', 3)
		s.write(ino, sectors('b', 2), 256)
	})
	bySector, byByte, inside := 0, 0, 0
	for _, d := range all(t, l, l.Len()) {
		var before, torn, after int
		if n, _ := fmt.Sscanf(d, "f=a%db%da%d", &before, &torn, &after); n != 3 ||
			d != fmt.Sprintf("f=a%db%da%d", before, torn, after) {
			continue
		}
		if before+torn+after != 1536 {
			t.Errorf("a torn write changed the size: %s", d)
		}
		switch {
		case before != 256:
			inside++
		case (before+torn)%sectorSize == 0:
			bySector++
		default:
			byByte++
		}
	}
	if bySector != 2 || byByte < 20 || inside == 0 {
		t.Errorf("torn at %d sector ends and %d other bytes, %d reordered; want 2, many, some", bySector, byByte, inside)
	}
}

func TestGarbage(t *testing.T) {
	l := hand(func(s script) {
		ino := s.made("f", 'a', 1)
		s.write(ino, sectors('b', 2), 0)
	})
	found := false
	for im := range l.ImagesAt(rand.New(rand.NewPCG(5, 6)), []int{l.Len()}, 400) {
		c := im.crash.fileAfter(l.ops, 2, im.state.files[2], -1)
		b := c.bytes()
		if !im.crash.garbage || len(b) < 2*sectorSize {
			continue
		}
		found = true
		if !bytes.Equal(b[:sectorSize], sectors('a', 1)) {
			t.Fatalf("garbage where data was durable: %s", im.Desc)
		}
		if rest := b[sectorSize:]; allZero(rest) || bytes.Equal(rest, sectors('b', 1)) {
			t.Fatalf("no garbage in lost space: %s", im.Desc)
		}
	}
	if !found {
		t.Error("no image with garbage")
	}
}
