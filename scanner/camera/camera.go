// Package camera is a camera behind glass as a barcode scanner.
//
// A Source owns its device: it takes frames, reads the codes in them, and hands
// their texts to the sink as any scanner does: cleaned, and the same text within
// 1.5 s once. When the device goes away it is opened again by the same name,
// after pauses that double from 100 ms to 2 s, for ever. While a frame is read
// newer ones replace each other: a slow board reads fewer frames, never old ones.
//
// Instead of a device the port can be a folder of pictures or an MJPEG file,
// which are shown again and again at the given rate. Frames are never stored,
// logged or sent.
package camera

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockerd/scanner"
	"lockerd/scanner/camera/luma"
	"lockerd/scanner/camera/read"
)

// Bounds of a source.
const (
	minBackoff  = 100 * time.Millisecond
	maxBackoff  = 2 * time.Second
	maxBad      = 30 // frames in a row that are none
	closeWithin = 3 * time.Second
)

// Config is one camera.
type Config struct {
	Name   string
	Port   string // device, best below /dev/v4l/by-id; or a folder of pictures, or an MJPEG file
	Width  int    // wished; the nearest size the camera has is taken
	Height int
	FPS    int
}

// frames is where pictures come from.
type frames interface {
	// next waits for a frame and copies it. errBadFrame: this one is none, the
	// next may be.
	next(ctx context.Context, m *luma.Image) error
	close() error
}

// errBadFrame is returned for a frame that can't be used, as cameras deliver
// now and then.
var errBadFrame = errors.New("it delivers no pictures")

// Source is one camera at work. Its methods may be called from any goroutine.
type Source struct {
	cfg    Config
	sink   scanner.Sink
	open   func(Config) (frames, error)
	texts  *scanner.Decoder
	reader *read.Reader
	stop   context.CancelFunc
	done   chan struct{}
	once   sync.Once
	told   bool // of the device's state at least once
	lost   bool
}

// Open starts a camera. A missing device is no error: it is reported to the
// sink and looked for until Close.
func Open(cfg Config, sink scanner.Sink) (*Source, error) { return start(cfg, sink, openFrames) }

func start(cfg Config, sink scanner.Sink, open func(Config) (frames, error)) (*Source, error) {
	// A code has no suffix. By silence a text is framed when Expire says so.
	texts, err := scanner.NewDecoder(cfg.Name, "")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Source{
		cfg: cfg, sink: sink, open: open, texts: texts, reader: read.New(),
		stop: cancel, done: make(chan struct{}),
	}
	go s.run(ctx)
	return s, nil
}

// Close ends the source and releases its device. After it the sink is not
// called any more, unless the device hangs, which is the error.
func (s *Source) Close() error {
	s.once.Do(s.stop)
	t := time.NewTimer(closeWithin)
	defer t.Stop()
	select {
	case <-s.done:
		return nil
	case <-t.C:
		return fmt.Errorf("cannot close scanner %q: camera %q has not come free within %s", s.cfg.Name, s.cfg.Port, closeWithin)
	}
}

// run opens the device again and again until it is told to stop.
func (s *Source) run(ctx context.Context) {
	defer close(s.done)
	pause := minBackoff
	for ctx.Err() == nil {
		began := time.Now()
		err := s.session(ctx)
		if ctx.Err() != nil {
			return
		}
		s.report(err)
		if time.Since(began) > maxBackoff {
			pause = minBackoff // it had been well
		}
		wait(ctx, pause)
		pause = min(2*pause, maxBackoff)
	}
}

// report tells the sink, once for each change.
func (s *Source) report(err error) {
	if s.told && s.lost == (err != nil) {
		return
	}
	s.told, s.lost = true, err != nil
	s.sink.ScannerState(s.cfg.Name, err)
}

// session serves the device from its opening until it fails. A camera is there
// when it has delivered a picture.
func (s *Source) session(ctx context.Context) error {
	f, err := s.open(s.cfg)
	if err != nil {
		return fmt.Errorf("cannot open camera %q: %w", s.cfg.Port, err)
	}
	defer f.close() //nolint:errcheck // of a device that is only read nothing can be lost
	var m luma.Image
	for bad := 0; ; {
		err := f.next(ctx, &m)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errBadFrame) && bad < maxBad:
			bad++
			continue
		case err != nil:
			return fmt.Errorf("cannot read camera %q: %w; check its cable", s.cfg.Port, err)
		}
		bad = 0
		s.report(nil)
		s.read(&m, time.Now())
	}
}

// read delivers what is read in a frame taken at a time.
func (s *Source) read(m *luma.Image, at time.Time) {
	for _, r := range s.reader.Frame(m) {
		scans := s.texts.Feed(at, []byte(r.Text))
		s.deliver(append(scans, s.texts.Expire(at.Add(scanner.Silence))...))
	}
}

func (s *Source) deliver(scans []scanner.Scan) {
	for _, scan := range scans {
		s.sink.Scanned(scan)
	}
}

// wait returns after a pause or when the context ends.
func wait(ctx context.Context, pause time.Duration) {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
