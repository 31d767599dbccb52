package store

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"lockerd/daemon/locker"
)

// Bounds of a load.
const (
	runCodes     = 32768                // records sorted in memory at a time, about 4 MiB
	maxRuns      = 512                  // runs merged: 16 million codes
	sliceTime    = 5 * time.Millisecond // a slice should not hold bbolt's writer longer; half is for its syncs
	minSlice     = 1024                 // records: below, the syncs are all that is left
	maxSlice     = 8192
	firstSlice   = 2048
	loadFill     = 0.9 // of a page: keys come in order
	stagePattern = "load-*.run"
)

// ErrDigest is returned when what was loaded is not what was announced,
// ErrTwice when two loaded records have one tag.
var (
	ErrDigest = errors.New("the digest of the loaded codes is another")
	ErrTwice  = errors.New("two of the loaded codes have the same tag")
)

// Load is a generation of a set that is being staged. It is used by one
// goroutine. Nothing of it is seen before Finish, and nothing of it outlives a
// restart before that.
//
// Codes come in any order: they are sorted in runs, kept in files of their own,
// and merged into bbolt in key order, which is what keeps a large load quick.
type Load struct {
	s       *Store
	gen     genID
	encoder *runEncoder      // being filled
	idle    chan *runEncoder // the other one, when its run is written
	spilled error            // first error of a run; read after waiting for idle
	runs    []*os.File
	sealed  bool
	ended   bool
	size    int
	bytes   int64           // that the records will take in state.db, at least
	info    locker.SetInfo  // count and digest, revoked ones taken out
	fresh   map[string]bool // ids marked since the load began; guarded by the store's mu
}

// LoadSnapshot begins to stage a new generation of a set.
func (s *Store) LoadSnapshot(set string) (*Load, error) {
	if err := s.failure(); err != nil {
		return nil, fmt.Errorf("cannot load codes, the store has failed before: %w", err)
	}
	s.mu.Lock()
	l := &Load{s: s, gen: genID{set, s.nextGen}, fresh: map[string]bool{}, encoder: &runEncoder{}, idle: make(chan *runEncoder, 1)}
	l.idle <- &runEncoder{}
	s.nextGen++
	s.staged[l.gen] = l
	s.mu.Unlock()
	err := s.update("a new generation of codes", func(tx *bbolt.Tx) error {
		for _, name := range []string{l.gen.codes(), l.gen.ids()} {
			if err := dropBucket(tx, name); err != nil {
				return err
			}
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.Discard()
		return nil, err
	}
	return l, nil
}

// dropBucket removes what a load of the same number has left before a restart.
func dropBucket(tx *bbolt.Tx, name string) error {
	if tx.Bucket([]byte(name)) == nil {
		return nil
	}
	return tx.DeleteBucket([]byte(name))
}

// update is a bbolt transaction that turns faults into errors.
func (s *Store) update(what string, fn func(tx *bbolt.Tx) error) error {
	if err := guard(what, func() error { return s.db.Update(fn) }); err != nil {
		return fmt.Errorf("cannot write %s: %w", what, s.suspect(err))
	}
	return nil
}

// Add stages codes.
func (l *Load) Add(codes []locker.Code) error {
	if l.sealed || l.ended {
		return fmt.Errorf("cannot add codes to set %q: the load has ended", l.gen.Set)
	}
	left, err := l.s.Room()
	if err != nil {
		return err
	}
	if left < 0 && len(codes) > 0 {
		return fmt.Errorf("cannot load more codes into set %q: %w", l.gen.Set, ErrRoom)
	}
	for i := range codes {
		part := l.encoder.add(&codes[i])
		l.bytes += int64(len(l.encoder.record)) + besideRecord
		l.info.Digest.Toggle(part)
		l.info.Count++
		if len(l.encoder.items) == runCodes {
			if err := l.spill(); err != nil {
				return err
			}
		}
	}
	return nil
}

// spill hands the full encoder to a goroutine that makes a run of it, and goes
// on with the other one: sorting and adding share the time.
func (l *Load) spill() error {
	next := <-l.idle
	if l.spilled != nil {
		l.idle <- next
		return l.spilled
	}
	if len(l.runs) == maxRuns {
		l.idle <- next
		return fmt.Errorf("cannot load more than %d codes into set %q", maxRuns*runCodes, l.gen.Set)
	}
	f, err := os.CreateTemp(l.s.dir, stagePattern)
	if err != nil {
		l.idle <- next
		return fmt.Errorf("cannot create a staging file: %w", err)
	}
	_ = os.Remove(f.Name()) // lives as long as it is open, and not over a restart
	full, run := l.encoder, uint32(len(l.runs))
	l.runs, l.encoder = append(l.runs, f), next
	l.s.loading.Go(func() {
		l.spilled = l.writeRun(full, f, run)
		full.reset()
		l.idle <- full
	})
	return nil
}

// writeRun sorts a run into its file and indexes its ids.
func (l *Load) writeRun(e *runEncoder, f *os.File, run uint32) error {
	if err := e.writeRun(f); err != nil {
		return fmt.Errorf("cannot write a staging file in %q: %w", l.s.dir, err)
	}
	ids := e.sortedIDs()
	l.s.hush.wait(l.s.stop)
	return l.s.update("the ids of codes", func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte(l.gen.ids()))
		b.FillPercent = loadFill
		for len(ids) > 0 {
			n := min(len(ids), idBlockEntries)
			if err := putIDBlock(b, run, ids[:n]); err != nil {
				return err
			}
			ids = ids[n:]
		}
		return nil
	})
}

// drain waits until the last run is written.
func (l *Load) drain() error {
	last := <-l.idle
	l.idle <- last
	return l.spilled
}

// Seal makes all that was added durable in bbolt and returns its count and
// digest, revoked codes taken out. Nothing can be added after it.
func (l *Load) Seal() (locker.SetInfo, error) {
	if l.ended {
		return locker.SetInfo{}, fmt.Errorf("cannot seal the load of set %q: it has ended", l.gen.Set)
	}
	if l.sealed {
		return l.info, nil
	}
	if len(l.encoder.items) > 0 {
		if err := l.spill(); err != nil {
			return locker.SetInfo{}, err
		}
	}
	if err := l.drain(); err != nil {
		return locker.SetInfo{}, err
	}
	<-l.idle
	l.encoder = nil
	l.idle <- nil
	if err := l.merge(); err != nil {
		return locker.SetInfo{}, err
	}
	l.closeRuns()
	l.sealed = true
	return l.info, nil
}

// Finish makes the generation the current one of its set, in one commit with c.
// Epoch, version and time of confirmation come from info, count and digest from
// the records; a digest in info that is another is ErrDigest, and the load is
// still there.
func (l *Load) Finish(info locker.SetInfo, c *locker.Commit) (first uint64, err error) {
	if _, err := l.Seal(); err != nil {
		return 0, err
	}
	l.s.committing.Lock()
	defer l.s.committing.Unlock()
	if err := l.s.failure(); err != nil {
		return 0, fmt.Errorf("cannot commit, the store has failed before: %w", err)
	}
	if err := l.freshen(); err != nil {
		return 0, err
	}
	if info.Digest != (locker.Digest{}) && info.Digest != l.info.Digest {
		return 0, fmt.Errorf("cannot switch set %q to version %d: %w", l.gen.Set, info.Version, ErrDigest)
	}
	info.Count, info.Digest = l.info.Count, l.info.Digest
	st := &state{Commit: c, Flip: &flip{Gen: l.gen, Then: setState{Info: info, Gen: l.gen.N, Size: l.size}}}
	if st.Commit == nil {
		st.Commit = &locker.Commit{}
	}
	if first, err = l.s.commitOne(st); err != nil {
		l.s.fail(err)
	}
	l.end()
	return first, err
}

// Freshen brings the marks that came while the load was under way into its
// sealed records, so that Finish, for which the bank waits, has little left to
// do. Commits may run meanwhile.
func (l *Load) Freshen() error {
	if !l.sealed || l.ended {
		return fmt.Errorf("cannot freshen the load of set %q: it is not sealed, or has ended", l.gen.Set)
	}
	return l.freshen()
}

// Info returns count and digest as of now: before Seal of all that was added.
func (l *Load) Info() locker.SetInfo { return l.info }

// Size returns how many records were loaded; it is known after Seal.
func (l *Load) Size() int { return l.size }

// freshen brings marks into sealed records. A mark that comes while it runs is
// noted anew.
func (l *Load) freshen() error {
	l.s.mu.Lock()
	fresh := l.fresh
	l.fresh = map[string]bool{}
	l.s.mu.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	marks := map[string]locker.Mark{}
	for id := range fresh {
		m, _, err := l.s.Mark(locker.CodeKey{Set: l.gen.Set, ID: id})
		if err != nil {
			return err
		}
		marks[id] = m
	}
	return l.s.update("codes", func(tx *bbolt.Tx) error {
		r := &reader{tx: tx}
		for id, m := range marks {
			var e locker.Entry
			ok, err := r.byID(l.gen, id, &e)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			l.account(&e.Code, e.Mark, m)
			if err := tx.Bucket([]byte(l.gen.codes())).Put(e.Code.Tag[:], appendCode(nil, &e.Code, &m)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Discard ends the load without a trace. After Finish it does nothing.
func (l *Load) Discard() { l.end() }

func (l *Load) end() {
	if l.ended {
		return
	}
	l.ended = true
	_ = l.drain() // nothing comes of it any more
	l.closeRuns()
	l.encoder = nil
	l.s.mu.Lock()
	delete(l.s.staged, l.gen)
	l.s.mu.Unlock()
	l.s.nudge() // there is a generation to sweep
	if l.size > runCodes {
		debug.FreeOSMemory() // the bank idles for days after a load
	}
}

func (l *Load) closeRuns() {
	for _, f := range l.runs {
		_ = f.Close() // has no name any more
	}
	l.runs = nil
}

// digestPart is Code.DigestPart without its allocations: a load needs a million.
func digestPart(buf []byte, c *locker.Code) ([]byte, locker.Digest) {
	buf = append(append(buf[:0], c.ID...), '\n')
	buf = append(base64.RawURLEncoding.AppendEncode(buf, c.Tag[:]), '\n')
	buf = strconv.AppendInt(buf, c.Rev, 10)
	return buf, sha256.Sum256(buf)
}

func statePath(dir string) string { return filepath.Join(dir, "state.db") }
