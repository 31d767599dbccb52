package backend

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"lockerd/daemon/locker"
	"lockerd/sync/wire"
)

// Config is what a Backend is made of. Store, Keys and Trust are needed.
type Config struct {
	Store  Store
	Keys   []Key      // of each owner the newest last; older ones as long as a bank needs them
	Trust  *wire.Keys // the key set that banks are set up with; SetTrust sends them others
	Prefix string     // of topics; "": lockers/v1
	Bank   string     // "": all banks below the prefix
	Aside  bool       // a rollout is left to another Backend, until Carry is called
	// Barred tells whether a bank's board may not speak for it any more: what comes from it is
	// left aside, and it is told nothing. nil: none is. It is asked within a transaction and must not use the store.
	Barred func(bank string) bool
	Keep   int // events kept of each journal; 0: 200,000. The oldest go, acknowledged long since
	Now    func() time.Time
	Rand   io.Reader
	Log    *slog.Logger
}

const (
	defaultPrefix = "lockers/v1"
	defaultKeep   = 200_000
)

// Backend is the other end of the banks' wire.
type Backend struct {
	cfg   Config
	in    chan Message
	large chan struct{} // one for each large message in it
	mu    sync.Mutex
	core  *core
	out   chan effect // of the connection there is; nil: none

	subscribed bool
	heard      [filterCount]atomic.Bool // something new since subscribe last looked
	brought    atomic.Bool              // something retained, likewise

	dropped, lost uint64
	changed       chan struct{}
}

// RefusedError is a request that can't be honoured as it is; Text says why and what
// to do.
type RefusedError struct{ Text string }

// Error implements error.
func (r *RefusedError) Error() string { return r.Text }

func refusef(format string, args ...any) error {
	return &RefusedError{Text: fmt.Sprintf(format, args...)}
}

// New returns a backend on a store.
func New(cfg Config) (*Backend, error) {
	if cfg.Store == nil || cfg.Trust == nil {
		return nil, errors.New("cannot make a backend without a store and the banks' key set")
	}
	cfg.defaults()
	b := &Backend{cfg: cfg, in: make(chan Message, inQueue), large: make(chan struct{}, largeMax), changed: make(chan struct{})}
	b.core = &core{cfg: &b.cfg, keys: &keyring{keys: cfg.Keys}, begun: begin(b.now()), unborn: map[string]bool{}}
	if err := b.reload(); err != nil {
		return nil, err
	}
	return b, b.firstTrust()
}

// begin is the least number of an event that a backend stores which began at that time. A
// store brought back from a backup has forgotten numbers that whoever reads events has
// seen, and takes for the past: there are never as many of them as milliseconds.
func begin(now locker.Time) uint64 { return uint64(max(now, 0)) } //nolint:gosec // not below 0

func (c *Config) defaults() {
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	if c.Keep <= 0 {
		c.Keep = defaultKeep
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// newID makes an id that no other store has made.
func (c *core) newID(prefix string) (string, error) {
	var id [8]byte
	if _, err := io.ReadFull(c.cfg.Rand, id[:]); err != nil {
		return "", fmt.Errorf("cannot make an id: no random numbers: %w", err)
	}
	return prefix + hex.EncodeToString(id[:]), nil
}

func (b *Backend) now() locker.Time { return locker.TimeOf(b.cfg.Now()) }

// reload reads the banks from the store: at the start, and after a failed commit,
// when memory is ahead of the store.
func (b *Backend) reload() error {
	return b.cfg.Store.View(func(r Reader) error {
		t := &txn{r: r, c: b.core, now: b.now()}
		t.load()
		return t.err
	})
}

// firstTrust notes the key set that banks are set up with.
func (b *Backend) firstTrust() error {
	return b.update(func(t *txn) (map[string]*bank, error) {
		if len(t.c.meta.Trust) == 0 {
			t.c.meta.Trust = []trustInfo{{Version: 0, Keys: grantsOf(b.cfg.Trust)}}
			t.putJSON(key('m'), &t.c.meta)
		}
		return nil, nil
	})
}

// update carries out one change: on disk when it returns nil. Then its messages go
// out.
func (b *Backend) update(change func(*txn) (map[string]*bank, error)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := &txn{c: b.core, now: b.now()}
	arrivals := b.core.meta.Arrivals
	err := b.cfg.Store.Update(func(tx Tx) error {
		t.tx, t.r, t.out = tx, tx, nil
		changed, err := change(t)
		if err != nil {
			return err
		}
		t.flush(changed)
		t.keepRollout()
		if t.c.meta.Arrivals != arrivals {
			t.putJSON(key('m'), &t.c.meta)
		}
		return t.err
	})
	if refused := (*RefusedError)(nil); errors.As(err, &refused) {
		return b.restore(t.touched, arrivals, err)
	}
	if err != nil {
		if rerr := b.reload(); rerr != nil { // memory may be ahead of the store now
			err = errors.Join(err, rerr)
		}
		b.endLink()
		return err
	}
	b.emit(t.out)
	close(b.changed)
	b.changed = make(chan struct{})
	return nil
}

// restore takes one bank back to what is stored, after a request that was refused
// half way. What is not stored of it stays.
func (b *Backend) restore(name string, arrivals uint64, cause error) error {
	b.core.meta.Arrivals = arrivals
	old := b.core.banks[name]
	if old == nil {
		return cause
	}
	stored := &bank{}
	found := false
	err := b.cfg.Store.View(func(r Reader) error {
		t := &txn{r: r, c: b.core}
		found = t.getJSON(bankKey(name), stored)
		return t.err
	})
	switch {
	case err != nil:
		return errors.Join(cause, err)
	case !found:
		delete(b.core.banks, name)
	default:
		stored.inherit(old)
		b.core.banks[name] = stored
	}
	return cause
}

// Changed returns a channel that is closed with the next change of anything.
func (b *Backend) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// view reads the store.
func (b *Backend) view(read func(*txn) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cfg.Store.View(func(r Reader) error {
		t := &txn{r: r, c: b.core, now: b.now()}
		if err := read(t); err != nil {
			return err
		}
		return t.err
	})
}

// await calls done after each change until it says so or ctx ends.
func (b *Backend) await(ctx context.Context, done func() bool) error {
	for {
		c := b.Changed()
		if done() {
			return nil
		}
		select {
		case <-c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
