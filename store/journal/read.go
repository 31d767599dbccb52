package journal

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// MaxEvents bounds one call of Events.
const MaxEvents = 1 << 16

// Events returns copies of at most limit stored lines from the first one with
// a seq of at least from.
func (j *Journal) Events(from uint64, limit int) ([][]byte, error) {
	var out [][]byte
	limit = min(limit, MaxEvents)
	if limit <= 0 {
		return nil, nil
	}
	err := j.lines(from, false, func(line []byte) bool {
		out = append(out, bytes.Clone(line))
		return len(out) < limit
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Lines calls fn with the stored lines from the first one on whose seq is at
// least from, until fn says no. A line is fn's only while it runs, and fn must not
// call the journal. It is for what leaves the bank by the thousands: the second
// checksum, which took as long as all the rest, is left to Open, Verify and Events.
func (j *Journal) Lines(from uint64, fn func(line []byte) bool) error { return j.lines(from, true, fn) }

func (j *Journal) lines(from uint64, light bool, fn func(line []byte) bool) error {
	j.files.RLock()
	defer j.files.RUnlock()
	more := true
	for _, v := range j.views(func(s *segment) bool { return s.events > 0 && s.next > from }) {
		err := v.read(v.from(from), light, func(r *Record) bool {
			for _, l := range r.Lines {
				if more && l.Seq >= from {
					more = fn(l.JSON)
				}
			}
			return more
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// Replay calls fn with every record kept whose index is above after, in order.
// The record's bytes are fn's only while it runs.
func (j *Journal) Replay(after uint64, fn func(Record) error) error {
	j.files.RLock()
	defer j.files.RUnlock()
	var failed error
	for _, v := range j.views(func(s *segment) bool { return s.last > after }) {
		err := v.each(0, func(r *Record) bool {
			if r.Index > after {
				failed = fn(*r)
			}
			return failed == nil
		})
		if err != nil {
			return err
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// view is a segment as it was at one moment; its file may grow meanwhile.
type view struct {
	segment
}

func (j *Journal) views(want func(*segment) bool) []view {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []view
	for _, s := range j.segs {
		if want(s) {
			out = append(out, view{*s})
		}
	}
	return out
}

// readAhead is what is read of a segment at one time. Frames are small: reading
// them one by one cost a drain of the journal more than the rest of its way.
const readAhead = 16 << 10

// each reads the records from off on until fn says no. Their bytes are fn's only
// while it runs.
func (v *view) each(off int64, fn func(*Record) bool) error { return v.read(off, false, fn) }

// read is each. Where light, the second checksum is left out, and a record's Lines
// are fn's only while it runs, too.
func (v *view) read(off int64, light bool, fn func(*Record) bool) error {
	f, err := os.Open(v.path)
	if err != nil {
		return fmt.Errorf("cannot open journal segment %q: %w", v.path, err)
	}
	defer func() { _ = f.Close() }() // was only read
	w := window{f: f, end: v.end, parse: parseFrame}
	if light {
		w.parse = scanFrame
	}
	var r Record
	for off < v.end {
		fr, size, err := w.frame(off)
		if err != nil {
			return fmt.Errorf("cannot read journal segment %q at %d: %w", v.path, off, err)
		}
		off += int64(size)
		if fr.kind != kindCommit {
			continue
		}
		if !light {
			r = Record{}
		}
		if err := r.parse(fr.index, fr.payload); err != nil {
			return fmt.Errorf("cannot read journal segment %q: %w: %w", v.path, err, ErrDamaged)
		}
		if !fn(&r) {
			return nil
		}
	}
	return nil
}

// window reads a file ahead. A frame's payload lies in it until the next one is
// read.
type window struct {
	f     *os.File
	end   int64
	parse func([]byte) (frame, int, bool)
	at    int64  // of buf in the file
	buf   []byte // what was read
	slow  []byte // for what does not fit, or is damaged
}

func (w *window) frame(off int64) (frame, int, error) {
	if off < w.at+int64(len(w.buf)) {
		if fr, size, ok := w.parse(w.buf[off-w.at:]); ok {
			return fr, size, nil
		}
	}
	if n := min(readAhead, w.end-off); int64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	} else {
		w.buf = w.buf[:n]
	}
	w.at = off
	if _, err := w.f.ReadAt(w.buf, off); err != nil && err != io.EOF {
		return frame{}, 0, err
	}
	if fr, size, ok := w.parse(w.buf); ok {
		return fr, size, nil
	}
	fr, size, b, err := readFrame(w.f, w.slow, off, w.end)
	w.slow = b
	return fr, size, err
}

// readFrame reads the frame at off through buf, which grows to what it needs.
// A flipped bit is mended in memory; Open mends it on disk.
func readFrame(f *os.File, buf []byte, off, end int64) (frame, int, []byte, error) {
	for want := int64(4 << 10); ; want *= 8 {
		n := min(want, end-off)
		if int64(cap(buf)) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := f.ReadAt(buf, off); err != nil && err != io.EOF {
			return frame{}, 0, buf, err
		}
		if fr, size, ok := parseFrame(buf); ok {
			return fr, size, buf, nil
		}
		if n < end-off && n < frameHead+MaxPayload {
			continue
		}
		if _, size, ok := repairFrame(buf); ok {
			fr, _, _ := parseFrame(buf)
			return fr, size, buf, nil
		}
		return frame{}, 0, buf, ErrDamaged
	}
}

// Last returns the last record, and false if there is none. Its bytes are the
// caller's.
func (j *Journal) Last() (Record, bool, error) {
	j.files.RLock()
	defer j.files.RUnlock()
	vs := j.views(func(s *segment) bool { return s.last >= s.first })
	for len(vs) > 0 {
		v := vs[len(vs)-1]
		var out Record
		err := v.each(v.from(v.next), func(r *Record) bool {
			out = *r
			return true
		})
		if err != nil || out.Index != 0 {
			return cloneRecord(out), out.Index != 0, err
		}
		vs = vs[:len(vs)-1]
	}
	return Record{}, false, nil
}

func cloneRecord(r Record) Record {
	r.State = append([]byte(nil), r.State...)
	lines := make([]Line, len(r.Lines))
	for i, l := range r.Lines {
		lines[i] = Line{Seq: l.Seq, JSON: append([]byte(nil), l.JSON...)}
	}
	r.Lines = lines
	return r
}
