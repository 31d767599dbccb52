package storetest

import (
	"fmt"
	"math"
	"slices"
)

// fate is what becomes of one sort of things that were not durable.
type fate uint8

const (
	lost fate = iota
	survived
	mixed
)

func (f fate) String() string {
	return [...]string{"lost", "survived", "mixed"}[f]
}

// crash is one way in which the power goes. What it leaves to chance follows
// from its seed alone, so that an image is the same however often it is written.
type crash struct {
	names, sizes, data fate

	garbage bool   // new space whose data was lost holds garbage, not zeros
	tears   bool   // the last operation is a write of which only a part arrived:
	torn    int64  // this many bytes
	full    bool   // with a size as if all of it had arrived
	seed    uint64 // for everything that is mixed
}

// String describes the crash in words for a test's message.
func (c crash) String() string {
	s := fmt.Sprintf("unsynced names %s, sizes %s, data %s", c.names, c.sizes, c.data)
	if c.tears {
		s += fmt.Sprintf(", last write torn after %d bytes (size full: %t)", c.torn, c.full)
	}
	if c.garbage {
		s += ", garbage in lost new space"
	}
	return s + fmt.Sprintf(", seed %#x", c.seed)
}

// roll draws a number that depends only on the seed and what it is for.
func (c crash) roll(what ...uint64) uint64 {
	h := c.seed
	for _, w := range what { // splitmix64, the finaliser of Steele, Lea and Flood (2014)
		h += 0x9e3779b97f4a7c15 ^ w*0xd1342543de82ef95
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// Domains of roll, so that draws for different things are independent.
const (
	rollNames uint64 = iota + 1
	rollSizes
	rollMood
	rollSector
	rollGarbage
)

// count returns how many of n ordered things survive.
func (c crash) count(f fate, n int, what ...uint64) int {
	switch f {
	case lost:
		return 0
	case survived:
		return n
	case mixed:
		return int(c.roll(what...) % uint64(n+1))
	}
	panic("storetest: fate " + f.String())
}

// sectorVersion returns how many of the n pending operations of a file the
// given sector has seen. Files have moods, so that many images hold one file
// nearly whole and another nearly lost.
func (c crash) sectorVersion(ino uint64, sector int64, n int) int {
	if c.data != mixed {
		return c.count(c.data, n)
	}
	r := c.roll(rollSector, ino, uint64(sector))
	switch c.roll(rollMood, ino) % 5 {
	case 0: // rarely written
		return n * b2i(r%10 == 0)
	case 1: // rarely lost
		return n * b2i(r%10 != 0)
	case 2:
		return n * b2i(r%2 == 0)
	case 3: // written up to one moment, the same for all sectors
		return int(c.roll(rollMood, ino, 1) % uint64(n+1))
	}
	return int(r % uint64(n+1))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// namesAfter returns the names that survive.
func (c crash) namesAfter(ops []op, s state) tables {
	t := newTables(s.dirs)
	total := map[uint64]int{}
	for _, i := range s.names {
		for _, d := range ops[i].dirs() {
			total[d]++
		}
	}
	left := map[uint64]int{}
	for d, n := range total {
		left[d] = c.count(c.names, n, rollNames, d)
	}
	for _, i := range s.names {
		dirs := ops[i].dirs()
		if slices.ContainsFunc(dirs, func(d uint64) bool { return left[d] == 0 }) {
			// and nothing later in any of them
			for _, d := range dirs {
				left[d] = 0
			}
			continue
		}
		for _, d := range dirs {
			left[d]--
		}
		ops[i].rename(t.of)
	}
	return t
}

// fileAfter returns the bytes of a file that survive. last is the operation
// that a torn write is.
func (c crash) fileAfter(ops []op, ino uint64, f file, last int) content {
	n := len(f.pending)
	torn := c.tears && n > 0 && f.pending[n-1] == last
	switch {
	case n == 0 || c.sizes == lost && c.data == lost && !torn:
		return f.kept
	case c.sizes == survived && c.data == survived && !torn:
		return f.live
	}
	r := replay{crash: c, ino: ino, n: n, kept: f.kept.size, out: f.kept.clone(), limit: math.MaxInt64}
	sizes := c.count(c.sizes, n, rollSizes, ino)
	for j, i := range f.pending {
		if torn && i == last {
			r.tear(&ops[i])
			break
		}
		r.step(&ops[i], j, j < sizes)
	}
	return r.out
}

// replay builds a file from its durable content and what has survived.
type replay struct {
	crash
	ino   uint64
	n     int   // pending operations
	kept  int64 // durable size
	out   content
	limit int64 // nothing lands behind the smallest cut that was lost: those blocks were not the file's any more
}

// step replays pending operation j; sized tells whether its change of the size
// has survived.
func (r *replay) step(o *op, j int, sized bool) {
	switch {
	case sized && o.grows():
		r.out.resize(max(r.out.size, o.end()))
	case sized && o.Kind == opTruncate:
		r.out.resize(o.Off)
	case !sized && o.Kind == opTruncate:
		r.limit = min(r.limit, o.Off)
	}
	if o.Kind != opWrite && !o.zeroes() {
		return
	}
	end := min(o.end(), r.out.size, r.limit)
	for off := o.Off; off < end; {
		wrote := r.has(off, j)
		to := nextSector(off)
		for to < end && r.has(to, j) == wrote {
			to = nextSector(to)
		}
		to = min(to, end)
		r.put(o, off, to, wrote)
		off = to
	}
}

func (r *replay) has(off int64, j int) bool {
	return j < r.sectorVersion(r.ino, off/sectorSize, r.n)
}

func nextSector(off int64) int64 { return (off/sectorSize + 1) * sectorSize }

// put settles what stands between two offsets that o covers.
func (r *replay) put(o *op, off, to int64, wrote bool) {
	switch {
	case wrote && o.Kind == opWrite:
		r.out.write(off, o.Data[off-o.Off:to-o.Off])
	case wrote:
		r.out.zero(off, to-off)
	case r.garbage && to > r.kept:
		off = max(off, r.kept)
		r.out.write(off, r.noise(off, to-off))
	}
}

// tear puts the beginning of the last write.
func (r *replay) tear(o *op) {
	end := min(o.Off+r.torn, r.limit)
	if r.full && r.limit == math.MaxInt64 {
		r.out.resize(max(r.out.size, o.end()))
	}
	if end > o.Off {
		r.out.write(o.Off, o.Data[:end-o.Off])
	}
}

// noise returns bytes that nobody wrote.
func (r *replay) noise(off, n int64) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.roll(rollGarbage, r.ino, uint64(off)+uint64(i)))
	}
	return b
}
