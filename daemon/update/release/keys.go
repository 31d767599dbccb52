package release

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"lockerd/store/durable"
)

// roles in the order in which they are made.
func roles() []string {
	return []string{metadata.ROOT, metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP}
}

// key is one private key at hand.
type key struct {
	id     string
	public *metadata.Key
	signer signature.Signer
}

// newKey makes a key file for a role, under the first free number.
func (r *Repo) newKey(role string) (*key, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("cannot make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("cannot encode a key: %w", err)
	}
	if err := os.MkdirAll(r.Keys, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the directory of keys: %w", err)
	}
	for n := 1; ; n++ {
		path := filepath.Join(r.Keys, fmt.Sprintf("%s-%d.key", role, n))
		if _, err := os.Lstat(path); err == nil {
			continue
		}
		if err := durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			return nil, fmt.Errorf("cannot keep a key: %w", err)
		}
		return keyOf(private)
	}
}

func keyOf(private ed25519.PrivateKey) (*key, error) {
	public, err := metadata.KeyFromPublicKey(private.Public())
	if err != nil {
		return nil, fmt.Errorf("cannot use a key: %w", err)
	}
	id, err := public.ID()
	if err != nil {
		return nil, fmt.Errorf("cannot use a key: %w", err)
	}
	signer, err := signature.LoadED25519Signer(private)
	if err != nil {
		return nil, fmt.Errorf("cannot use a key: %w", err)
	}
	return &key{id, public, signer}, nil
}

// keysOf reads the keys of a role that are at hand.
func (r *Repo) keysOf(role string) ([]*key, error) {
	paths, err := filepath.Glob(filepath.Join(r.Keys, role+"-*.key"))
	if err != nil {
		return nil, fmt.Errorf("cannot list keys: %w", err)
	}
	var out []*key
	for _, path := range paths {
		k, err := readKey(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read key %q: %w", path, err)
		}
		out = append(out, k)
	}
	return out, nil
}

func readKey(path string) (*key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, errors.New("others may read it: chmod 600, and think about who has")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("it is no PEM file")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("it is no Ed25519 key")
	}
	return keyOf(private)
}

// sign adds the signatures that the keys at hand can give for a role, and tells how many of
// those that count are there. allowed are the key ids of the role.
func sign[T metadata.Roles](m *metadata.Metadata[T], keys []*key, allowed []string) (int, error) {
	for _, k := range keys {
		if !slices.Contains(allowed, k.id) || signedBy(m.Signatures, k.id) {
			continue
		}
		if _, err := m.Sign(k.signer); err != nil {
			return 0, fmt.Errorf("cannot sign: %w", err)
		}
	}
	n := 0
	for _, id := range allowed {
		if signedBy(m.Signatures, id) {
			n++
		}
	}
	return n, nil
}

func signedBy(all []metadata.Signature, id string) bool {
	return slices.ContainsFunc(all, func(s metadata.Signature) bool { return strings.EqualFold(s.KeyID, id) })
}
