package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"lockerd/cmd/lockerpkg/emulate"
)

// debian returns the tar of the Debian that images are made of. It is made once for
// each recipe: on emulated processors that takes from ten minutes to half an hour.
func debian(ctx context.Context, dir string) (string, error) {
	recipe, err := files.ReadFile("files/debian.sh")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(string(recipe) + "\n" + os.Getenv("LOCKERD_SUITE") + "\n" + os.Getenv("LOCKERD_MIRROR")))
	path := filepath.Join(dir, fmt.Sprintf("debian-%x.tar", sum[:6]))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	part := path + ".part"
	cmd := emulate.CortexA53().Root(ctx, "/bin/sh", "-c", string(recipe), "sh", part)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cannot make the Debian of the image: %w", err)
	}
	return path, os.Rename(part, path)
}
