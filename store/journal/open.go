package journal

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"lockerd/store/durable"
)

// Found is what Open met and did.
type Found struct {
	TornBytes int64    // of an append that never returned, cut off
	Repaired  []Repair // single flipped bits, mended on disk
}

// Repair is one mended bit.
type Repair struct {
	Segment string // file
	Offset  int64  // of the byte
	Index   uint64 // of the record; of a segment's head, the first behind it
}

// opener walks the segments in order.
type opener struct {
	dir   string
	o     Options
	found Found
	segs  []*segment // those in use, so far
	spare *segment   // first one without a head
}

// Open reads the whole journal in dir, checks every record's checksums and
// order, mends single bits and cuts a torn tail off. Its error wraps ErrDamaged
// if more than that is wrong.
func Open(dir string, o Options) (*Journal, Found, error) {
	w := &opener{dir: dir, o: o.withDefaults()}
	files, err := listSegments(dir)
	if err != nil {
		return nil, Found{}, err
	}
	for i, s := range files {
		if err := w.segment(s, files[i+1:]); err != nil {
			return nil, w.found, err
		}
	}
	if len(w.segs) == 0 {
		return nil, w.found, fmt.Errorf("cannot find a journal in %q: %w", dir, ErrDamaged)
	}
	j := &Journal{dir: dir, id: w.segs[0].head.ID, why: w.segs[0].head.Why, o: w.o, segs: w.segs, spares: make(chan spare, 1)}
	if err := j.openActive(w.spare); err != nil {
		return nil, w.found, err
	}
	return j, w.found, nil
}

// openActive opens the last segment for appending and sees to a spare one.
func (j *Journal) openActive(have *segment) error {
	s := j.last()
	if s.head.Level != levelAll { // rewritten and cut to size: appends begin a new one
		s.end = s.size
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot open journal segment %q: %w", s.path, err)
	}
	j.active = f
	if have == nil {
		j.prepare(s.num + 1)
		return nil
	}
	f, err = os.OpenFile(have.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot open journal segment %q: %w", have.path, err)
	}
	j.spares <- spare{num: have.num, file: f}
	return nil
}

// segment reads one file. behind are the files that follow it.
func (w *opener) segment(s *segment, behind []*segment) error {
	b, err := readSegment(s.path)
	if err != nil {
		return err
	}
	if len(b) < frameHead || allZero(b[:frameHead]) && allZero(b) {
		return w.unused(s)
	}
	seg, size, err := w.head(s, b, behind)
	if err != nil {
		return err
	}
	if seg == nil {
		return w.unused(s)
	}
	if w.superseded(seg) {
		return w.remove(seg.path)
	}
	if err := w.follows(seg); err != nil {
		return err
	}
	if err := w.records(seg, b, int64(size), behind); err != nil {
		return err
	}
	seg.seal()
	w.segs = append(w.segs, seg)
	return nil
}

// readSegment reads a whole file. Sectors that can't be read are damage: to
// try again after a restart would not bring them back.
func readSegment(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, unix.EIO) {
		return nil, fmt.Errorf("cannot read journal segment %q: %w: %w", path, err, ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read journal segment %q: %w", path, err)
	}
	return b, nil
}

// unused keeps the first file of zeros as the spare and removes the others.
func (w *opener) unused(s *segment) error {
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("cannot read journal segment %q: %w", s.path, err)
	}
	if w.spare != nil || info.Size() < w.o.SegmentBytes {
		return w.remove(s.path)
	}
	s.size = info.Size()
	w.spare = s
	return nil
}

func (w *opener) remove(path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("cannot remove journal segment %q: %w", path, err)
	}
	return durable.SyncDir(w.dir)
}

// head reads the first frame. It returns no segment for a file whose first
// write was torn: that file is zeros again.
func (w *opener) head(s *segment, b []byte, behind []*segment) (*segment, int, error) {
	f, size, ok := parseFrame(b)
	if !ok {
		if f, size, ok = w.mend(s.path, b, 0); !ok {
			return nil, 0, w.tail(s.path, b, 0, w.lastIndex(), len(w.segs) == 0, behind)
		}
	}
	if f.kind != kindHead {
		return nil, 0, fmt.Errorf("cannot use journal segment %q: it does not begin with a head: %w", s.path, ErrDamaged)
	}
	h, err := parseHead(f.payload)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot use journal segment %q: %w: %w", s.path, err, ErrDamaged)
	}
	if w.spare != nil {
		return nil, 0, fmt.Errorf("cannot use journal segment %q: the one before it is empty: %w", s.path, ErrDamaged)
	}
	return newSegment(s.num, s.path, int64(len(b)), int64(size), f.index, h), size, nil
}

func (w *opener) lastIndex() uint64 {
	if len(w.segs) == 0 {
		return 0
	}
	return w.segs[len(w.segs)-1].last
}

// superseded tells whether a crash left s behind after it had been merged into
// the segment before it.
func (w *opener) superseded(s *segment) bool {
	if len(w.segs) == 0 {
		return false
	}
	p := w.segs[len(w.segs)-1]
	return p.head.Level > levelAll && p.head.ID == s.head.ID && s.first <= p.last
}

// follows checks that s continues the segment in front of it.
func (w *opener) follows(s *segment) error {
	if len(w.segs) == 0 {
		return nil
	}
	p := w.segs[len(w.segs)-1]
	switch {
	case s.head.ID != p.head.ID:
		return fmt.Errorf("cannot use journal segment %q: it belongs to journal %q, not %q: %w", s.path, s.head.ID, p.head.ID, ErrDamaged)
	case s.first != p.last+1:
		return fmt.Errorf("cannot use journal segment %q: records %d to %d are missing in front of it: %w", s.path, p.last+1, s.first-1, ErrDamaged)
	case s.head.Seq != p.next || Hash(s.head.Prev) != p.hash:
		return fmt.Errorf("cannot use journal segment %q: its head does not continue event %d: %w", s.path, p.next-1, ErrDamaged)
	}
	return nil
}
