package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Keys makes and finds the bank's keys. A key is known by a name and can sign; nothing
// asks for more, so that it may be in a chip.
type Keys interface {
	// Key returns the key of a name, and makes it, lastingly, if there is none.
	Key(name string) (crypto.Signer, error)
	// Names lists the keys there are.
	Names() ([]string, error)
	// Keep destroys all keys but the named one.
	Keep(name string) error
}

// fileKeys are keys in files.
type fileKeys struct {
	dir  string
	disk disk
}

var _ Keys = (*fileKeys)(nil)

const keySuffix = ".key"

func (k *fileKeys) path(name string) string { return filepath.Join(k.dir, name+keySuffix) }

// Key implements Keys.
func (k *fileKeys) Key(name string) (crypto.Signer, error) {
	path := k.path(name)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k.make(path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the bank's key: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the bank's key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("cannot use the bank's key in %s: others on this board may read it (mode %04o); chmod 600 it, and if others could have read it ask the operator for lockerctl replace", path, st.Mode().Perm())
	}
	return parseKey(raw, path)
}

func (k *fileKeys) make(path string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("cannot make the bank's key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("cannot make the bank's key: %w", err)
	}
	if err := k.disk.mkdir(k.dir); err != nil {
		return nil, err
	}
	return key, k.disk.write(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func parseKey(raw []byte, path string) (crypto.Signer, error) {
	if block, _ := pem.Decode(raw); block != nil {
		if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if s, ok := k.(crypto.Signer); ok {
				return s, nil
			}
		}
	}
	return nil, fmt.Errorf("cannot read the bank's key in %s: the file is damaged; ask the operator for lockerctl replace and enrol anew", path)
}

// Names implements Keys.
func (k *fileKeys) Names() ([]string, error) {
	files, err := os.ReadDir(k.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for keys: %w", err)
	}
	var names []string
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), keySuffix); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// Keep implements Keys.
func (k *fileKeys) Keep(name string) error {
	names, err := k.Names()
	if err != nil {
		return err
	}
	for _, n := range names {
		if n != name {
			if err := k.disk.erase(k.path(n)); err != nil {
				return fmt.Errorf("cannot destroy an old key: %w", err)
			}
		}
	}
	return nil
}
