package journal

import (
	"fmt"
	"os"
)

// records reads all records of a segment from off on.
func (w *opener) records(s *segment, b []byte, off int64, behind []*segment) error {
	for off+frameHead <= int64(len(b)) && !allZero(b[off:off+frameHead]) {
		f, size, ok := parseFrame(b[off:])
		mended := false
		if !ok {
			f, size, ok = w.mend(s.path, b, off)
			mended = ok
		}
		if !ok {
			return w.tail(s.path, b, off, s.last, s.head.Level != levelAll, behind)
		}
		if err := s.take(f, off, off+int64(size), mended); err != nil {
			return err
		}
		off += int64(size)
	}
	if !allZero(b[off:]) {
		return w.tail(s.path, b, off, s.last, s.head.Level != levelAll, behind)
	}
	return nil
}

// take checks a record against what stands before it and accounts for it.
func (s *segment) take(f frame, off, end int64, mended bool) error {
	if f.kind != kindCommit || f.index <= s.last || s.head.Level == levelAll && f.index != s.last+1 {
		return fmt.Errorf("cannot use journal segment %q: record %d stands where %d belongs: %w", s.path, f.index, s.last+1, ErrDamaged)
	}
	r, err := parsePayload(f.index, f.payload)
	if err == nil && mended {
		err = checkLines(s.hash, r.Lines)
	}
	if err == nil {
		err = s.note(&r, off, end)
	}
	if err != nil {
		return fmt.Errorf("cannot use record %d of journal segment %q: %w: %w", f.index, s.path, err, ErrDamaged)
	}
	return nil
}

func checkLines(prev Hash, lines []Line) (err error) {
	for _, l := range lines {
		if prev, err = checkLine(prev, l.JSON); err != nil {
			return err
		}
	}
	return nil
}

// mend repairs a single flipped bit of the frame at off, in b and on disk.
func (w *opener) mend(path string, b []byte, off int64) (frame, int, bool) {
	at, size, ok := repairFrame(b[off:])
	if !ok {
		return frame{}, 0, false
	}
	at64 := off + int64(at)
	if err := writeBack(path, b[at64:at64+1], at64); err != nil {
		return frame{}, 0, false
	}
	f, _, ok := parseFrame(b[off:])
	w.found.Repaired = append(w.found.Repaired, Repair{Segment: path, Offset: at64, Index: f.index})
	return f, size, ok
}

// tail decides what the bytes from off on are that are no frame: damage, if
// anything durable stands behind them, or else a torn append, which is wiped so
// that nothing of it can ever be taken for a record.
func (w *opener) tail(path string, b []byte, off int64, last uint64, whole bool, behind []*segment) error {
	if at, ok := frameBehind(b, off, last); ok {
		return fmt.Errorf("cannot read journal segment %q at %d, and a sound record stands at %d: %w", path, off, at, ErrDamaged)
	}
	first, ok, err := firstBehind(behind)
	switch {
	case err != nil:
		return err
	case whole || ok && first != last+1:
		return fmt.Errorf("cannot read journal segment %q from %d on, behind record %d: %w", path, off, last, ErrDamaged)
	}
	if err := wipe(path, off, int64(len(b))); err != nil {
		return err
	}
	w.found.TornBytes += int64(len(b)) - off
	return nil
}

// frameBehind looks for a sound frame of a later record behind off.
func frameBehind(b []byte, off int64, last uint64) (int64, bool) {
	for at := off + frameAlign; at+frameHead <= int64(len(b)); at += frameAlign {
		if f, _, ok := parseFrame(b[at:]); ok && f.index > last {
			return at, true
		}
	}
	return 0, false
}

// firstBehind returns the index of the first record that the following
// segments claim to hold.
func firstBehind(behind []*segment) (uint64, bool, error) {
	for _, s := range behind {
		b, err := readSegment(s.path)
		if err != nil {
			return 0, false, err
		}
		if f, _, ok := parseFrame(b); ok {
			return f.index, true, nil
		}
		if _, _, ok := repairFrame(b); ok {
			f, _, _ := parseFrame(b)
			return f.index, true, nil
		}
		if at, ok := frameBehind(b, 0, 0); ok {
			f, _, _ := parseFrame(b[at:])
			return f.index, true, nil
		}
	}
	return 0, false, nil
}

func writeBack(path string, b []byte, off int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("cannot open journal segment %q: %w", path, err)
	}
	_, err = f.WriteAt(b, off)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("cannot write journal segment %q: %w", path, err)
	}
	return nil
}

func wipe(path string, from, to int64) error {
	return writeBack(path, make([]byte, to-from), from)
}
