package release

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"lockerd/store/durable"
)

// Lives of what is signed.
const (
	rootLife    = 5 * 365 * 24 * time.Hour
	targetsLife = 365 * 24 * time.Hour
	// Fresh is the usual life of snapshot and timestamp.
	Fresh = 30 * 24 * time.Hour
)

// Repo is a repository and the keys at hand.
type Repo struct {
	Dir   string
	Keys  string
	Fresh time.Duration // life of snapshot and timestamp; 0: Fresh
	Now   func() time.Time
}

// Threshold says how many keys of a role are made, and how many must sign.
type Threshold struct{ Keys, Need int }

// Init makes a repository with its keys. It never touches one that is there.
func (r *Repo) Init(root, targets Threshold) error {
	if _, err := os.Stat(r.metadata("timestamp.json")); err == nil {
		return fmt.Errorf("cannot make a repository in %q: there is one: lockerctl release status", r.Dir)
	}
	for _, t := range []Threshold{root, targets} {
		if t.Need < 1 || t.Keys < t.Need {
			return fmt.Errorf("cannot make %d keys of which %d must sign: make at least as many as must sign", t.Keys, t.Need)
		}
	}
	m := metadata.Root(r.Now().Add(rootLife).UTC())
	m.Signed.ConsistentSnapshot = true
	for _, role := range roles() {
		t := map[string]Threshold{metadata.ROOT: root, metadata.TARGETS: targets}[role]
		t.Keys, t.Need = max(1, t.Keys), max(1, t.Need)
		for range t.Keys {
			k, err := r.newKey(role)
			if err != nil {
				return err
			}
			if err := m.Signed.AddKey(k.public, role); err != nil {
				return fmt.Errorf("cannot add a key of %s: %w", role, err)
			}
		}
		m.Signed.Roles[role].Threshold = t.Need
	}
	keys, err := r.keysOf(metadata.ROOT)
	if err != nil {
		return err
	}
	if _, err := sign(m, keys, m.Signed.Roles[metadata.ROOT].KeyIDs); err != nil {
		return err
	}
	if err := put(r, r.metadata("1.root.json"), m); err != nil {
		return err
	}
	first := metadata.Targets(r.Now().Add(targetsLife).UTC())
	first.Signed.Version = 0 // publish counts it up
	return r.stage(first)
}

func (r *Repo) metadata(name string) string { return filepath.Join(r.Dir, "metadata", name) }
func (r *Repo) staged(name string) string   { return filepath.Join(r.Dir, "staged", name) }

// put writes metadata so that it is there whole or not at all.
func put[T metadata.Roles](_ *Repo, path string, m *metadata.Metadata[T]) error {
	b, err := m.ToBytes(true)
	if err != nil {
		return fmt.Errorf("cannot encode %q: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot write %q: %w", path, err)
	}
	return durable.WriteFile(path, b, 0o644)
}

// root returns the newest root.
func (r *Repo) root() (*metadata.Metadata[metadata.RootType], error) {
	n, err := r.newest("root")
	if err != nil {
		return nil, err
	}
	return metadata.Root().FromFile(r.metadata(fmt.Sprintf("%d.root.json", n)))
}

func (r *Repo) targets() (*metadata.Metadata[metadata.TargetsType], error) {
	n, err := r.newest("targets")
	if err != nil {
		return nil, err
	}
	return metadata.Targets().FromFile(r.metadata(fmt.Sprintf("%d.targets.json", n)))
}

// newest is the highest version of a role's files.
func (r *Repo) newest(role string) (int64, error) {
	all, err := filepath.Glob(r.metadata("*." + role + ".json"))
	if err != nil {
		return 0, fmt.Errorf("cannot look into %q: %w", r.Dir, err)
	}
	var most int64
	for _, path := range all {
		head, _, _ := strings.Cut(filepath.Base(path), ".")
		if n, err := strconv.ParseInt(head, 10, 64); err == nil {
			most = max(most, n)
		}
	}
	if most == 0 {
		return 0, fmt.Errorf("cannot find the %s of a repository in %q: %w: lockerctl release init makes one", role, r.Dir, fs.ErrNotExist)
	}
	return most, nil
}

// TooFewError is returned where more signatures are needed; what has been done is staged.
type TooFewError struct {
	Role       string
	Have, Need int
}

// Error implements error.
func (t *TooFewError) Error() string {
	return fmt.Sprintf("%s has %d of %d signatures and is staged: let the next signer run lockerctl release sign with own keys", t.Role, t.Have, t.Need)
}

// Sign adds the signatures of the keys at hand to what is staged, and publishes what
// has enough.
func (r *Repo) Sign() error {
	done := false
	if m, err := metadata.Root().FromFile(r.staged("root.json")); err == nil {
		done = true
		if err := r.stageRoot(m); err != nil {
			return err
		}
		if err := r.settle(); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read the staged root: %w", err)
	}
	if m, err := metadata.Targets().FromFile(r.staged("targets.json")); err == nil {
		return r.stage(m)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read the staged targets: %w", err)
	}
	if !done {
		return errors.New("cannot sign: nothing is staged: lockerctl release add VERSION FILES")
	}
	return nil
}
