package fleet

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lockerd/daemon/locker"
	"lockerd/store/durable"
	"lockerd/sync/backend"
	"lockerd/sync/wire"
)

// keyFile holds the private keys, mode 0600, beside the state.
type keyFile struct {
	V    int         `json:"v"`
	Keys []storedKey `json:"keys"` // the oldest first
	path string
}

// storedKey is one key. A retired one is no more in the key set of banks; it signs for
// those that do not know a newer one yet.
type storedKey struct {
	KID     string      `json:"kid"`
	Tenant  string      `json:"tenant"`
	Seed    string      `json:"seed"` // base64url
	Made    locker.Time `json:"made"`
	Retired bool        `json:"retired,omitempty"`
}

func keyPath(state string) string {
	return strings.TrimSuffix(state, filepath.Ext(state)) + ".keys"
}

// readKeys reads the file; without one there are no keys.
func readKeys(path string) (*keyFile, error) {
	f := &keyFile{V: 1, path: path}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fail("cannot use the keys in %s: others on this machine may read them (mode %04o)", "chmod 600 "+path+"; if others could have read them: lockerctl fleet keys rotate", path, st.Mode().Perm())
	}
	if err := json.Unmarshal(b, f); err != nil || f.V != 1 {
		return nil, fail("cannot read the keys in %s: the file is damaged", "put it back from a backup", path)
	}
	return f, nil
}

// write replaces the file as a whole.
func (f *keyFile) write() error {
	b, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("cannot write the keys: %w", err)
	}
	return durable.WriteFile(f.path, append(b, '\n'), 0o600)
}

// add makes a key; the owner's older ones are retired if it is in their place.
func (f *keyFile) add(tenant string, now locker.Time, instead bool) (storedKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return storedKey{}, fmt.Errorf("cannot make a key: %w", err)
	}
	name, n := tenant, 1
	if tenant == locker.SetOperator {
		name = "ops"
	}
	for i := range f.Keys {
		if f.Keys[i].Tenant == tenant {
			n++
			f.Keys[i].Retired = f.Keys[i].Retired || instead
		}
	}
	k := storedKey{KID: fmt.Sprintf("%s-%d", name, n), Tenant: tenant, Seed: base64.RawURLEncoding.EncodeToString(seed), Made: now}
	f.Keys = append(f.Keys, k)
	return k, nil
}

func (f *keyFile) owns(tenant string) bool {
	for _, k := range f.Keys {
		if k.Tenant == tenant && !k.Retired {
			return true
		}
	}
	return false
}

func (k *storedKey) private() (ed25519.PrivateKey, error) {
	seed, err := base64.RawURLEncoding.DecodeString(k.Seed)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fail("cannot use key %s: its seed is damaged", "put the key file back from a backup", k.KID)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// may is what a key is for.
func (k *storedKey) may() []string {
	if k.Tenant == locker.SetOperator {
		return []string{"ack", "codes", "desired", "command", "ticket", "trust"}
	}
	return []string{"codes", "ticket"}
}

// signers are all keys, for the backend.
func (f *keyFile) signers() ([]backend.Key, error) {
	var list []backend.Key
	for i := range f.Keys {
		p, err := f.Keys[i].private()
		if err != nil {
			return nil, err
		}
		list = append(list, backend.Key{KID: f.Keys[i].KID, Signer: p, Tenant: f.Keys[i].Tenant})
	}
	return list, nil
}

// trust is the key set for banks: all that are not retired.
func (f *keyFile) trust() (*wire.Keys, error) {
	var list []wire.Key
	for i := range f.Keys {
		k := &f.Keys[i]
		if k.Retired {
			continue
		}
		p, err := k.private()
		if err != nil {
			return nil, err
		}
		pub, _ := p.Public().(ed25519.PublicKey)
		list = append(list, wire.Key{KID: k.KID, Public: pub, May: k.may(), Tenant: k.Tenant})
	}
	return wire.NewKeys(list...)
}

// find returns the newest usable key of an owner.
func (f *keyFile) find(tenant string) (*storedKey, bool) {
	for i := len(f.Keys) - 1; i >= 0; i-- {
		if f.Keys[i].Tenant == tenant && !f.Keys[i].Retired {
			return &f.Keys[i], true
		}
	}
	return nil, false
}
