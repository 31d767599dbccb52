package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"lockerd/cmd/lockerpkg/emulate"
	"lockerd/daemon/seed"
)

// fileSystems makes the partitions' file systems below stage and returns them in order.
func (o *order) fileSystems(ctx context.Context, base, stage string) ([]partition, error) {
	if err := o.fill(base, stage); err != nil {
		return nil, err
	}
	if err := program(ctx, filepath.Join(stage, "seednet")); err != nil {
		return nil, err
	}
	script, err := files.ReadFile("files/assemble.sh")
	if err != nil {
		return nil, err
	}
	cmd := emulate.CortexA53().Root(ctx, "/bin/sh", "-c", string(script), "sh")
	cmd.Dir = stage
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Env = append(cmd.Env, fmt.Sprintf("SOURCE_DATE_EPOCH=%d", o.epoch),
		"LOCKERD_ROOT="+name("root"), "LOCKERD_DATA="+name("data"))
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("cannot make the file systems: %w", err)
	}
	return []partition{
		{file: filepath.Join(stage, "boot.img"), kind: kindFAT, boot: true},
		{file: filepath.Join(stage, "root.img"), kind: kindLinux},
		{file: filepath.Join(stage, "data.img"), kind: kindLinux},
	}, nil
}

// program builds the image's own program.
func program(ctx context.Context, out string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, "lockerd/cmd/lockerpkg/image/seednet")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64", "GOFLAGS=-mod=readonly")
	if told, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build seednet: %w\n%s", err, told)
	}
	return nil
}

// name is a UUID that is the same for each image: file systems are found by their label.
func name(of string) string {
	sum := sha256.Sum256([]byte("lockerd image " + of))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562, version 8
	h := hex.EncodeToString(sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// fill lays into stage what the script works on.
func (o *order) fill(base, stage string) error {
	for to, from := range map[string]string{"debian.tar": base, "lockerd.deb": o.deb, "lockerd.toml": o.config} {
		if from == "" {
			continue
		}
		from, err := filepath.Abs(from)
		if err == nil {
			err = os.Symlink(from, filepath.Join(stage, to))
		}
		if err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(stage, seed.Name), seed.Placeholder(), 0o600); err != nil {
		return err
	}
	return fs.WalkDir(files, "files/root", func(path string, d fs.DirEntry, err error) error {
		to := filepath.Join(stage, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(to, 0o755) //nolint:gosec // a system's directories, which all may read
		}
		b, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, b, modeOf(b))
	})
}

// modeOf is 0755 for scripts: what is embedded has no mode.
func modeOf(b []byte) fs.FileMode {
	if strings.HasPrefix(string(b), "#!") {
		return 0o755
	}
	return 0o644
}
