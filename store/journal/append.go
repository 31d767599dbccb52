package journal

import (
	"fmt"
	"os"

	"lockerd/daemon/locker"
	"lockerd/store/durable"
)

// Append makes one commit durable: it gives the events their seq and hash,
// writes them with the state part, and syncs once. index is the record's, first
// the seq of its first event (of the next event, if it has none). Any error is
// final: the journal takes nothing more.
func (j *Journal) Append(events []locker.Event, state []byte) (index, first uint64, err error) {
	j.appending.Lock()
	defer j.appending.Unlock()
	if j.failed != nil {
		return 0, 0, fmt.Errorf("cannot append to the journal, an earlier append has failed: %w", j.failed)
	}
	index, first, err = j.append(events, state)
	if err != nil {
		j.failed = err
	}
	return index, first, err
}

func (j *Journal) append(events []locker.Event, state []byte) (index, first uint64, err error) {
	j.mu.Lock()
	s := j.last()
	index, first = s.last+1, s.next
	prev, off := s.hash, s.end
	j.mu.Unlock()

	r := Record{Index: index, State: state}
	f, last, err := r.encode(prev, first, events)
	if err != nil {
		return 0, 0, err
	}
	j.buf = j.buf[:0]
	if off+int64(frameSize(len(f.payload))) > s.size {
		if s, err = j.roll(s); err != nil {
			return 0, 0, err
		}
		off = 0
		hf, err := s.head.frame(index)
		if err != nil {
			return 0, 0, err
		}
		j.buf = appendFrame(j.buf, hf)
	}
	at := int64(len(j.buf))
	j.buf = appendFrame(j.buf, f)
	end := off + int64(len(j.buf))
	if err := j.write(j.buf, off); err != nil {
		return 0, 0, err
	}
	j.admit(s, &r, last, off+at, end)
	return index, first, nil
}

// Rehearse makes the frame of a commit and throws it away.
func (j *Journal) Rehearse(events []locker.Event, state []byte) {
	j.appending.Lock()
	defer j.appending.Unlock()
	j.mu.Lock()
	s := j.last()
	r := Record{Index: s.last + 1, State: state}
	prev, first := s.hash, s.next
	j.mu.Unlock()
	if f, _, err := r.encode(prev, first, events); err == nil {
		j.buf = appendFrame(j.buf[:0], f)
	}
}

// encode takes events into r, numbered and chained, and returns its frame and
// the link to the last of them.
func (r *Record) encode(prev Hash, first uint64, events []locker.Event) (f frame, last link, err error) {
	if r.Lines, last, err = encodeEvents(prev, first, events); err != nil {
		return frame{}, last, err
	}
	f = frame{index: r.Index, kind: kindCommit, payload: encodePayload(r)}
	if len(f.payload) > MaxPayload {
		return frame{}, last, fmt.Errorf("cannot append %d bytes to the journal: a commit holds at most %d; split it", len(f.payload), MaxPayload)
	}
	return f, last, nil
}

// link is what a segment remembers of its last event.
type link struct {
	hash Hash
	at   locker.Time
}

// encodeEvents numbers and chains events and returns their lines and the link
// to the last of them.
func encodeEvents(prev Hash, first uint64, events []locker.Event) ([]Line, link, error) {
	last := link{hash: prev}
	lines := make([]Line, len(events))
	for i := range events {
		events[i].Seq = first + uint64(i)
		line, h, err := encodeEvent(last.hash, &events[i])
		if err != nil {
			return nil, last, err
		}
		lines[i], last = Line{Seq: events[i].Seq, JSON: line}, link{h, events[i].At}
	}
	return lines, last, nil
}

// write is the one write and the one sync of a commit.
func (j *Journal) write(b []byte, off int64) error {
	if _, err := j.o.WriteAt(j.active, b, off); err != nil {
		return fmt.Errorf("cannot write journal segment %q: %w", j.active.Name(), err)
	}
	if err := j.o.Datasync(j.active); err != nil {
		return fmt.Errorf("cannot sync journal segment %q: %w", j.active.Name(), err)
	}
	j.syncs.Add(1)
	j.written.Add(int64(len(b)))
	if cap(j.buf) > DefaultSegmentBytes { // a rare large commit must not stay in memory
		j.buf = nil
	}
	return nil
}

// admit shows a durable record to the readers. It takes the last link as it was
// made: to read it out of the line again would stand before the pulse.
func (j *Journal) admit(s *segment, r *Record, last link, off, end int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last() != s {
		j.segs = append(j.segs, s)
	}
	s.size = max(s.size, end)
	s.count(r, off, end)
	if len(r.Lines) > 0 {
		s.hash, s.lastAt = last.hash, last.at
	}
}

// roll makes the spare segment the active one. Nothing is written: the head
// goes with the first record.
func (j *Journal) roll(s *segment) (*segment, error) {
	next := <-j.spares
	if next.err != nil { // there may be space again by now
		next = makeSpare(j.dir, s.num+1, j.o.SegmentBytes)
	}
	if next.err != nil {
		return nil, next.err
	}
	_ = j.active.Close() // every append was synced
	j.active = next.file
	j.prepare(next.num + 1)
	h := head{ID: j.id, Seq: s.next, Prev: append([]byte(nil), s.hash[:]...)}
	return newSegment(next.num, next.file.Name(), j.o.SegmentBytes, 0, s.last+1, h), nil
}

// prepare makes the next segment in the background.
func (j *Journal) prepare(num uint64) {
	j.workers.Go(func() { j.spares <- makeSpare(j.dir, num, j.o.SegmentBytes) })
}

// makeSpare makes a segment file of zeros, durable under its name.
func makeSpare(dir string, num uint64, size int64) spare {
	path := segPath(dir, num)
	f, err := os.OpenFile(path+tmpSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return spare{err: fmt.Errorf("cannot create journal segment %q: %w", path, err)}
	}
	err = writeZeros(f, size)
	if err == nil {
		err = os.Rename(path+tmpSuffix, path)
	}
	if err == nil {
		err = durable.SyncDir(dir)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(path + tmpSuffix)
		return spare{err: fmt.Errorf("cannot prepare journal segment %q: %w", path, err)}
	}
	f, err = os.OpenFile(path, os.O_RDWR, 0)
	return spare{num: num, file: f, err: err}
}
