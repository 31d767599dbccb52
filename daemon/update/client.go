package update

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"lockerd/daemon/locker"
	"lockerd/daemon/slots"
	"lockerd/daemon/update/tuf"
	"lockerd/store/durable"
)

// Bounds of metadata.
const (
	maxMetadata = 1 << 20 // bytes of one file
	maxRoots    = 256     // that are walked in one go
	maxProgram  = 64 << 20
)

// Roles of a repository.
const (
	roleRoot      = "root"
	roleTimestamp = "timestamp"
	roleSnapshot  = "snapshot"
	roleTargets   = "targets"
)

var digestForm = locker.NewForm(`^[0-9a-f]{64}$`)

// Client knows what this bank has believed so far.
type Client struct {
	RootFile string           // the first root
	Dir      string           // where what was seen is kept
	Now      func() time.Time // bank time
	Board    string           // lockerd-linux-ARCH
	Log      func(string)
}

// Found is a program that a repository offers.
type Found struct {
	Program slots.Program
	name    string // of the file, below targets/
}

// Find brings the trusted metadata up to what the source has and returns the program
// of a channel for this board.
func (c *Client) Find(ctx context.Context, src Source, channel string) (*Found, error) {
	w := &walk{Client: c, ctx: ctx, src: src}
	if err := w.refresh(); err != nil {
		return nil, err
	}
	name := path.Join(channel, c.Board)
	t, ok := w.set.Targets.Targets[name]
	if !ok {
		return nil, refused("check the channel; lockerctl release status lists what there is", "channel %q has none for this board (%s)", channel, c.Board)
	}
	sum, version := t.Hashes["sha256"], versionOf(t.Custom)
	if !digestForm.MatchString(sum) || version == "" || t.Length <= 0 || t.Length > maxProgram {
		return nil, refused("make the release anew: lockerctl release add", "the entry of %s lacks version, digest or a size below %d MiB", name, maxProgram>>20)
	}
	return &Found{
		Program: slots.Program{Version: version, SHA256: sum, Size: t.Length},
		name:    path.Join("targets", path.Dir(name), sum+"."+path.Base(name)),
	}, nil
}

// Open begins to fetch a program. Who reads it compares size and digest.
func (c *Client) Open(ctx context.Context, src Source, f *Found) (io.ReadCloser, error) {
	r, err := src.Open(ctx, f.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refused("copy or upload the whole repository, targets/ included", "its program is missing (%s)", f.name)
	}
	return r, err
}

// walk is one way through the repository, in the order of the specification (5.3 to 5.6).
type walk struct {
	*Client
	ctx context.Context //nolint:containedctx // a walk is one call
	src Source
	set *tuf.Trusted
}

func (w *walk) refresh() error {
	if err := w.roots(); err != nil {
		return err
	}
	if err := w.timestamp(); err != nil {
		return judged(roleTimestamp, err)
	}
	if err := w.snapshot(); err != nil {
		return judged(roleSnapshot, err)
	}
	return judged(roleTargets, w.targets())
}

func (c *Client) kept(role string) string { return filepath.Join(c.Dir, role+".json") }

// keep writes down what was believed. It is on disk before anything follows from it.
func (c *Client) keep(role string, b []byte) error {
	err := os.MkdirAll(c.Dir, 0o750)
	if err == nil {
		err = durable.WriteFile(c.kept(role), b, 0o600)
	}
	if err != nil {
		return &Error{Code: CodeFailed, Text: fmt.Sprintf("cannot keep the %s of the updates: %v", role, err), Cure: "free space on the card: journalctl --vacuum-size=50M"}
	}
	return nil
}

// start begins with the newest root that was believed; one that is damaged is forgotten, the
// first one leads to it again.
func (w *walk) start() error {
	for _, file := range []string{w.kept(roleRoot), w.RootFile} {
		b, err := os.ReadFile(file)
		if err == nil {
			w.set, err = tuf.New(b, w.Now())
		}
		if err == nil {
			return nil
		}
		if file == w.RootFile {
			return refused("put the repository's first root there (metadata/1.root.json) and name it in [update] root_file",
				"no root is trusted: %v", err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			w.Log("the root of updates that was kept is damaged, beginning from the first: " + err.Error())
		}
	}
	return nil
}

func (w *walk) roots() error {
	if err := w.start(); err != nil {
		return err
	}
	for range maxRoots {
		b, err := w.fetch(fmt.Sprintf("%d.root.json", w.set.Root.Version+1))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = w.set.NextRoot(b)
		}
		if err != nil {
			return judged(roleRoot, err)
		}
		if err := w.keep(roleRoot, b); err != nil {
			return err
		}
	}
	return refused("look at the repository: it has rotated more often than anybody should", "it has more than %d new roots", maxRoots)
}

// timestamp takes the one that was seen first: a newer may not be older than it.
func (w *walk) timestamp() error {
	if b, err := os.ReadFile(w.kept(roleTimestamp)); err == nil {
		if err := w.set.TakeTimestamp(b); err != nil && !errors.Is(err, tuf.ErrExpired) {
			w.Log("the timestamp of updates that was kept does not count any more: " + err.Error())
		}
	}
	b, err := w.fetch("timestamp.json")
	if err != nil {
		return err
	}
	if err := w.set.TakeTimestamp(b); err != nil {
		if !errors.Is(err, tuf.ErrSame) {
			return err
		}
		if w.set.At.After(w.set.Timestamp.Expires) {
			return tuf.ErrExpired
		}
		return nil
	}
	return w.keep(roleTimestamp, b)
}

func (w *walk) snapshot() error {
	if b, err := os.ReadFile(w.kept(roleSnapshot)); err == nil {
		if err = w.set.TakeSnapshot(b, true); err == nil {
			return nil // the newest already
		}
	}
	b, err := w.fetch(fmt.Sprintf("%d.snapshot.json", w.set.Timestamp.Meta["snapshot.json"].Version))
	if err != nil {
		return err
	}
	if err := w.set.TakeSnapshot(b, false); err != nil {
		return err
	}
	return w.keep(roleSnapshot, b)
}

func (w *walk) targets() error {
	b, err := w.fetch(fmt.Sprintf("%d.targets.json", w.set.Snapshot.Meta["targets.json"].Version))
	if err != nil {
		return err
	}
	return w.set.TakeTargets(b)
}

// fetch reads one file of metadata.
func (w *walk) fetch(name string) ([]byte, error) {
	r, err := w.src.Open(w.ctx, path.Join("metadata", name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err == nil && len(b) > maxMetadata {
		err = errors.New("it is too large")
	}
	return b, err
}

// versionOf is the version that a file of a release names; "": none.
func versionOf(custom []byte) string {
	var c struct {
		Version string `json:"version"`
	}
	if json.Unmarshal(custom, &c) != nil || parseVersion(c.Version) == (version{}) {
		return ""
	}
	return c.Version
}
