package store

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"lockerd/daemon/locker"
)

const (
	runBuffer  = 32 << 10 // bytes read ahead of each run while merging
	runHead    = 16 + 8 + 2
	maxRecord  = 1<<16 - 1 // bytes of one code record
	prefixSize = 8         // bytes of a tag compared as one number
)

// runItem is one record on its way from a run into bbolt.
type runItem struct {
	tag   locker.Tag
	hash  uint64 // of the id
	value []byte
}

// spot is where an encoded record lies.
type spot struct {
	prefix   uint64 // of the tag: settles nearly every comparison
	off, end uint32
	hash     uint64
}

// runEncoder gathers encoded records until they are a run.
type runEncoder struct {
	items  []spot
	bytes  []byte // tag and value of each
	record []byte
	text   []byte
	ids    []idEntry
	spare  []spot // room to sort in
	spared []idEntry
}

// add encodes a code and returns its part of the digest.
func (e *runEncoder) add(c *locker.Code) (part locker.Digest) {
	e.text, part = digestPart(e.text, c)
	e.record = appendCode(e.record, c, &locker.Mark{})
	off := uint32(len(e.bytes))
	e.bytes = append(append(e.bytes, c.Tag[:]...), e.record...)
	e.items = append(e.items, spot{
		prefix: binary.BigEndian.Uint64(c.Tag[:prefixSize]),
		off:    off, end: uint32(len(e.bytes)), hash: hashID(c.ID),
	})
	return part
}

func (e *runEncoder) reset() {
	e.items, e.bytes, e.ids = e.items[:0], e.bytes[:0], e.ids[:0]
}

func (e *runEncoder) tag(s spot) []byte { return e.bytes[s.off : s.off+16] }

// writeRun sorts the records by tag and writes them.
func (e *runEncoder) writeRun(f *os.File) error {
	e.items, e.spare = spread(e.items, e.spare, func(s *spot) uint64 { return s.prefix }, func(a, b spot) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		return bytes.Compare(e.tag(a), e.tag(b))
	})
	w := bufio.NewWriterSize(f, 256<<10)
	var head [runHead]byte
	for _, it := range e.items {
		value := e.bytes[it.off+16 : it.end]
		if len(value) > maxRecord {
			return fmt.Errorf("a code of %d bytes: at most %d", len(value), maxRecord)
		}
		copy(head[:], e.tag(it))
		binary.LittleEndian.PutUint64(head[16:], it.hash)
		binary.LittleEndian.PutUint16(head[24:], uint16(len(value)))
		_, _ = w.Write(head[:]) // Flush returns the first error
		_, _ = w.Write(value)
	}
	return w.Flush()
}

func (e *runEncoder) sortedIDs() []idEntry {
	e.ids = e.ids[:0]
	for _, it := range e.items {
		e.ids = append(e.ids, idEntry{it.hash, locker.Tag(e.tag(it))})
	}
	e.ids, e.spared = spread(e.ids, e.spared, func(i *idEntry) uint64 { return i.hash }, compareIDs)
	return e.ids
}

const spreadBits = 12 // a run falls into 4096 parts of about 8

// spread sorts items whose keys are spread evenly, as hashes are: first into
// parts by the key's upper bits, then each part by itself. That takes a third of
// the time of sorting at once. It returns the sorted items and the other slice.
func spread[T any](items, room []T, key func(*T) uint64, compare func(a, b T) int) (sorted, other []T) {
	room = slices.Grow(room[:0], len(items))[:len(items)]
	var ends [1 << spreadBits]int
	for i := range items {
		ends[key(&items[i])>>(64-spreadBits)]++
	}
	sum := 0
	for i, n := range ends {
		ends[i] = sum
		sum += n
	}
	for i := range items {
		at := &ends[key(&items[i])>>(64-spreadBits)]
		room[*at] = items[i]
		*at++
	}
	begin := 0
	for _, end := range ends {
		slices.SortFunc(room[begin:end], compare)
		begin = end
	}
	return room, items
}

// merger gives the records of all runs in the order of their tags.
type merger struct {
	heap []*runReader
	last locker.Tag
	any  bool
}

// runReader reads one run.
type runReader struct {
	r      *bufio.Reader
	prefix uint64
	it     runItem
}

func newMerger(runs []*os.File) (*merger, error) {
	m := &merger{}
	for _, f := range runs {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("cannot read a staging file: %w", err)
		}
		r := &runReader{r: bufio.NewReaderSize(f, runBuffer)}
		more, err := r.next()
		if err != nil {
			return nil, err
		}
		if more {
			m.heap = append(m.heap, r)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// next reads the next record of a run; false after the last.
func (r *runReader) next() (bool, error) {
	head, err := r.r.Peek(runHead)
	if errors.Is(err, io.EOF) && len(head) == 0 {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot read a staging file: %w", err)
	}
	copy(r.it.tag[:], head)
	r.it.hash = binary.LittleEndian.Uint64(head[16:])
	n := int(binary.LittleEndian.Uint16(head[24:]))
	_, _ = r.r.Discard(runHead) // was peeked
	r.it.value = slices.Grow(r.it.value[:0], n)[:n]
	if _, err := io.ReadFull(r.r, r.it.value); err != nil {
		return false, fmt.Errorf("cannot read a staging file: %w", err)
	}
	r.prefix = binary.BigEndian.Uint64(r.it.tag[:prefixSize])
	return true, nil
}

func (r *runReader) less(o *runReader) bool {
	if r.prefix != o.prefix {
		return r.prefix < o.prefix
	}
	return bytes.Compare(r.it.tag[:], o.it.tag[:]) < 0
}

func (m *merger) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(m.heap) {
			return
		}
		if c+1 < len(m.heap) && m.heap[c+1].less(m.heap[c]) {
			c++
		}
		if !m.heap[c].less(m.heap[i]) {
			return
		}
		m.heap[i], m.heap[c] = m.heap[c], m.heap[i]
		i = c
	}
}

// batch is some records in order; the values lie in buf.
type batch struct {
	items []runItem
	buf   []byte
	err   error
}

const (
	batchItems = 256
	maxBatches = 2 * maxSlice / batchItems // read ahead and being written
)

// fill takes the next records, none at the end.
func (m *merger) fill(b *batch) {
	b.items, b.buf = b.items[:0], b.buf[:0]
	for len(b.items) < batchItems && len(m.heap) > 0 {
		top := m.heap[0]
		if m.any && top.it.tag == m.last {
			b.err = fmt.Errorf("cannot load codes: tag %s: %w", m.last, ErrTwice)
			return
		}
		m.last, m.any = top.it.tag, true
		at := len(b.buf)
		b.buf = append(b.buf, top.it.value...)
		b.items = append(b.items, runItem{top.it.tag, top.it.hash, b.buf[at:len(b.buf):len(b.buf)]})
		more, err := top.next()
		if err != nil {
			b.err = err
			return
		}
		if !more {
			m.heap[0] = m.heap[len(m.heap)-1]
			m.heap = m.heap[:len(m.heap)-1]
		}
		m.down(0)
	}
}

// batches merges ahead of the writer, up to a bound.
type batches struct {
	full  chan *batch
	empty chan *batch
	quit  chan struct{}
	done  chan struct{}
	held  []*batch
	items []runItem
}

func newBatches(m *merger) *batches {
	a := &batches{full: make(chan *batch, maxBatches), empty: make(chan *batch, maxBatches), quit: make(chan struct{}), done: make(chan struct{})}
	for range maxBatches {
		a.empty <- &batch{}
	}
	go a.run(m)
	return a
}

func (a *batches) run(m *merger) {
	defer close(a.done)
	defer close(a.full)
	for {
		select {
		case <-a.quit:
			return
		case b := <-a.empty:
			m.fill(b)
			if len(b.items) == 0 && b.err == nil {
				return
			}
			a.full <- b // has room for every batch there is
			if b.err != nil {
				return
			}
		}
	}
}

// take returns at least one and about n records, none at the end. They are
// valid until recycle.
func (a *batches) take(n int) ([]runItem, error) {
	a.items = a.items[:0]
	for len(a.items) < n {
		b, ok := <-a.full
		if !ok {
			break
		}
		a.held = append(a.held, b)
		if b.err != nil {
			return nil, b.err
		}
		a.items = append(a.items, b.items...)
	}
	return a.items, nil
}

func (a *batches) recycle() {
	for _, b := range a.held {
		a.empty <- b
	}
	a.held = a.held[:0]
}

// stop ends the merging; afterwards nobody reads the runs.
func (a *batches) stop() {
	close(a.quit)
	<-a.done
}
