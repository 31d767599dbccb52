package identity

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"lockerd/daemon/seed"
	"lockerd/sync/peer"
)

// seedFile is where a seed may lie: on the boot partition, or where somebody puts it.
type seedFile struct {
	path string // "": nowhere
	disk disk
}

// read returns the seed that lies there, nil if none does.
func (f *seedFile) read() (*seed.Seed, error) {
	if f.path == "" {
		return nil, nil //nolint:nilnil // there is no place for one
	}
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // none lies there, as documented
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the seed: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	b, err := io.ReadAll(io.LimitReader(file, seed.Size+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the seed %s: %w", f.path, err)
	}
	s, err := seed.Parse(b)
	if errors.Is(err, seed.ErrEmpty) {
		return nil, nil //nolint:nilnil // erased, or never written
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the seed %s: %w; write it anew: lockerctl enrol token --out FILE", f.path, err)
	}
	return s, nil
}

// erase writes the placeholder over the seed, in its place: a boot partition's FAT is left as
// it is.
func (f *seedFile) erase() error {
	if err := f.disk.overwrite(f.path, seed.Placeholder()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot erase the seed %s: %w; erase it by hand", f.path, err)
	}
	return nil
}

// anchor is what a seed's endpoint is known by.
func anchor(ca string) peer.Verifier {
	if pin, err := peer.ParsePin(ca); err == nil {
		return peer.Verifier{Pin: pin}
	}
	return peer.Verifier{Roots: peer.Certificates([]byte(ca))}
}
