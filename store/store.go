package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
	"lockerd/store/journal"
)

// ErrClosed is returned when the store has been closed.
var ErrClosed = errors.New("store closed")

// Defaults of Options.
const (
	DefaultJournalBytes = 64 << 20
	DefaultKeepAcked    = 168 * time.Hour
)

// Options are the settings of a store. The zero value is usable.
type Options struct {
	JournalBytes int64         // bound of stored event bytes; default 64 MiB
	KeepAcked    time.Duration // how long acknowledged events are kept; default 168h
	SegmentBytes int64         // size of a journal segment; default a 16th of JournalBytes, 64 KiB to 1 MiB
	StateBytes   int64         // bound of state.db; default and at most 4 GiB, 512 MiB in a 32-bit address space
	ApplyDelay   time.Duration // quiet before the overlay is brought into bbolt; default 2s
	Log          *slog.Logger

	// Check judges state.db before it is opened; nil: CheckFile in this process.
	// The daemon passes InChild: a damaged file can take the process with it.
	Check        func(ctx context.Context, path string) error
	Now          func() time.Time // for KeepAcked only; default time.Now
	NewJournalID func() string    // default: random

	// Fault seams of the journal's appends; nil is the system's own.
	WriteAt  func(f *os.File, b []byte, off int64) (int, error)
	Datasync func(f *os.File) error

	// Free tells how many bytes of a directory's disk are free, of how many; nil: the
	// system's own.
	Free func(dir string) (free, total int64, err error)

	mutation
}

func (o Options) withDefaults() Options {
	if o.JournalBytes == 0 {
		o.JournalBytes = DefaultJournalBytes
	}
	if o.KeepAcked == 0 {
		o.KeepAcked = DefaultKeepAcked
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = min(max(o.JournalBytes/16, 64<<10), journal.DefaultSegmentBytes)
	}
	if o.StateBytes == 0 || o.StateBytes > maxBoltSize {
		o.StateBytes = maxBoltSize
	}
	if o.ApplyDelay == 0 {
		o.ApplyDelay = DefaultApplyDelay
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Check == nil {
		o.Check = func(_ context.Context, path string) error { return CheckFile(path) }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewJournalID == nil {
		o.NewJournalID = randomID
	}
	if o.Free == nil {
		o.Free = diskFree
	}
	return o.seams(o)
}

func (o *Options) journal() journal.Options {
	return journal.Options{SegmentBytes: o.SegmentBytes, Log: o.Log, WriteAt: o.WriteAt, Datasync: o.Datasync}
}

// Store is an open store.
type Store struct {
	o      Options
	dir    string
	path   string // of state.db
	lock   *os.File
	j      *journal.Journal
	db     *bbolt.DB
	report Report

	committing sync.Mutex // one commit at a time
	applying   sync.Mutex // one flush at a time; before mu
	pruning    sync.Mutex // one prune at a time; before applying

	mu       sync.RWMutex // guards what follows; a reader holds it while it reads bbolt
	ls       layers
	sets     map[string]setState
	searched []searched
	nextGen  uint64
	staged   map[genID]*Load
	failed   error
	grown    chan struct{} // closed when there are new events
	acked    uint64

	bad  atomic.Bool // state.db is marked for rebuilding
	hush hush

	kick    chan struct{}
	stop    chan struct{}
	closing sync.Once
	workers sync.WaitGroup
	loading sync.WaitGroup // runs of loads being written
	commits atomic.Int64
}

// Open opens the store in dir, which is made if absent, and repairs what a
// crash or a failing disk has left. What it found is in Report.
func Open(ctx context.Context, dir string, o Options) (*Store, error) {
	o = o.withDefaults()
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{
		o: o, dir: dir, path: statePath(dir), lock: lock,
		ls: layers{newLayer()}, sets: map[string]setState{}, nextGen: 1, staged: map[genID]*Load{},
		grown: make(chan struct{}), kick: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	if err := s.open(ctx); err != nil {
		s.release()
		return nil, err
	}
	s.workers.Go(s.applier)
	s.workers.Go(s.scrub)
	s.nudge()
	return s, nil
}

// release closes the files.
func (s *Store) release() {
	if s.j != nil {
		_ = s.j.Close() // every append was synced
	}
	if s.db != nil {
		_ = s.db.Close() // every transaction was synced
	}
	_ = s.lock.Close() // ends the lock
}

// Close brings everything into bbolt and marks the stop as clean. A store that
// has failed is closed without that mark.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		close(s.stop)
		s.workers.Wait()
		s.discardLoads()
		s.committing.Lock()
		defer s.committing.Unlock()
		if err = s.failure(); err == nil {
			err = s.cleanStop()
		}
		s.fail(ErrClosed)
		s.release()
	})
	return err
}

func (s *Store) cleanStop() error {
	if err := s.flush(); err != nil {
		return err
	}
	b, err := json.Marshal(&state{Stop: true})
	if err != nil {
		return fmt.Errorf("cannot encode the mark of a clean stop: %w", err)
	}
	_, _, err = s.j.Append(nil, b)
	return err
}

// JournalID returns the id of the journal.
func (s *Store) JournalID() string { return s.j.ID() }

// First returns the seq of the oldest stored event.
func (s *Store) First() uint64 { return s.j.First() }

// Next returns the seq the next event gets.
func (s *Store) Next() uint64 { return s.j.Next() }

// EventBytes returns the size of all stored events.
func (s *Store) EventBytes() int64 { return s.j.EventBytes() }

// Events returns at most limit stored lines from the first with a seq of at
// least from. They are copies.
func (s *Store) Events(from uint64, limit int) ([][]byte, error) { return s.j.Events(from, limit) }

// Lines calls fn with the stored lines from the first one on whose seq is at least
// from, until fn says no. A line is fn's only while it runs, and fn must not call
// the store.
func (s *Store) Lines(from uint64, fn func(line []byte) bool) error { return s.j.Lines(from, fn) }

// Stats are counters since Open.
type Stats struct {
	Commits int64
	Syncs   int64 // data syncs that commits waited for
	Bytes   int64 // written by them
}

// Stats returns the counters.
func (s *Store) Stats() Stats {
	syncs, written := s.j.Counters()
	return Stats{Commits: s.commits.Load(), Syncs: syncs, Bytes: written}
}

// Report says what Open found and did.
type Report struct {
	Clean      bool  // the last stop was clean; true for a new journal
	Created    bool  // there was nothing
	Replayed   int   // commits that bbolt lacked
	TornBytes  int64 // of a commit that never returned, cut off
	Repaired   []journal.Repair
	Rebuilt    string // why state.db was built anew, or ""
	RebuiltOld string // where the old one lies, if it was kept
	NewJournal string // why the journal was replaced, or ""
	JournalOld string // where the old one lies
	LostSets   []string
}

// Report returns what Open found and did.
func (s *Store) Report() Report { return s.report }

// stopped decodes only whether a record is the mark of a clean stop.
func stopped(r *journal.Record) bool {
	var st struct {
		Stop bool `json:"stop"`
	}
	return len(r.Lines) == 0 && json.Unmarshal(r.State, &st) == nil && st.Stop
}

func decodeState(r *journal.Record) (*state, error) {
	st := &state{Commit: &locker.Commit{}}
	if len(r.State) == 0 {
		return st, nil
	}
	if err := json.Unmarshal(r.State, st); err != nil {
		return nil, fmt.Errorf("cannot decode the state of commit %d: %w", r.Index, err)
	}
	return st, nil
}

// discardLoads ends the loads that nobody has finished.
func (s *Store) discardLoads() {
	s.mu.RLock()
	var open []*Load
	for _, l := range s.staged {
		open = append(open, l)
	}
	s.mu.RUnlock()
	for _, l := range open {
		l.Discard()
	}
	s.loading.Wait()
}
