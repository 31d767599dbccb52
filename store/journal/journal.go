package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"lockerd/store/durable"
)

// Bounds of a segment file.
const (
	DefaultSegmentBytes = 1 << 20
	MinSegmentBytes     = 4 << 10
)

var (
	// ErrDamaged is returned when bytes that were once durable are not what they
	// were and can't be mended.
	ErrDamaged = errors.New("journal damaged")
	// ErrClosed is returned when the journal has been closed.
	ErrClosed = errors.New("journal closed")
)

// Options are the settings of a journal. The zero value is usable.
type Options struct {
	SegmentBytes int64 // size of a new segment file; default 1 MiB
	Log          *slog.Logger

	// Fault seams of Append; nil is the system's own.
	WriteAt  func(f *os.File, b []byte, off int64) (int, error)
	Datasync func(f *os.File) error
}

func (o Options) withDefaults() Options {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	o.SegmentBytes = int64(padded(int(max(o.SegmentBytes, MinSegmentBytes))))
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.WriteAt == nil {
		o.WriteAt = (*os.File).WriteAt
	}
	if o.Datasync == nil {
		o.Datasync = datasync
	}
	return o
}

// Journal is an open journal.
type Journal struct {
	dir string
	id  string
	why string
	o   Options

	appending sync.Mutex // one Append at a time; held over its sync
	failed    error      // first error of an Append; final
	active    *os.File
	buf       []byte

	spares  chan spare // the prepared next segment
	workers sync.WaitGroup

	files sync.RWMutex // read: segment files are being read; write: one is being replaced
	mu    sync.Mutex   // guards what follows; never held over I/O
	segs  []*segment   // the last is the active one

	syncs, written atomic.Int64
}

// spare is a prepared segment, or why there is none.
type spare struct {
	num  uint64
	file *os.File
	err  error
}

// Create makes a journal of that id in dir, which must not exist. A crash
// leaves either no dir or a whole one.
func Create(dir, id string, o Options) error {
	if err := Prepare(dir, id, "", o, nil); err != nil {
		return err
	}
	return Adopt(dir)
}

// Prepare makes a whole journal beside dir, for Adopt to put in its place. why
// says why it replaces another. fill, if given, adds files before the journal
// counts as whole.
func Prepare(dir, id, why string, o Options, fill func(tmp string) error) error {
	tmp := dir + newSuffix
	if err := removeUnfinished(tmp); err != nil {
		return err
	}
	if err := os.Mkdir(tmp, 0o700); err != nil {
		return fmt.Errorf("cannot create journal directory %q: %w", tmp, err)
	}
	if fill != nil {
		if err := fill(tmp); err != nil {
			return err
		}
	}
	return createFirst(tmp, id, why, o.withDefaults().SegmentBytes)
}

const newSuffix = ".new"

// Adopt gives a prepared journal its name, if dir does not exist and a whole
// one is there. A journal beside one that exists is thrown away: it was made by
// a recovery that did not get far enough, and will be made again.
func Adopt(dir string) error {
	tmp := dir + newSuffix
	_, have := os.Stat(dir)
	_, whole := os.Stat(segPath(tmp, 1))
	if have == nil || whole != nil {
		return removeUnfinished(tmp)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("cannot rename journal %q: %w", tmp, err)
	}
	return durable.SyncDir(filepath.Dir(dir))
}

func removeUnfinished(tmp string) error {
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("cannot remove the unfinished journal %q: %w", tmp, err)
	}
	return nil
}

func createFirst(dir, id, why string, size int64) error {
	prev := FirstHash(id)
	h := head{ID: id, Seq: 1, Prev: prev[:], Why: why}
	f, err := h.frame(1)
	if err != nil {
		return err
	}
	b := appendFrame(nil, f)
	b = append(b, make([]byte, max(0, size-int64(len(b))))...)
	return writeFile(segPath(dir, 1), b)
}

// ID returns the journal's id.
func (j *Journal) ID() string { return j.id }

// Why returns the reason why this journal replaced another, or "".
func (j *Journal) Why() string { return j.why }

// LastIndex returns the index of the last record, 0 if there is none.
func (j *Journal) LastIndex() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last().last
}

// last returns the active segment. The caller holds mu.
func (j *Journal) last() *segment { return j.segs[len(j.segs)-1] }

// Next returns the seq the next event gets.
func (j *Journal) Next() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last().next
}

// First returns the seq of the oldest line kept, or Next if there is none.
func (j *Journal) First() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.segs {
		if s.firstSeq != 0 {
			return s.firstSeq
		}
	}
	return j.last().next
}

// EventBytes returns the size of all stored event lines.
func (j *Journal) EventBytes() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	var n int64
	for _, s := range j.segs {
		n += s.bytes
	}
	return n
}

// Counters returns the syncs and bytes of all appends since Open.
func (j *Journal) Counters() (syncs, written int64) { return j.syncs.Load(), j.written.Load() }

// Close waits for the preparation of the next segment and closes the files.
// It syncs nothing: every Append has.
func (j *Journal) Close() error {
	j.appending.Lock()
	defer j.appending.Unlock()
	if j.failed == nil {
		j.failed = ErrClosed
	}
	j.workers.Wait()
	select {
	case s := <-j.spares:
		if s.file != nil {
			_ = s.file.Close() // zeros only
		}
	default:
	}
	if j.active == nil {
		return nil
	}
	err := j.active.Close()
	j.active = nil
	return err
}
