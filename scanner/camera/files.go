package camera

import (
	"context"
	"errors"
	"fmt"
	_ "image/png" // pictures of a folder may be PNG
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lockerd/scanner/camera/luma"
)

// Bounds of a camera made of files.
const (
	maxFileBytes = 256 << 20 // of an MJPEG file: it is held in memory
	maxPictures  = 10_000    // of a folder
)

// files shows pictures in turn, over and over.
type files struct {
	load  func(i int) ([]byte, error) // one picture, encoded
	n     int
	shown int
	every time.Duration
	due   time.Time
	jpegs jpegs
}

// openFrames opens what the port names: a folder, a file, or a device.
func openFrames(cfg Config) (frames, error) {
	info, err := os.Stat(cfg.Port)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return openFolder(cfg)
	case info.Mode().IsRegular():
		return openMJPEG(cfg)
	}
	return openV4L2(cfg)
}

// openFolder shows the JPEG and PNG pictures of a folder in order of their names.
func openFolder(cfg Config) (frames, error) {
	entries, err := os.ReadDir(cfg.Port)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".jpg", ".jpeg", ".png":
			names = append(names, filepath.Join(cfg.Port, e.Name()))
		}
	}
	slices.Sort(names)
	if len(names) == 0 || len(names) > maxPictures {
		return nil, fmt.Errorf("the folder has %d pictures: put 1 to %d .jpg or .png files into it", len(names), maxPictures)
	}
	return newFiles(cfg, len(names), func(i int) ([]byte, error) { return os.ReadFile(names[i]) }), nil
}

// openMJPEG shows the frames of a file of JPEG pictures one after another.
func openMJPEG(cfg Config) (frames, error) {
	info, err := os.Stat(cfg.Port)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("the file has %d bytes: %d are possible", info.Size(), maxFileBytes)
	}
	data, err := os.ReadFile(cfg.Port)
	if err != nil {
		return nil, err
	}
	pictures := splitMJPEG(data)
	if len(pictures) == 0 {
		return nil, errors.New("no JPEG picture is in the file: make one with ffmpeg -c:v mjpeg -f mjpeg")
	}
	return newFiles(cfg, len(pictures), func(i int) ([]byte, error) { return pictures[i], nil }), nil
}

func newFiles(cfg Config, n int, load func(int) ([]byte, error)) *files {
	return &files{load: load, n: n, every: time.Second / time.Duration(max(cfg.FPS, 1))}
}

// next implements frames. A late frame is shown at once, none is left out.
func (f *files) next(ctx context.Context, m *luma.Image) error {
	if pause := time.Until(f.due); pause > 0 {
		wait(ctx, pause)
	}
	f.due = time.Now().Add(f.every)
	data, err := f.load(f.shown)
	if err != nil {
		return err
	}
	f.shown = (f.shown + 1) % f.n
	return f.jpegs.decode(m, data)
}

// close implements frames.
func (f *files) close() error { return nil }
