// Command image makes an image for a card: Debian for arm64 with the package of lockerd on
// it. `make image-pi` and `make image-qemu` run it from the root of the repository; README.md
// beside it says what is in an image, and why.
//
// The same package, configuration, Debian and SOURCE_DATE_EPOCH give the same bytes.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
)

// files are the recipes, and what an image has beyond Debian and the package.
//
//go:embed all:files
var files embed.FS

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// order is what a call asks for.
type order struct {
	deb    string // the package for arm64
	config string // lockerd.toml; "": the package's, which describes no bank
	dir    string // for Debian, and what lies there until the image is done
	out    string
	epoch  int64
}

func parse(args []string) (*order, error) {
	o := &order{}
	fs := flag.NewFlagSet("image", flag.ContinueOnError)
	fs.StringVar(&o.deb, "deb", "", "the `package` for arm64, of make packages")
	fs.StringVar(&o.config, "config", "", "`lockerd.toml` of the bank that the image is for (none: described at the bank)")
	fs.StringVar(&o.dir, "dir", ".bin/image", "`directory` for Debian and for what is made on the way")
	fs.StringVar(&o.out, "out", ".bin/image/lockerd-pi-arm64.img", "`file` for the image")
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	if o.deb == "" || fs.NArg() > 0 {
		return nil, errors.New("give -deb, the package for arm64")
	}
	var err error
	if o.epoch, err = strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err != nil {
		return nil, errors.New("give SOURCE_DATE_EPOCH, the time of the commit in seconds: git log -1 --format=%ct")
	}
	return o, nil
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if err := able(); err != nil {
		return err
	}
	for _, d := range []string{o.dir, filepath.Dir(o.out)} {
		if err := os.MkdirAll(d, 0o750); err != nil {
			return err
		}
	}
	base, err := debian(ctx, o.dir)
	if err != nil {
		return err
	}
	stage, err := os.MkdirTemp(o.dir, "stage-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage) //nolint:errcheck // nothing depends on it
	parts, err := o.fileSystems(ctx, base, stage)
	if err != nil {
		return err
	}
	if err := write(o.out, parts, signature(o.out)); err != nil {
		return fmt.Errorf("cannot write the image: %w", err)
	}
	if err := os.Rename(filepath.Join(stage, "packages.txt"), o.out+".packages"); err != nil {
		return err
	}
	return told(stdout, o.out)
}

// able tells what is missing to make an image.
func able() error {
	if os.Geteuid() != 0 {
		return errors.New("cannot make an image: its files belong to root; run this as root")
	}
	for program, pkg := range map[string]string{
		"mmdebstrap": "mmdebstrap", "qemu-aarch64-static": "qemu-user-static", "mke2fs": "e2fsprogs",
		"debugfs": "e2fsprogs", "mkfs.vfat": "dosfstools", "mcopy": "mtools",
	} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("cannot make an image without %s: apt-get install %s", program, pkg)
		}
	}
	return nil
}

// told says how large the image is, as a file and on this disk.
func told(stdout io.Writer, path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s  %d MiB, of which %d MiB are not zero\n", path, fi.Size()>>20, onDisk(fi)>>20)
	return err
}
