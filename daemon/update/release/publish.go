package release

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"lockerd/daemon/slots"
)

// Custom is what a release says of each of its files.
type Custom struct {
	Version string `json:"version"`
}

var (
	versionForm = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]{1,40})?$`)
	channelForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	fileForm    = regexp.MustCompile(`^lockerd-linux-(armv6|armv7|arm64|amd64)$`)
)

// Add puts a release into a channel: one file a board, each called lockerd-linux-ARCH.
// Boards that get no new file keep the one they have.
func (r *Repo) Add(channel, version string, files []string) error {
	switch {
	case !versionForm.MatchString(version):
		return fmt.Errorf("cannot release version %q: write it as 1.2.3 or 1.2.3-rc1", version)
	case !channelForm.MatchString(channel):
		return fmt.Errorf("cannot release into channel %q: use up to 32 of a-z, 0-9 and -", channel)
	case len(files) == 0:
		return errors.New("cannot release nothing: name the files lockerd-linux-ARCH")
	}
	m, err := metadata.Targets().FromFile(r.staged("targets.json")) // adds to what waits
	if err != nil {
		m, err = r.targets()
	}
	if err != nil {
		return err
	}
	for _, file := range files {
		if !fileForm.MatchString(filepath.Base(file)) {
			return fmt.Errorf("cannot release %q: call it lockerd-linux-armv6, -armv7, -arm64 or -amd64", file)
		}
		name := path.Join(channel, filepath.Base(file))
		t, err := r.take(name, file, version)
		if err != nil {
			return err
		}
		m.Signed.Targets[name] = t
	}
	m.Signed.Expires = r.Now().Add(targetsLife).UTC()
	m.ClearSignatures()
	return r.stage(m)
}

// take copies a file to where banks fetch it from.
func (r *Repo) take(name, file, version string) (*metadata.TargetFiles, error) {
	size, sum, err := slots.Measure(file)
	if err != nil {
		return nil, fmt.Errorf("cannot release %q: %w", file, err)
	}
	to := filepath.Join(r.Dir, "targets", path.Dir(name), sum+"."+path.Base(name))
	if err := copyFile(to, file); err != nil {
		return nil, fmt.Errorf("cannot copy %q into the repository: %w", file, err)
	}
	raw, err := hex.DecodeString(sum)
	if err != nil || len(raw) != sha256.Size {
		return nil, fmt.Errorf("cannot release %q: its digest %q is none", file, sum)
	}
	custom, err := json.Marshal(Custom{Version: version})
	if err != nil {
		return nil, fmt.Errorf("cannot describe %q: %w", file, err)
	}
	msg := json.RawMessage(custom)
	return &metadata.TargetFiles{Length: size, Hashes: metadata.Hashes{"sha256": raw}, Custom: &msg, Path: name}, nil
}

func copyFile(to, from string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.CreateTemp(filepath.Dir(to), ".part-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }() // gone already if all went well
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(0o644), out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}

// stage signs targets with the keys at hand, and publishes them as the next
// version if that is enough.
func (r *Repo) stage(m *metadata.Metadata[metadata.TargetsType]) error {
	root, err := r.root()
	if err != nil {
		return err
	}
	was, err := r.targets()
	if err == nil && m.Signed.Version == was.Signed.Version || err != nil && m.Signed.Version == 0 {
		m.Signed.Version++
	}
	role := root.Signed.Roles[metadata.TARGETS]
	keys, err := r.keysOf(metadata.TARGETS)
	if err != nil {
		return err
	}
	n, err := sign(m, keys, role.KeyIDs)
	if err != nil {
		return err
	}
	if n < role.Threshold {
		if err := put(r, r.staged("targets.json"), m); err != nil {
			return err
		}
		return &TooFewError{metadata.TARGETS, n, role.Threshold}
	}
	if err := root.VerifyDelegate(metadata.TARGETS, m); err != nil {
		return fmt.Errorf("cannot publish: a signature does not hold: %w: add the release again", err)
	}
	if err := put(r, r.metadata(fmt.Sprintf("%d.targets.json", m.Signed.Version)), m); err != nil {
		return err
	}
	if err := r.Refresh(); err != nil {
		return err
	}
	return gone(r.staged("targets.json"))
}

func gone(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot remove %q: %w", file, err)
	}
	return nil
}

// Refresh makes a new snapshot and timestamp of what is there. Run it by a timer,
// more often than Fresh.
func (r *Repo) Refresh() error {
	root, err := r.root()
	if err != nil {
		return err
	}
	targets, err := r.targets()
	if err != nil {
		return err
	}
	old, err := r.timestamp()
	if err != nil {
		return err
	}
	fresh := r.Fresh
	if fresh == 0 {
		fresh = Fresh
	}
	until := r.Now().Add(fresh).UTC()
	snapshot := metadata.Snapshot(until)
	snapshot.Signed.Version = old.Signed.Meta["snapshot.json"].Version + 1
	snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(targets.Signed.Version)
	timestamp := metadata.Timestamp(until)
	timestamp.Signed.Version = old.Signed.Version + 1
	timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(snapshot.Signed.Version)
	if err := signOnline(r, root, metadata.SNAPSHOT, snapshot); err != nil {
		return err
	}
	if err := signOnline(r, root, metadata.TIMESTAMP, timestamp); err != nil {
		return err
	}
	if err := put(r, r.metadata(fmt.Sprintf("%d.snapshot.json", snapshot.Signed.Version)), snapshot); err != nil {
		return err
	}
	return put(r, r.metadata("timestamp.json"), timestamp)
}

// timestamp returns the one that is published; before the first, one of version 0.
func (r *Repo) timestamp() (*metadata.Metadata[metadata.TimestampType], error) {
	m, err := metadata.Timestamp().FromFile(r.metadata("timestamp.json"))
	if errors.Is(err, os.ErrNotExist) {
		m = metadata.Timestamp()
		m.Signed.Version = 0
		m.Signed.Meta["snapshot.json"] = metadata.MetaFile(0)
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the timestamp: %w", err)
	}
	return m, nil
}

func signOnline[T metadata.Roles](r *Repo, root *metadata.Metadata[metadata.RootType], role string, m *metadata.Metadata[T]) error {
	keys, err := r.keysOf(role)
	if err != nil {
		return err
	}
	need := root.Signed.Roles[role]
	n, err := sign(m, keys, need.KeyIDs)
	if err != nil {
		return err
	}
	if n < need.Threshold {
		return fmt.Errorf("cannot sign the %s: its key is not in %q: run this where it lies", role, r.Keys)
	}
	return nil
}

// Rotate replaces the keys of a role: as many new ones as there were, which others have to
// fetch from KEYS. The new root is signed by the old root keys and the new ones.
func (r *Repo) Rotate(role string) error {
	if !slices.Contains(roles(), role) {
		return fmt.Errorf("cannot rotate the keys of %q: use one of %v", role, roles())
	}
	if _, err := os.Stat(r.staged("root.json")); err == nil {
		return errors.New("cannot rotate: a new root waits for signatures: lockerctl release sign")
	}
	m, err := r.root()
	if err != nil {
		return err
	}
	old := slices.Clone(m.Signed.Roles[role].KeyIDs)
	for range old {
		k, err := r.newKey(role)
		if err != nil {
			return err
		}
		if err := m.Signed.AddKey(k.public, role); err != nil {
			return fmt.Errorf("cannot add a key of %s: %w", role, err)
		}
	}
	for _, id := range old {
		if err := m.Signed.RevokeKey(id, role); err != nil {
			return fmt.Errorf("cannot revoke a key of %s: %w", role, err)
		}
	}
	m.Signed.Version++
	m.Signed.Expires = r.Now().Add(rootLife).UTC()
	m.ClearSignatures()
	if err := r.stageRoot(m); err != nil {
		return err
	}
	return r.settle()
}

// settle makes what is published good under the newest root: what keys have signed that
// were replaced counts no more.
func (r *Repo) settle() error {
	root, err := r.root()
	if err != nil {
		return err
	}
	t, err := r.targets()
	if err != nil {
		return err
	}
	if root.VerifyDelegate(metadata.TARGETS, t) == nil {
		return r.Refresh()
	}
	t.ClearSignatures()
	return r.stage(t)
}

// stageRoot signs a new root with all root keys at hand, and publishes it when those of the
// root before it and its own are enough.
func (r *Repo) stageRoot(m *metadata.Metadata[metadata.RootType]) error {
	before, err := r.root()
	if err != nil {
		return err
	}
	keys, err := r.keysOf(metadata.ROOT)
	if err != nil {
		return err
	}
	for _, by := range []*metadata.Metadata[metadata.RootType]{before, m} {
		role := by.Signed.Roles[metadata.ROOT]
		n, err := sign(m, keys, role.KeyIDs)
		if err != nil {
			return err
		}
		if n < role.Threshold {
			if err := put(r, r.staged("root.json"), m); err != nil {
				return err
			}
			return &TooFewError{metadata.ROOT, n, role.Threshold}
		}
	}
	if err := errors.Join(before.VerifyDelegate(metadata.ROOT, m), m.VerifyDelegate(metadata.ROOT, m)); err != nil {
		return fmt.Errorf("cannot publish the new root: a signature does not hold: %w", err)
	}
	if err := put(r, r.metadata(fmt.Sprintf("%d.root.json", m.Signed.Version)), m); err != nil {
		return err
	}
	return gone(r.staged("root.json"))
}
