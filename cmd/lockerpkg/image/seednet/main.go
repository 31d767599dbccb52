// Command seednet sets an image's network as the seed on its card says, before the network
// starts. The seed is erased when it has been used, so what it said is kept on the data
// partition; a seed without anything in it changes nothing. Package daemon/seed reads it.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"lockerd/daemon/seed"
	"lockerd/store/durable"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: seednet SEED DIRECTORY")
		os.Exit(2)
	}
	if err := set(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "seednet: cannot set the network: %v\n  next: seed the card anew with lockerctl flash\n", err)
		os.Exit(1)
	}
}

// set writes the files of networkd and wpa_supplicant that the seed asks for into dir.
func set(path, dir string) error {
	b, err := os.ReadFile(path) //nolint:gosec // root says which
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := seed.Parse(b)
	if errors.Is(err, seed.ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // networkd is not root
		return err
	}
	for _, f := range units(&s.Network) {
		if err := f.replace(dir); err != nil {
			return err
		}
	}
	// Once lockerd has erased the seed, a power cut must not bring the old names back.
	return errors.Join(durable.SyncDir(dir), durable.SyncDir(filepath.Dir(dir)))
}

// replace makes the file new, whole or not at all; without text it goes.
func (f *file) replace(dir string) error {
	path := filepath.Join(dir, f.name)
	if f.text == "" {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return durable.WriteFile(path, []byte(f.text), f.mode)
}
