package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"lockerd/store/durable"
	"lockerd/store/journal"
)

const (
	journalName = "journal"
	lockName    = "lock"
	badSuffix   = ".bad" // beside state.db: a record was found damaged, rebuild at the next start

	maxRecoveries = 3 // attempts of one Open to get from a fault to a sound store
)

// errRetry is returned when a recovery has changed the files and Open begins
// again.
var errRetry = errors.New("recovered, open again")

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return "j-" + hex.EncodeToString(b[:])
}

// lockDir makes the directory and keeps every other store out of it.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make data directory %q: %w", dir, err)
	}
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open lock file %q: %w", path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("cannot lock data directory %q: %w: another lockerd runs on it; stop that one or give this one its own data_dir", dir, err)
	}
	return f, nil
}

// open brings journal and state.db up, recovering as often as needed.
func (s *Store) open(ctx context.Context) error {
	if err := os.RemoveAll(filepath.Join(s.dir, stagingName)); err != nil {
		return fmt.Errorf("cannot remove what a restore has left: %w", err)
	}
	var err error
	for range maxRecoveries {
		if err = s.openOnce(ctx); !errors.Is(err, errRetry) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("cannot open the store in %q: %w", s.dir, err)
	}
	s.report.NewJournal = ""
	if s.j.LastIndex() == 0 {
		s.report.NewJournal = s.j.Why()
	}
	last, ok, err := s.j.Last()
	if err != nil {
		return err
	}
	s.report.Clean = !ok && s.j.Why() == "" || ok && stopped(&last)
	return nil
}

func (s *Store) openOnce(ctx context.Context) error {
	if err := s.openJournal(ctx); err != nil {
		return err
	}
	if err := s.openState(ctx); err != nil {
		return s.again(err)
	}
	if err := s.loadSets(); err != nil {
		return s.again(s.suspectRetry(err))
	}
	return s.again(s.suspectRetry(s.replay()))
}

// again closes what an attempt has opened, if it failed.
func (s *Store) again(err error) error {
	if err == nil {
		return nil
	}
	if s.j != nil {
		_ = s.j.Close() // nothing was appended
		s.j = nil
	}
	if s.db != nil {
		_ = s.db.Close() // every transaction was synced
		s.db = nil
	}
	s.ls, s.sets, s.searched, s.nextGen = layers{newLayer()}, map[string]setState{}, nil, 1
	s.bad.Store(false)
	s.report.Replayed, s.report.LostSets = 0, nil
	return err
}

// suspectRetry makes a damaged record met while opening a reason to rebuild.
func (s *Store) suspectRetry(err error) error {
	if errors.Is(err, ErrDamaged) {
		_ = s.suspect(err)
		return fmt.Errorf("%w: %w", errRetry, err)
	}
	return err
}

func (s *Store) openJournal(ctx context.Context) error {
	dir := filepath.Join(s.dir, journalName)
	if err := journal.Adopt(dir); err != nil {
		return err
	}
	if why, err := s.restored(); err != nil {
		return err
	} else if why != "" {
		if err := s.replaceJournal(ctx, why); !errors.Is(err, errRetry) {
			return err
		}
		if err := s.distrusted(); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s", errRetry, why)
	}
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		if _, err := os.Stat(s.path); err == nil {
			return s.replaceJournal(ctx, "the journal is missing")
		}
		s.report.Created = true
		if err := journal.Create(dir, s.o.NewJournalID(), s.o.journal()); err != nil {
			return err
		}
	}
	j, found, err := journal.Open(dir, s.o.journal())
	s.report.TornBytes += found.TornBytes
	s.report.Repaired = append(s.report.Repaired, found.Repaired...)
	if errors.Is(err, journal.ErrDamaged) {
		return s.replaceJournal(ctx, err.Error())
	}
	if err != nil {
		return err
	}
	s.j = j
	return nil
}

// openState opens state.db, or builds it anew if it can't be trusted.
func (s *Store) openState(ctx context.Context) error {
	why, err := s.tryState(ctx)
	if err != nil || why == "" {
		return err
	}
	return s.rebuild(why)
}

// tryState opens state.db. It returns why it must be rebuilt.
func (s *Store) tryState(ctx context.Context) (why string, err error) {
	if _, err := os.Stat(s.path); os.IsNotExist(err) {
		return "state.db is missing", nil
	}
	if _, err := os.Stat(s.path + badSuffix); err == nil {
		return "a damaged record was found while running", nil
	}
	if err := s.o.Check(ctx, s.path); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return err.Error(), nil
	}
	db, err := openBolt(s.path, s.o.StateBytes)
	if err != nil {
		if errors.Is(err, ErrDamaged) {
			return err.Error(), nil
		}
		return "", err
	}
	s.db = db
	return s.judgeState()
}

func openBolt(path string, most int64) (db *bbolt.DB, err error) {
	err = guard(path, func() error {
		o := boltOptions()
		o.MaxSize = int(most)
		db, err = bbolt.Open(path, 0o600, o)
		return err
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, ErrDamaged), errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("cannot open %q: %w: %w", path, err, ErrDamaged)
	}
	return nil, fmt.Errorf("cannot open %q: %w", path, err)
}

// judgeState compares state.db with the journal.
func (s *Store) judgeState() (why string, err error) {
	var id string
	var applied uint64
	err = guard(s.path, func() error {
		if err := s.migrate(); err != nil {
			return err
		}
		return s.db.View(func(tx *bbolt.Tx) error {
			id, applied, err = boltHead(tx)
			return err
		})
	})
	if errors.Is(err, ErrDamaged) {
		return err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	checkpoint, cerr := journal.Checkpoint(filepath.Join(s.dir, journalName))
	switch {
	case id != s.j.ID():
		return fmt.Sprintf("it belongs to journal %q", id), nil
	case cerr == nil && applied < checkpoint:
		return fmt.Sprintf("it is at commit %d, older than the checkpoint at %d", applied, checkpoint), nil
	case applied > s.j.LastIndex():
		return "", s.replaceJournal(context.Background(), fmt.Sprintf("the journal ends at commit %d, and commit %d was applied from it", s.j.LastIndex(), applied))
	}
	s.ls[0].index = applied
	return "", nil
}

// boltHead returns the journal and the commit that a state.db stands for.
func boltHead(tx *bbolt.Tx) (id string, applied uint64, err error) {
	p, err := getSealed(tx, bucketMeta, []byte(metaJournal))
	if err != nil {
		return "", 0, err
	}
	applied, err = getNumber(tx, metaApplied)
	return string(p), applied, err
}

func (s *Store) loadSets() error {
	return guard("the sets", func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			n, err := getNumber(tx, metaNextGen)
			if err != nil {
				return err
			}
			s.nextGen = max(n, 1)
			return eachSealed(tx, bucketSets, func(k, p []byte) error {
				var set setState
				err := decodeJSON(p, &set)
				s.keep(string(k), set)
				s.nextGen = max(s.nextGen, set.Gen+1)
				return err
			})
		})
	})
}

// replay takes the commits that bbolt lacks into the overlay.
func (s *Store) replay() error {
	err := s.j.Replay(s.ls[0].index, func(r journal.Record) error {
		st, err := decodeState(&r)
		if err != nil {
			return err
		}
		s.mu.Lock()
		err = s.absorb(r.Index, st, len(r.State))
		s.mu.Unlock()
		if err != nil {
			return err
		}
		if !st.Stop {
			s.report.Replayed++
		}
		if s.overlayFull() {
			return s.flush()
		}
		return nil
	})
	for name, set := range s.sets {
		if set.Lost {
			s.report.LostSets = append(s.report.LostSets, name)
		}
	}
	return err
}

// suspect marks state.db for rebuilding if err says that a record in it is
// damaged. It returns err.
func (s *Store) suspect(err error) error {
	if !errors.Is(err, ErrDamaged) || s.bad.Swap(true) {
		return err
	}
	if werr := durable.WriteFile(s.path+badSuffix, []byte(err.Error()+"\n"), 0o600); werr != nil {
		s.o.Log.Error("cannot mark the state file for rebuilding", slog.String("error", werr.Error()))
	}
	s.o.Log.Error("a stored record is damaged; the state file will be rebuilt at the next start", slog.String("error", err.Error()))
	return err
}
