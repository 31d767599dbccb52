package release

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Status is a repository in one page.
type Status struct {
	Roles  []Role   `json:"roles"`
	Files  []File   `json:"files"`
	Staged []string `json:"staged,omitempty"` // roles that wait for signatures
}

// Role is how one role stands.
type Role struct {
	Role    string    `json:"role"`
	Version int64     `json:"version"`
	Expires time.Time `json:"expires"`
	Keys    int       `json:"keys"`
	Need    int       `json:"need"`
	AtHand  int       `json:"at_hand"` // of its keys, in KEYS
}

// File is one file of a release.
type File struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Size    int64  `json:"size"`
}

// Status reads the repository.
func (r *Repo) Status() (*Status, error) {
	root, err := r.root()
	if err != nil {
		return nil, err
	}
	targets, err := r.targets()
	if err != nil {
		return nil, err
	}
	timestamp, err := r.timestamp()
	if err != nil {
		return nil, err
	}
	s := &Status{}
	for _, role := range roles() {
		k := root.Signed.Roles[role]
		x := Role{Role: role, Keys: len(k.KeyIDs), Need: k.Threshold}
		switch role {
		case metadata.ROOT:
			x.Version, x.Expires = root.Signed.Version, root.Signed.Expires
		case metadata.TARGETS:
			x.Version, x.Expires = targets.Signed.Version, targets.Signed.Expires
		case metadata.SNAPSHOT:
			x.Version, x.Expires = timestamp.Signed.Meta["snapshot.json"].Version, timestamp.Signed.Expires
		default:
			x.Version, x.Expires = timestamp.Signed.Version, timestamp.Signed.Expires
		}
		keys, err := r.keysOf(role)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if slices.Contains(k.KeyIDs, key.id) {
				x.AtHand++
			}
		}
		s.Roles = append(s.Roles, x)
	}
	for _, name := range slices.Sorted(maps.Keys(targets.Signed.Targets)) {
		t := targets.Signed.Targets[name]
		s.Files = append(s.Files, File{Name: name, Version: VersionOf(t), Size: t.Length})
	}
	for _, role := range []string{metadata.ROOT, metadata.TARGETS} {
		if _, err := os.Stat(r.staged(role + ".json")); !errors.Is(err, os.ErrNotExist) {
			s.Staged = append(s.Staged, role)
		}
	}
	return s, nil
}

// VersionOf is the version that a file of a release names; "": none.
func VersionOf(t *metadata.TargetFiles) string {
	var c Custom
	if t.Custom == nil || json.Unmarshal(*t.Custom, &c) != nil || !versionForm.MatchString(c.Version) {
		return ""
	}
	return c.Version
}
