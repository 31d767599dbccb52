package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"lockerd/daemon/locker"
)

const (
	segSuffix  = ".seg"
	tmpSuffix  = ".tmp"
	indexEvery = 16 << 10 // bytes of a segment between two remembered places
)

// Levels of rewriting, in the order in which a segment passes them.
const (
	levelAll   = 0 // as appended
	levelState = 1 // without state parts that a checkpoint covers
	levelKept  = 2 // and without events that may go
	levelGap   = 3 // without any event
)

// segment is what is known of one segment file without reading it.
type segment struct {
	num  uint64
	path string
	size int64 // of the file
	end  int64 // where the next frame goes
	head head

	first, last uint64 // record indices; last < first: none
	firstSeq    uint64 // of the first line kept; 0: none
	next        uint64 // seq after the last event
	hash        Hash   // link after the last event
	events      int
	bytes       int64 // of event lines
	state       int64 // of state parts
	lastAt      locker.Time
	places      []place
}

// place is where a record begins whose first event is seq.
type place struct {
	seq uint64
	off int64
}

func segPath(dir string, num uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016d%s", num, segSuffix))
}

// newSegment begins the account of a segment whose head stands at its beginning.
func newSegment(num uint64, path string, size, end int64, index uint64, h head) *segment {
	s := &segment{num: num, path: path, size: size, end: end, head: h, first: index, last: index - 1, next: h.Seq}
	copy(s.hash[:], h.Prev)
	return s
}

// note takes a record that was read and ends at end into the account.
func (s *segment) note(r *Record, off, end int64) error {
	s.count(r, off, end)
	n := len(r.Lines)
	if n == 0 {
		return nil
	}
	_, h, err := splitLine(r.Lines[n-1].JSON)
	if err != nil {
		return err
	}
	s.hash, s.lastAt = h, lineTime(r.Lines[n-1].JSON)
	return nil
}

// count is note without what stands in the lines: hash and time of the last.
func (s *segment) count(r *Record, off, end int64) {
	s.last, s.end = r.Index, end
	s.state += int64(len(r.State))
	for i, l := range r.Lines {
		if s.firstSeq == 0 {
			s.firstSeq = l.Seq
		}
		if i == 0 && (len(s.places) == 0 || off-s.places[len(s.places)-1].off >= indexEvery) {
			s.places = append(s.places, place{l.Seq, off})
		}
		s.events++
		s.bytes += int64(len(l.JSON))
		s.next = l.Seq + 1
	}
}

// seal settles what the head of a rewritten segment knows better than its
// records: they may have been dropped at its end.
func (s *segment) seal() {
	if s.head.Level == levelAll {
		return
	}
	s.last, s.next = s.head.LastIndex, s.head.LastSeq+1
	copy(s.hash[:], s.head.LastHash)
}

// from returns an offset at or before the first record with an event >= seq.
func (s *segment) from(seq uint64) int64 {
	i := sort.Search(len(s.places), func(i int) bool { return s.places[i].seq > seq })
	if i == 0 {
		return 0
	}
	return s.places[i-1].off
}

// listSegments returns the segment files of dir by number and removes what was
// left half made.
func listSegments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read journal directory %q: %w", dir, err)
	}
	var segs []*segment
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasSuffix(e.Name(), tmpSuffix) {
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("cannot remove the unfinished file %q: %w", path, err)
			}
			continue
		}
		num, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), segSuffix), 10, 64)
		if err != nil || !strings.HasSuffix(e.Name(), segSuffix) {
			continue
		}
		segs = append(segs, &segment{num: num, path: path})
	}
	sort.Slice(segs, func(i, j int) bool { return segs[i].num < segs[j].num })
	return segs, nil
}
